//! The mesh's CA: what istiod signs with, and the root that it publishes.

use serde::Deserialize;

use crate::controls::check::Check;
use crate::facts::certificate::{Certificate, date};
use crate::facts::crypto_material::CryptoMaterial;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::secret::Secret;
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::views::mesh_options::{mesh_options, options_reference};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("CRYP-04", mesh_root)];

/// Days that the mesh's root must still be valid.
const ROOT_DAYS: i64 = 90;
/// Secrets with the CA that istiod signs with: the one that an operator plugs in goes first.
pub(super) const CA_SECRETS: [&str; 2] = ["cacerts", "istio-ca-secret"];

/// Those that exist, the one in use first.
pub(super) fn ca_secrets<'a>(context: &Context<'a>) -> Result<Vec<&'a Secret>, MissingFact> {
    let secrets = context.secrets()?;
    let of_name = |name: &&str| {
        secrets.iter().find(|secret| {
            *secret.metadata.namespace == *context.namespace() && secret.metadata.name == **name
        })
    };
    Ok(CA_SECRETS.iter().filter_map(of_name).collect())
}

/// CRYP-04: The mesh's root certificate is sound
fn mesh_root(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let Some(map) = context.config_maps()?.iter().find(|m| m.metadata.name == "istio-ca-root-cert")
    else {
        return Ok(Outcome::NotAssessed("there is no ConfigMap istio-ca-root-cert".into()));
    };
    let pem = map.data.get("root-cert.pem").map(String::as_str).unwrap_or_default();
    let object = map.reference();
    let roots = match Certificate::from_pem(pem.as_bytes()) {
        Ok(roots) => roots,
        Err(error) => {
            let wanted = "a PEM certificate";
            let field = "data[root-cert.pem]";
            return Ok(Outcome::Fail(vec![finding(object, field, error.to_string(), wanted)]));
        }
    };
    let mut findings = Vec::new();
    for root in &roots {
        findings.extend(faults(context, root, &object, "root-cert.pem"));
    }
    findings.extend(faults_of_further_roots(context)?);
    let secrets = ca_secrets(context)?;
    if let Some(secret) = secrets.first() {
        findings.extend(faults_of_ca(context, secret, &roots));
    }
    let until = roots.first().map(|root| date(root.not_after)).unwrap_or_default();
    let by = secrets.first().map(|secret| format!(", signed with {}", secret.reference()));
    Ok(outcome(findings, format!("valid until {until}{}", by.unwrap_or_default())))
}

/// Roots that the mesh's options have proxies trust beside its own.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    ca_certificates: Vec<FurtherRoot>,
    default_config: ProxyOptions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProxyOptions {
    ca_certificates_pem: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FurtherRoot {
    pem: String,
    spiffe_bundle_url: String,
}

/// What is wrong with roots that the mesh's options add; one that is fetched is in clear or not.
fn faults_of_further_roots(context: &Context<'_>) -> Result<Vec<Finding>, MissingFact> {
    let options = mesh_options::<Options>(context)?.unwrap_or_default();
    let object = options_reference(context);
    let mut findings = Vec::new();
    let of_proxies = options.default_config.ca_certificates_pem.iter();
    let of_proxies = of_proxies.map(|pem| ("defaultConfig.caCertificatesPem", pem));
    let of_mesh = options.ca_certificates.iter().filter(|root| !root.pem.is_empty());
    let of_mesh = of_mesh.map(|root| ("caCertificates.pem", &root.pem));
    for (field, pem) in of_mesh.chain(of_proxies) {
        match Certificate::from_pem(pem.as_bytes()) {
            Ok(roots) => {
                findings
                    .extend(roots.iter().flat_map(|root| faults(context, root, &object, field)));
            }
            Err(error) => {
                let wanted = "a PEM certificate";
                findings.push(finding(object.clone(), field, error.to_string(), wanted));
            }
        }
    }
    let urls = options.ca_certificates.iter().map(|root| root.spiffe_bundle_url.as_str());
    for url in urls.filter(|url| url.starts_with("http://")) {
        let field = "caCertificates.spiffeBundleUrl";
        findings.push(finding(object.clone(), field, url, "an address with https"));
    }
    Ok(findings)
}

/// What is wrong with a CA's certificate by itself.
fn faults(context: &Context<'_>, ca: &Certificate, at: &ObjectRef, field: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |what: &str, seen: String, wanted: &str| {
        findings.push(finding(at.clone(), &format!("{field} {what}"), seen, wanted));
    };
    let left = (ca.not_after - context.now().as_second()).div_euclid(86_400);
    if left <= ROOT_DAYS {
        let wanted = format!("more than {ROOT_DAYS} days left");
        add("notAfter", format!("{}, {left} days left", date(ca.not_after)), &wanted);
    }
    if ca.is_weakly_signed() {
        add("signature", ca.signature.clone(), "SHA-256 or better");
    }
    if !ca.is_authority {
        add("basicConstraints", "no CA".into(), "a certificate of a CA");
    }
    if ca.key_type == "RSA" && ca.key_bits < 2048 || ca.key_type == "EC" && ca.key_bits < 256 {
        add("key", ca.key(), "RSA of 2048 bits or EC of 256 bits");
    }
    findings
}

