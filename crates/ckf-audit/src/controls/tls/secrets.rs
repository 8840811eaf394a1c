//! The gateway's certificate Secrets.

use crate::controls::check::Check;
use crate::facts::certificate::Certificate;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::secret::Secret;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::ingress::{GatewayServer, Ingress, MAIN_GATEWAY};
use crate::views::mesh::ambient_ingress;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("TLS-03", secret_is_complete)];

pub(super) const NO_TLS: &str = "no TLS server is on the ingress";

/// Servers with certificates and the Secrets that they name.
fn credentials<'a>(servers: &'a [GatewayServer<'a>]) -> Vec<(&'a GatewayServer<'a>, &'a str)> {
    servers
        .iter()
        .filter(|s| s.terminates_tls())
        .flat_map(|s| {
            let tls = s.server.tls.as_ref();
            let names = tls
                .into_iter()
                .flat_map(|tls| tls.credential_name.iter().chain(&tls.credential_names));
            names.map(move |name| (s, &**name))
        })
        .collect()
}

/// The Secrets that the ingress serves, without repetition.
pub(super) fn served_secrets<'a>(
    context: &Context<'a>,
) -> Result<Result<Vec<&'a Secret>, Outcome>, MissingFact> {
    let ingress = Ingress::find(context)?;
    let mut names: Vec<(String, String)> = Vec::new();
    let servers = ingress.servers();
    for (_, name) in credentials(&servers) {
        // Envoy requests the Secret from the namespace of the gateway's pods.
        names.push((context.namespace().to_owned(), name.to_owned()));
    }
    let ambient = if ingress.exists() { Vec::new() } else { ambient_ingress(context)? };
    for gateway in &ambient {
        let refs = gateway
            .spec
            .listeners
            .iter()
            .filter_map(|l| l.tls.as_ref())
            .flat_map(|tls| &tls.certificate_refs);
        names.extend(refs.map(|r| {
            let namespace = r.namespace.as_deref().unwrap_or(&gateway.metadata.namespace);
            (namespace.to_owned(), r.name.to_string())
        }));
    }
    if names.is_empty() {
        return Ok(Err(Outcome::NotApplicable(NO_TLS.into())));
    }
    let secrets = context.secrets()?;
    let found: Vec<&Secret> = secrets
        .iter()
        .filter(|s| {
            names.iter().any(|(namespace, name)| {
                s.metadata.namespace == **namespace && s.metadata.name == *name
            })
        })
        .collect();
    if found.is_empty() {
        return Ok(Err(Outcome::NotAssessed(
            "the gateway's certificate Secret is missing, see TLS-03".into(),
        )));
    }
    Ok(Ok(found))
}

/// Checks each certificate that the ingress serves.
pub(super) fn each_leaf(
    context: &Context<'_>,
    check: impl Fn(&Certificate, &ObjectRef) -> Result<Vec<Finding>, Outcome>,
    evidence: impl Fn(&Certificate) -> String,
) -> Result<Outcome, MissingFact> {
    let secrets = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    let mut unknown = None;
    for secret in secrets {
        let object = secret.reference();
        let tls = secret.tls.as_ref();
        let Some(leaf) = tls.and_then(|tls| tls.chain.first()) else {
            let error =
                tls.and_then(|tls| tls.error.clone()).unwrap_or_else(|| "it has no tls.crt".into());
            findings.push(finding(object, "data[tls.crt]", error, "a PEM certificate"));
            continue;
        };
        match check(leaf, &object) {
            Ok(more) => findings.extend(more),
            Err(other) => unknown = Some(other),
        }
        seen.push(evidence(leaf));
    }
    match unknown {
        Some(other) if findings.is_empty() => Ok(other),
        _ => Ok(outcome(findings, seen.join("; "))),
    }
}

/// TLS-03: The certificate Secret of the gateway exists and is complete
fn secret_is_complete(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let servers = ingress.servers();
    let credentials = credentials(&servers);
    if credentials.is_empty() && !servers.iter().any(GatewayServer::terminates_tls) {
        return Ok(Outcome::NotApplicable(NO_TLS.into()));
    }
    let secrets = context.secrets()?;
    let mut findings = Vec::new();
    let own_name = format!("{MAIN_GATEWAY}-gateway-secret");
    for served in servers.iter().filter(|s| s.terminates_tls()) {
        let tls = served.server.tls.as_ref();
        let names: Vec<_> = tls
            .into_iter()
            .flat_map(|t| t.credential_name.iter().chain(&t.credential_names))
            .collect();
        let own = ingress.main.is_some_and(|main| std::ptr::eq(main, served.gateway));
        if names.is_empty() && tls.is_some_and(|t| t.mode != "ISTIO_MUTUAL") {
            let wanted = "the name of a TLS Secret";
            findings.push(finding(
                served.gateway.reference(),
                &served.field(".tls.credentialName"),
                "absent",
                wanted,
            ));
        }
        for name in names {
            if own && **name != *own_name {
                let field = served.field(".tls.credentialName");
                findings.push(finding(
                    served.gateway.reference(),
                    &field,
                    &**name,
                    own_name.clone(),
                ));
            }
            let secret = secrets.iter().find(|s| {
                s.metadata.namespace == *context.namespace() && s.metadata.name == **name
            });
            let object = ObjectRef::new("v1", "Secret", context.namespace(), name);
            match secret {
                None => {
                    let wanted = "the Secret that the Gateway names";
                    findings.push(finding(object, "metadata.name", "missing", wanted));
                }
                Some(secret) => findings.extend(incomplete(&object, secret)),
            }
        }
    }
    Ok(outcome(findings, format!("{} complete", count(credentials.len(), "credential"))))
}

/// What a TLS Secret lacks, and errors in its certificates.
fn incomplete(object: &ObjectRef, secret: &Secret) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |field: &str, seen: &str, wanted: &str| {
        findings.push(finding(object.clone(), field, seen, wanted));
    };
    let has = |key: &str| secret.keys.iter().any(|known| *known == key);
    if let Some(fault) = secret.tls.as_ref().and_then(|tls| tls.fault.as_deref()) {
        add("data[tls.crt] chain", fault, "each certificate signed by the next");
    }
    if let Some(error) = secret.tls.as_ref().and_then(|t| t.error.as_deref())
        && has("tls.crt")
    {
        add("data[tls.crt]", error, "certificates in PEM");
    }
    // Istio takes a Secret of any type, also by the names of generic ones.
    let is_generic = has("cert") && has("key");
    for key in ["tls.crt", "tls.key"].into_iter().filter(|_| !is_generic) {
        if !has(key) {
            add(&format!("data[{key}]"), "absent or empty", "PEM");
        }
    }
    findings
}
