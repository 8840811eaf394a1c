//! Cryptography: webhooks' CAs and the mesh's root.

use super::context::{Context, Missing};
use super::tls::date;
use super::{Check, Outcome, count, finding, outcome};
use crate::facts::certificate::Certificate;
use crate::facts::core::Webhook;
use crate::facts::object::{Object, ObjectRef};

/// The checks of this section.
pub const CHECKS: &[(&str, Check)] =
    &[("CRYP-01", webhook_ca), ("CRYP-03", webhook_fails_closed), ("CRYP-04", mesh_root)];

/// Days that the mesh's root must still be valid.
const ROOT_DAYS: i64 = 90;

/// The platform's webhooks: those whose service is in its namespaces.
fn webhooks<'a>(context: &Context<'a>) -> Result<Vec<(ObjectRef, &'a Webhook)>, Missing> {
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

fn webhook_ca(context: &Context<'_>) -> Result<Outcome, Missing> {
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

fn webhook_fails_closed(context: &Context<'_>) -> Result<Outcome, Missing> {
    let webhooks = webhooks(context)?;
    if webhooks.is_empty() {
        return Ok(none());
    }
    let open = webhooks.iter().filter(|(_, w)| w.failure_policy == "Ignore");
    let findings = open
        .map(|(object, w)| {
            finding(object.clone(), &format!("webhook {} failurePolicy", w.name), "Ignore", "Fail")
        })
        .collect();
    Ok(outcome(findings, format!("{} fail closed", count(webhooks.len(), "webhook"))))
}

fn mesh_root(context: &Context<'_>) -> Result<Outcome, Missing> {
    let Some(map) = context.config_maps()?.iter().find(|m| m.metadata.name == "istio-ca-root-cert")
    else {
        return Ok(Outcome::NotAssessed("there is no ConfigMap istio-ca-root-cert".into()));
    };
    let pem = map.data.get("root-cert.pem").map(String::as_str).unwrap_or_default();
    let object = map.reference();
    let roots = match Certificate::from_pem(pem.as_bytes()) {
        Ok(roots) => roots,
        Err(error) => {
            return Ok(Outcome::Fail(vec![finding(
                object,
                "data[root-cert.pem]",
                error.to_string(),
                "a PEM certificate",
            )]));
        }
    };
    let mut findings = Vec::new();
    let left = |c: &Certificate| (c.not_after - context.now().as_second()).div_euclid(86_400);
    for root in &roots {
        if left(root) <= ROOT_DAYS {
            let seen = format!("{}, {} days left", date(root.not_after), left(root));
            findings.push(finding(
                object.clone(),
                "root-cert.pem notAfter",
                seen,
                format!("more than {ROOT_DAYS} days left"),
            ));
        }
        if root.is_weakly_signed() {
            findings.push(finding(
                object.clone(),
                "root-cert.pem signature",
                root.signature.clone(),
                "SHA-256 or better",
            ));
        }
    }
    Ok(outcome(
        findings,
        format!("valid until {}", roots.first().map(|r| date(r.not_after)).unwrap_or_default()),
    ))
}
