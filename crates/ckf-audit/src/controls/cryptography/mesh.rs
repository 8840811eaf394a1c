//! The mesh's root certificate.

use crate::controls::check::Check;
use crate::facts::certificate::{Certificate, date};
use crate::facts::object::Object as _;
use crate::finding::{Outcome, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("CRYP-04", mesh_root)];

/// Days that the mesh's root must still be valid.
const ROOT_DAYS: i64 = 90;

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
