//! Juju facts of a bundle that is not deployed yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::juju::{Application, Given, Juju, setting};
use super::known::Known;
use ckf_model::juju::Options;

/// Errors of parsing a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Not YAML of a bundle.
    #[error("not a bundle: {0}")]
    Malformed(#[from] serde_yaml::Error),
    /// It has no applications.
    #[error("the bundle has no applications")]
    Empty,
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(default, alias = "services")]
    applications: BTreeMap<String, Planned>,
    #[serde(default)]
    relations: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct Planned {
    charm: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    revision: Option<u64>,
    #[serde(default)]
    trust: bool,
    #[serde(default)]
    options: BTreeMap<String, Value>,
}

/// Parses a bundle; also returns problems of relations that cannot be assessed. Overlays, the
/// documents after the first, are ignored.
pub fn read(text: &str, declared: &Options) -> Result<(Juju, Vec<String>), BundleError> {
    let first = serde_yaml::Deserializer::from_str(text).next();
    let bundle = match first {
        Some(document) => Bundle::deserialize(document)?,
        None => return Err(BundleError::Empty),
    };
    if bundle.applications.is_empty() {
        return Err(BundleError::Empty);
    }
    let mut problems = Vec::new();
    let mut applications: BTreeMap<String, Application> = bundle
        .applications
        .into_iter()
        .map(|(name, planned)| {
            // ch:dex-auth, cs:~who/dex-auth-12 and a path all end with the name.
            let last = planned.charm.rsplit(['/', ':']).next().unwrap_or_default();
            let charm = bare(last);
            let of = declared.get(&name);
            let options = planned.options.iter().map(|(option, value)| {
                let declared = of.and_then(|options| options.get(option));
                let provided = Given {
                    name: option,
                    value,
                    is_set: true,
                    is_uri: value.as_str().is_some_and(|text| text.starts_with("secret:")),
                };
                (option.clone(), setting(charm, &provided, declared))
            });
            let application = Application {
                charm: last.to_owned(),
                revision: planned.revision,
                channel: planned.channel,
                trusted: planned.trust,
                options: options.collect(),
                name: name.clone(),
                ..Application::default()
            };
            (name, application)
        })
        .collect();
    for relation in &bundle.relations {
        let [one, other] = relation.as_slice() else {
            problems.push(format!("bundle: relation {relation:?}: expected two endpoints"));
            continue;
        };
        for (local, with) in [(one, other), (other, one)] {
            let (name, endpoint) = local.split_once(':').unwrap_or((local, ""));
            let Some(application) = applications.get_mut(name) else {
                problems.push(format!("bundle: relation {one} {other}: no application {name}"));
                continue;
            };
            if endpoint.is_empty() {
                problems.push(format!(
                    "bundle: relation {one} {other}: expected an endpoint of {name}, as {name}:ENDPOINT"
                ));
                continue;
            }
            let with = with.split(':').next().unwrap_or_default().to_owned();
            let related = application.relations.entry(endpoint.to_owned());
            related.or_default().push(with);
        }
    }
    let juju = Juju {
        planned: true,
        applications: Known::Known(applications.into_values().collect()),
        ..Juju::default()
    };
    Ok((juju, problems))
}

/// A charm's name without a trailing revision.
fn bare(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((bare, end)) if !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit()) => bare,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = "
bundle: kubernetes
name: kubeflow
applications:
  dex-auth: {charm: dex-auth, channel: 2.41/stable, revision: 612, trust: true, scale: 1,
             options: {static-username: admin, static-password: admin, port: 5556}}
  katib-db: {charm: 'ch:mysql-k8s', channel: 8.0/stable}
relations:
  - [katib-db:certificates, ca:certificates]
  - [dex-auth, katib-db:logging]
---
applications: {}
";

    #[test]
    fn bundle_is_parsed_without_passwords() {
        let (juju, problems) = read(BUNDLE, &Options::new()).unwrap();
        let Known::Known(applications) = &juju.applications else {
            panic!("applications are unknown")
        };
        let [dex, katib] = applications.as_slice() else { panic!("expected two applications") };
        assert_eq!((dex.charm.as_str(), dex.revision, dex.trusted), ("dex-auth", Some(612), true));
        let password = dex.options["static-password"].password.unwrap();
        assert!(password.well_known && dex.options["static-password"].value.is_none());
        assert_eq!((katib.charm.as_str(), katib.name.as_str()), ("mysql-k8s", "katib-db"));
        assert!(katib.is_related("logging") && katib.is_related("certificates"));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("no application ca"), "{problems:?}");
        assert!(problems[1].contains("expected an endpoint of dex-auth"), "{problems:?}");
    }

    #[test]
    fn invalid_bundle_is_rejected() {
        for text in ["", "applications: {}", "applications: 3", "[", "a: {charm: x}"] {
            assert!(read(text, &Options::new()).is_err(), "{text:?}");
        }
    }
}
