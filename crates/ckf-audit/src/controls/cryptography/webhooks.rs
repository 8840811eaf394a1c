//! Servers that the API server calls: their CAs, what they serve, and what follows of a failure.

use std::collections::{BTreeMap, BTreeSet};

use crate::controls::attestation::attested;
use crate::controls::check::Check;
use crate::facts::certificate::{Certificate, date};
use crate::facts::core::Webhook;
use crate::facts::digest;
use crate::facts::extensions::{Extension, Purpose};
use crate::facts::handshake::WebhookServer;
use crate::facts::istio::reference;
use crate::facts::object::ObjectRef;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("CRYP-01", called_with_valid_ca),
    ("CRYP-02", called_serves),
    ("CRYP-03", webhook_fails_closed),
];

/// The platform's of these: those whose Service is in its namespaces.
fn ours<'a>(context: &Context<'a>, mut all: Vec<Extension<'a>>) -> Vec<Extension<'a>> {
    let platform = context.platform_namespaces();
    all.retain(|of| of.service.is_some_and(|service| platform.contains(&&*service.namespace)));
    all
}

fn none() -> Outcome {
    Outcome::NotApplicable("the API server calls no server of the platform".into())
}

/// CRYP-01: Servers that the API server calls have a valid CA
fn called_with_valid_ca(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let extensions = ours(context, context.extensions()?);
    if extensions.is_empty() {
        return Ok(none());
    }
    let mut findings = Vec::new();
    let served = served(context)?;
    for extension in &extensions {
        let mut add = |field: &str, seen: String, wanted: &str| {
            let field = format!("{}{field}", extension.field);
            findings.push(finding(extension.object.clone(), &field, seen, wanted));
        };
        if extension.is_unverified {
            let wanted = "false, with a caBundle of the CA that signs what it serves";
            add("insecureSkipTLSVerify", "true".into(), wanted);
        } else if let Some(seen) = fault_of_bundle(context, extension, &served) {
            add("caBundle", seen, "a CA certificate that is valid");
        }
    }
    Ok(outcome(findings, format!("{} with a valid CA", count(extensions.len(), "server"))))
}

fn fault_of_bundle(
    context: &Context<'_>,
    extension: &Extension<'_>,
    served: &BTreeMap<(String, String), Served<'_>>,
) -> Option<String> {
    if extension.ca_bundle.is_empty() {
        return Some("empty".to_owned());
    }
    let certificates = match Certificate::from_base64_pem(extension.ca_bundle) {
        Ok(certificates) => certificates,
        Err(error) => return Some(error.to_string()),
    };
    let now = context.now().as_second();
    // One that is valid is enough: an old one may stay while it is rotated.
    if !certificates.iter().any(|c| c.is_authority || c.self_signed) {
        return Some("no certificate of a CA".into());
    }
    if certificates.iter().any(|c| c.not_before <= now && now < c.not_after) {
        return not_its_ca(served, extension, &certificates);
    }
    let last = certificates.iter().map(|c| c.not_after).max().unwrap_or_default();
    Some(if last <= now { format!("expired on {}", date(last)) } else { "not valid yet".into() })
}

/// Chains that servers present, with what a client with a caBundle refuses, by Service.
struct Served<'a> {
    chain: &'a [Certificate],
    refused: Option<&'a BTreeMap<String, String>>,
}

/// What these Services present or, as far as they were not asked, what Secrets beside them
/// hold for their names.
fn served<'a>(
    context: &Context<'a>,
) -> Result<BTreeMap<(String, String), Served<'a>>, MissingFact> {
    let mut all = BTreeMap::new();
    if let Ok(servers) = context.webhook_servers() {
        for server in servers.iter().filter(|server| !server.chain.is_empty()) {
            let served = Served { chain: &server.chain, refused: Some(&server.refused) };
            all.insert((server.namespace.clone(), server.service.clone()), served);
        }
        return Ok(all);
    }
    let platform = context.platform_namespaces();
    for secret in context.secrets()?.iter().filter(|s| platform.contains(&&*s.metadata.namespace)) {
        for chain in secret.crypto.iter().map(|found| found.chain.as_slice()) {
            let end = format!(".{}.svc", secret.metadata.namespace);
            let names = chain.first().into_iter().flat_map(|leaf| &leaf.names);
            for service in names.filter_map(|name| name.strip_suffix(&end)) {
                let of = (secret.metadata.namespace.to_string(), service.to_owned());
                all.entry(of).or_insert(Served { chain, refused: None });
            }
        }
    }
    Ok(all)
}