/// What is wrong with the CA that istiod signs with.
fn faults_of_ca(context: &Context<'_>, secret: &Secret, roots: &[Certificate]) -> Vec<Finding> {
    let object = secret.reference();
    let of = |field: &str| secret.crypto.iter().find(|found| found.field == field);
    let ca = of("ca-cert.pem").and_then(|found| found.chain.first());
    let Some(ca) = ca else {
        return vec![finding(object, "data[ca-cert.pem]", "no certificate", "the CA's, in PEM")];
    };
    let mut findings = faults(context, ca, &object, "ca-cert.pem");
    let key = of("ca-key.pem").and_then(|found| found.keys.first());
    match key {
        None => {
            findings.push(finding(object.clone(), "data[ca-key.pem]", "absent", "the CA's key"))
        }
        Some(key) if key.public_key.as_ref().is_some_and(|key| *key != ca.public_key) => {
            let seen = "of another key pair";
            findings.push(finding(
                object.clone(),
                "data[ca-key.pem]",
                seen,
                "the key of ca-cert.pem",
            ));
        }
        Some(_) => {}
    }
    let chain = of("cert-chain.pem").map(|found| found.chain.as_slice()).unwrap_or_default();
    for (index, link) in chain.iter().enumerate().filter(|(_, link)| **link != *ca) {
        let field = format!("cert-chain.pem certificate {index}");
        findings.extend(faults(context, link, &object, &field));
    }
    if !leads_to(ca, chain, roots) {
        let wanted = "signed by a root of the ConfigMap istio-ca-root-cert";
        findings.push(finding(object.clone(), "ca-cert.pem issuer", ca.issuer.clone(), wanted));
    }
    let own = of("root-cert.pem").map(|found: &CryptoMaterial| found.chain.as_slice());
    if let Some(own) = own
        && !own.iter().any(|root| roots.iter().any(|known| known.public_key == root.public_key))
    {
        let wanted = "a root of the ConfigMap istio-ca-root-cert";
        let seen = own.first().map_or_else(|| "none".into(), |root| root.subject.clone());
        findings.push(finding(object, "root-cert.pem subject", seen, wanted));
    }
    findings
}

/// Whether a CA is one of the roots, or is signed by one, over the links between.
fn leads_to(ca: &Certificate, chain: &[Certificate], roots: &[Certificate]) -> bool {
    let mut links = vec![ca];
    links.extend(chain);
    links.iter().any(|link| {
        roots.iter().any(|root| root.public_key == link.public_key || root.may_issue(link))
    })
}
