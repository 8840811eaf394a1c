//! Juju facts of a bundle that is not deployed yet.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::juju::{Application, Juju};
pub use super::planned::BundleError;
use super::planned::{Planned, Platform, application};
use super::terraform;
use ckf_model::juju::Options;

#[derive(Deserialize)]
struct Bundle {
    #[serde(default, alias = "services")]
    applications: BTreeMap<String, Planned>,
    #[serde(default)]
    relations: Vec<Vec<String>>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::known::Known;
    use crate::facts::planned::charm;

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
