//! Applications and relations that are planned, by a bundle or by Terraform, as Juju facts.

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

/// An application as a bundle has it.
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

/// Charms that give certificates by the one interface that they share with others.
const AUTHORITIES: [&str; 5] =
    ["ckf-hardening", "lego", "manual-tls-certificates", "self-signed-certificates", "vault-k8s"];

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
pub(super) fn charm(text: &str) -> (&str, Option<u64>) {
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
