//! CAs and failure policies of the webhooks.

use crate::controls::check::Check;
use crate::facts::certificate::{Certificate, date};
use crate::facts::core::Webhook;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("CRYP-01", webhook_ca), ("CRYP-03", webhook_fails_closed)];

/// The platform's webhooks: those whose service is in its namespaces.
fn webhooks<'a>(context: &Context<'a>) -> Result<Vec<(ObjectRef, &'a Webhook)>, MissingFact> {
    let mutating = context
        .mutating_webhooks()?
        .iter()
        .flat_map(|c| c.webhooks.iter().map(move |w| (c.reference(), w)));
    let validating = context
        .validating_webhooks()?
        .iter()
        .flat_map(|c| c.webhooks.iter().map(move |w| (c.reference(), w)));
    let platform = context.platform_namespaces();
    let ours = |w: &Webhook| {
        w.client_config.service.as_ref().is_some_and(|s| platform.contains(&&*s.namespace))
    };
    Ok(mutating.chain(validating).filter(|(_, w)| ours(w)).collect())
}

fn none() -> Outcome {
    Outcome::NotApplicable("no webhook leads to the platform".into())
}

/// CRYP-01: Admission webhooks have a valid CA
fn webhook_ca(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let webhooks = webhooks(context)?;
    if webhooks.is_empty() {
        return Ok(none());
    }
    let now = context.now().as_second();
    let mut findings = Vec::new();
    for (object, webhook) in &webhooks {
        let field = format!("webhook {} clientConfig.caBundle", webhook.name);
        let seen = match Certificate::from_base64_pem(&webhook.client_config.ca_bundle) {
            _ if webhook.client_config.ca_bundle.is_empty() => Some("empty".to_owned()),
            Err(error) => Some(error.to_string()),
            // One that is valid is enough: an old one may stay while it is rotated.
            Ok(certificates)
                if certificates.iter().any(|c| c.not_before <= now && now < c.not_after) =>
            {
                None
            }
            Ok(certificates) => {
                let last = certificates.iter().map(|c| c.not_after).max().unwrap_or_default();
                Some(if last <= now {
                    format!("expired on {}", date(last))
                } else {
                    "not valid yet".into()
                })
            }
        };
        findings.extend(
            seen.map(|seen| {
                finding(object.clone(), &field, seen, "a CA certificate that is valid")
            }),
        );
    }
    Ok(outcome(findings, format!("{} with a valid CA", count(webhooks.len(), "webhook"))))
}

/// Webhooks that are meant to fail open, with the Service that answers them: Juju's, which only
/// labels what its charms make, and Knative's for its own ConfigMaps.
const FAIL_OPEN: &[(&str, &str)] = &[
    ("admission.juju.is", "modeloperator"),
    ("config.webhook.eventing.knative.dev", "eventing-webhook"),
];

fn is_meant_to_fail_open(webhook: &Webhook) -> bool {
    let service = webhook.client_config.service.as_ref();
    service.is_some_and(|service| FAIL_OPEN.contains(&(&*webhook.name, &*service.name)))
}

/// CRYP-03: Admission webhooks fail closed
fn webhook_fails_closed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let webhooks = webhooks(context)?;
    if webhooks.is_empty() {
        return Ok(none());
    }
    let open =
        webhooks.iter().filter(|(_, w)| w.failure_policy == "Ignore" && !is_meant_to_fail_open(w));
    let findings = open
        .map(|(object, w)| {
            finding(object.clone(), &format!("webhook {} failurePolicy", w.name), "Ignore", "Fail")
        })
        .collect();
    Ok(outcome(findings, format!("{} fail closed", count(webhooks.len(), "webhook"))))
}