/// What shows that a caBundle is not of the CA that signed what the webhook serves.
fn not_its_ca(
    served: &BTreeMap<(String, String), Served<'_>>,
    extension: &Extension<'_>,
    bundle: &[Certificate],
) -> Option<String> {
    let service = extension.service?;
    let served = served.get(&(service.namespace.to_string(), service.name.to_string()))?;
    let digest = digest(extension.ca_bundle);
    if let Some(why) = served.refused.and_then(|refused| refused.get(&digest)) {
        return Some(format!("not the CA of what is served: {why}"));
    }
    let is_own = |ca: &Certificate, link: &Certificate| {
        ca.may_issue(link) || ca.public_key == link.public_key
    };
    let is_of_bundle = served.chain.iter().any(|link| bundle.iter().any(|ca| is_own(ca, link)));
    let leaf = served.chain.first()?;
    (!is_of_bundle).then(|| format!("another CA than that of what is served, {}", leaf.issuer))
}

/// CRYP-02: Servers that the API server calls serve a valid certificate
fn called_serves(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let extensions = ours(context, context.extensions()?);
    if extensions.is_empty() {
        return Ok(none());
    }
    let servers = match context.webhook_servers() {
        Ok(servers) => servers,
        // Without a look from inside of the cluster, the policy's word counts as before.
        Err(missing) => return attested("CRYP-02", context).ok_or(missing),
    };
    let services = extensions.iter().filter_map(|extension| extension.service);
    let services: BTreeSet<(&str, &str)> = services.map(|of| (&*of.namespace, &*of.name)).collect();
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    for (namespace, name) in &services {
        let server = servers.iter().find(|of| of.namespace == *namespace && of.service == *name);
        match server {
            Some(server) => findings.extend(faults_of_server(context, server)),
            None => unknown.push(format!("{namespace}/{name}")),
        }
    }
    Ok(match (findings.is_empty(), unknown.is_empty()) {
        (true, false) => Outcome::NotAssessed(format!("not asked: {}", unknown.join(", "))),
        _ => outcome(findings, format!("{} asked", count(services.len(), "Service"))),
    })
}

fn faults_of_server(context: &Context<'_>, server: &WebhookServer) -> Vec<Finding> {
    let object = reference("v1", "Service", &server.namespace, &server.service);
    let mut findings = Vec::new();
    let mut add = |what: &str, seen: String, wanted: &str| {
        findings.push(finding(object.clone(), what, seen, wanted));
    };
    let Some(leaf) = server.chain.first() else {
        let why = server.failure.clone().unwrap_or_else(|| "no certificate".into());
        add("handshake", why, "TLS with a certificate");
        return findings;
    };
    let (fail, _) = context.policy.certificate_days;
    let now = context.now().as_second();
    for (index, link) in server.chain.iter().enumerate() {
        let left = (link.not_after - now).div_euclid(86_400);
        let field = format!("certificate {index}");
        if link.not_before > now {
            add(&field, format!("valid from {}", date(link.not_before)), "valid now");
        }
        if left < fail {
            let wanted = format!("at least {fail} days left");
            add(&field, format!("valid until {}, {left} days left", date(link.not_after)), &wanted);
        }
        if link.is_weakly_signed() && !(index > 0 && link.self_signed) {
            add(&field, link.signature.clone(), "SHA-256 or better");
        }
    }
    let host = format!("{}.{}.svc", server.service, server.namespace);
    if !leaf.covers(&host) {
        add("certificate", format!("for {}", leaf.names.join(", ")), &host);
    }
    if !leaf.is_for_servers() {
        add("extended key usage", leaf.usage.join(", "), "serverAuth");
    }
    findings
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
    let (mutating, validating) = (context.mutating_webhooks()?, context.validating_webhooks()?);
    let of_admission = ours(context, Extension::of_admission(mutating, validating)).into_iter();
    let webhooks = of_admission.filter_map(|of| match of.purpose {
        Purpose::Admission(webhook) => Some((of.object, webhook)),
        Purpose::Conversion(_) | Purpose::Group(_) => None,
    });
    let webhooks: Vec<(ObjectRef, &Webhook)> = webhooks.collect();
    if webhooks.is_empty() {
        return Ok(Outcome::NotApplicable("no webhook leads to the platform".into()));
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
