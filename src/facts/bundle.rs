//! Juju facts of a bundle that is not deployed yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::juju::{Application, Given, Juju, setting};
use super::known::Known;
use super::terraform;
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

#[derive(Default, Deserialize)]
pub(super) struct Planned {
    pub(super) charm: String,
    #[serde(default)]
    pub(super) channel: String,
    #[serde(default)]
    pub(super) revision: Option<u64>,
    #[serde(default)]
    pub(super) trust: bool,
    #[serde(default)]
    pub(super) options: BTreeMap<String, Value>,
}

/// Parses a bundle, or a plan of Terraform in JSON; also returns problems of relations that cannot be
/// assessed. Overlays, the documents after the first, are ignored.
pub fn read(text: &str, declared: &Options) -> Result<(Juju, Vec<String>), BundleError> {
    if let Some(plan) = terraform::Plan::parse(text) {
        return plan.juju(declared);
    }
    let first = serde_yaml::Deserializer::from_str(text).next();
    let bundle = match first {
        Some(document) => Bundle::deserialize(document)?,
        None => return Err(BundleError::Empty),
    };
    if bundle.applications.is_empty() {
        return Err(BundleError::Empty);
    }
    let applications = bundle.applications.into_iter();
    let applications: BTreeMap<String, Application> = applications
        .map(|(name, planned)| (name.clone(), application(name, planned, declared)))
        .collect();
    let mut platform = Platform { applications, problems: Vec::new() };
    for relation in &bundle.relations {
        let [one, other] = relation.as_slice() else {
            let what = format!("bundle: relation {relation:?}: expected two endpoints");
            platform.problems.push(what);
            continue;
        };
        let end = |text: &str| match text.split_once(':') {
            Some((name, endpoint)) => (name.to_owned(), endpoint.to_owned()),
            None => (text.to_owned(), String::new()),
        };
        platform.relate("bundle", &end(one), &end(other));
    }
    Ok(platform.juju())
}

/// A platform that is planned.
pub(super) struct Platform {
    pub(super) applications: BTreeMap<String, Application>,
    pub(super) problems: Vec<String>,
}

impl Platform {
    /// Relates two applications, each by its name and its endpoint, which is empty where Juju finds
    /// it by the interface.
    pub(super) fn relate(&mut self, what: &str, one: &(String, String), other: &(String, String)) {
        for ((name, endpoint), (with, _)) in [(one, other), (other, one)] {
            let endpoint = match endpoint.as_str() {
                "" => self.endpoint_for(with),
                named => named.to_owned(),
            };
            match self.applications.get_mut(name) {
                Some(application) => {
                    application.relations.entry(endpoint).or_default().push(with.clone());
                }
                None => {
                    let ends = format!("{} {}", one.0, other.0);
                    self.problems.push(format!("{what}: relation {ends}: no application {name}"));
                }
            }
        }
    }

    /// The endpoint by which an application is related with another that names none: Juju allows
    /// that where one interface fits only.
    fn endpoint_for(&self, with: &str) -> String {
        let charm = self.applications.get(with).map_or(with, |application| &application.charm);
        let is_authority = AUTHORITIES.contains(&charm);
        if is_authority { "certificates".to_owned() } else { String::new() }
    }

    /// The facts, and what of them could not be read.
    pub(super) fn juju(self) -> (Juju, Vec<String>) {
        let applications = self.applications.into_values().collect();
        let juju =
            Juju { planned: true, applications: Known::Known(applications), ..Juju::default() };
        (juju, self.problems)
    }
}

/// Charms that give certificates by the one interface that they share with others.
const AUTHORITIES: [&str; 5] =
    ["ckf-hardening", "lego", "manual-tls-certificates", "self-signed-certificates", "vault-k8s"];

/// An application as it will be deployed.
pub(super) fn application(name: String, planned: Planned, declared: &Options) -> Application {
    let (charm, revision) = charm(&planned.charm);
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
    Application {
        options: options.collect(),
        charm: charm.to_owned(),
        revision: planned.revision.or(revision),
        channel: planned.channel,
        trusted: planned.trust,
        name,
        ..Application::default()
    }
}

/// Name and revision of a charm by Juju's grammar: `dex-auth`, `ch:amd64/dex-auth-612`,
/// `cs:~who/dex-auth-60`, `local:dex-auth-0`, or the path of a folder or packed charm, as
/// `./dex-auth_ubuntu@24.04-amd64.charm`.
fn charm(text: &str) -> (&str, Option<u64>) {
    let last = text.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    if let Some(packed) = last.strip_suffix(".charm") {
        // Behind the name stand base and architecture; a revision, if it was downloaded.
        let name = packed.split('_').next().unwrap_or_default();
        let revision = packed.rsplit_once("_r").and_then(|(_, revision)| revision.parse().ok());
        return (name, revision);
    }
    // No name of a charm ends with a number behind a hyphen.
    match last.rsplit_once('-') {
        Some((name, end)) if !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit()) => {
            (name, end.parse().ok())
        }
        _ => (last, None),
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
        // Juju finds the endpoint of dex-auth itself.
        assert_eq!(problems, ["bundle: relation katib-db ca: no application ca"]);
    }

    #[test]
    fn charm_is_named_by_any_form_that_juju_takes() {
        for (text, name, revision) in [
            ("dex-auth", "dex-auth", None),
            ("ch:dex-auth", "dex-auth", None),
            ("ch:amd64/noble/dex-auth-612", "dex-auth", Some(612)),
            ("cs:~kubeflow-charmers/dex-auth-60", "dex-auth", Some(60)),
            ("cs:dex-auth-60", "dex-auth", Some(60)),
            ("local:dex-auth-0", "dex-auth", Some(0)),
            ("local:focal/dex-auth-3", "dex-auth", Some(3)),
            ("./dex-auth_ubuntu-20.04-amd64.charm", "dex-auth", None),
            ("./dex-auth_ubuntu@24.04-amd64.charm", "dex-auth", None),
            ("/home/me/dex-auth_r612.charm", "dex-auth", Some(612)),
            ("./charms/kfp-api/", "kfp-api", None),
            ("mysql-k8s", "mysql-k8s", None),
        ] {
            assert_eq!(charm(text), (name, revision), "{text}");
        }
    }

    #[test]
    fn relation_without_endpoint_is_that_of_the_only_interface() {
        let text = "
applications:
  istio-pilot: {charm: 'local:istio-pilot-0'}
  ca: {charm: self-signed-certificates}
relations:
  - [istio-pilot, ca]
";
        let (juju, problems) = read(text, &Options::new()).unwrap();
        assert_eq!(problems, [""; 0]);
        let Known::Known(all) = &juju.applications else { panic!("applications are unknown") };
        let pilot = all.iter().find(|a| a.name == "istio-pilot");
        assert!(pilot.unwrap().is_related("certificates"));
    }

    #[test]
    fn invalid_bundle_is_rejected() {
        for text in ["", "applications: {}", "applications: 3", "[", "a: {charm: x}"] {
            assert!(read(text, &Options::new()).is_err(), "{text:?}");
        }
    }
}
