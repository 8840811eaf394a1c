//! Who admits and changes the cluster's objects: the servers of its admission webhooks.

use std::collections::BTreeSet;

use crate::controls::check::Check;
use crate::facts::core::Webhook;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("K8S-20", webhooks_stay_in_the_cluster)];

/// K8S-20: Admission webhooks lead to Services of the cluster's operators
fn webhooks_stay_in_the_cluster(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mutating = context.mutating_webhooks()?.iter();
    let mutating = mutating.flat_map(|of| of.webhooks.iter().map(|w| (of.reference(), w)));
    let validating = context.validating_webhooks()?.iter();
    let validating = validating.flat_map(|of| of.webhooks.iter().map(|w| (of.reference(), w)));
    let all: Vec<(ObjectRef, &Webhook)> = mutating.chain(validating).collect();
    if all.is_empty() {
        return Ok(Outcome::NotApplicable("the cluster has no admission webhook".into()));
    }
    let profiles = context.profile_namespaces()?;
    let services = context.services()?.iter();
    let services: BTreeSet<(&str, &str)> =
        services.map(|of| (&*of.metadata.namespace, of.metadata.name.as_str())).collect();
    let mut findings = Vec::new();
    for (object, webhook) in &all {
        let client = &webhook.client_config;
        let (field, seen) = match (&client.service, &client.url) {
            (Some(service), _) if profiles.contains(&*service.namespace) => {
                ("service", format!("{}/{}, of a profile", service.namespace, service.name))
            }
            (Some(service), _) if !services.contains(&(&*service.namespace, &*service.name)) => {
                ("service", format!("{}/{}, which is not there", service.namespace, service.name))
            }
            (None, Some(url)) if !is_of_server(url) => ("url", url.to_string()),
            _ => continue,
        };
        let field = format!("webhook {} clientConfig.{field}", webhook.name);
        let wanted = "a Service of the platform or of the cluster's operators";
        findings.push(finding(object.clone(), &field, seen, wanted));
    }
    Ok(outcome(findings, format!("{} in the cluster", count(all.len(), "webhook"))))
}

/// Whether a URL is of the API server's own host, where managed clusters run webhooks.
fn is_of_server(url: &str) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
