//! Certificates that the gateway serves.

use crate::controls::check::Check;
use crate::controls::tls::secrets::{each_leaf, served_secrets};
use crate::facts::certificate::{Certificate, date};
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::policy::Profile;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("TLS-04", is_valid_now),
    ("TLS-07", signature_is_strong),
    ("TLS-08", names_host),
    ("TLS-09", not_self_signed),
];

fn days_left(context: &Context<'_>, certificate: &Certificate) -> i64 {
    (certificate.not_after - context.now().as_second()).div_euclid(86_400)
}

/// TLS-04: The gateway certificate is within its validity
fn is_valid_now(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let (fail, warn) = context.policy.certificate_days;
    let fail = if context.policy.profile == Profile::Strict { warn } else { fail };
    let leaves = each_leaf(
        context,
        |leaf, object| {
            let mut findings = Vec::new();
            if leaf.not_before > context.now().as_second() {
                findings.push(finding(
                    object.clone(),
                    "tls.crt notBefore",
                    date(leaf.not_before),
                    "a time in the past",
                ));
            }
            let left = days_left(context, leaf);
            if leaf.not_after <= context.now().as_second() {
                findings.push(finding(
                    object.clone(),
                    "tls.crt notAfter",
                    format!("{}, expired", date(leaf.not_after)),
                    "a time in the future",
                ));
            } else if left < fail {
                let seen = format!("{}, {left} days left", date(leaf.not_after));
                findings.push(finding(
                    object.clone(),
                    "tls.crt notAfter",
                    seen,
                    format!("at least {fail} days left"),
                ));
            }
            Ok(findings)
        },
        |leaf| {
            let left = days_left(context, leaf);
            let warning = if left < warn { ", renewal is due" } else { "" };
            format!("valid until {}, {left} days left{warning}", date(leaf.not_after))
        },
    )?;
    let ended = ended_intermediates(context)?;
    Ok(match leaves {
        Outcome::Fail(findings) => Outcome::Fail([findings, ended].concat()),
        Outcome::Pass(_) if !ended.is_empty() => Outcome::Fail(ended),
        other => other,
    })
}

/// Expired certificates between a leaf and its root: clients refuse the chain.
fn ended_intermediates(context: &Context<'_>) -> Result<Vec<Finding>, MissingFact> {
    let now = context.now().as_second();
    let secrets = served_secrets(context)?.unwrap_or_default();
    let mut findings = Vec::new();
    for secret in secrets {
        let chain = secret.tls.iter().flat_map(|tls| tls.chain.iter().enumerate().skip(1));
        for (index, found) in chain.filter(|(_, found)| !found.self_signed) {
            if found.not_after <= now {
                let field = format!("tls.crt certificate {index} notAfter");
                let seen = format!("{}, expired", date(found.not_after));
                findings.push(finding(secret.reference(), &field, seen, "a time in the future"));
            }
        }
    }
    Ok(findings)
}

/// TLS-07: The gateway certificate is not signed with MD5 or SHA-1
fn signature_is_strong(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let secrets = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for secret in secrets {
        let tls = secret.tls.as_ref();
        let chain = tls.map(|t| t.chain.as_slice()).unwrap_or_default();
        if chain.is_empty() {
            findings.push(finding(
                secret.reference(),
                "data[tls.crt]",
                "no certificate",
                "a PEM certificate",
            ));
        }
        for (index, cert) in chain.iter().enumerate() {
            // Clients do not verify a root's own signature.
            let is_root = index > 0 && cert.self_signed;
            if cert.is_weakly_signed() && !is_root {
                let field = format!("tls.crt certificate {index}");
                findings.push(finding(
                    secret.reference(),
                    &field,
                    cert.signature.clone(),
                    "SHA-256 or better",
                ));
            }
        }
        seen.extend(chain.first().map(|leaf| leaf.signature.clone()));
    }
    Ok(outcome(findings, seen.join("; ")))
}

/// TLS-08: The gateway certificate names the external host
fn names_host(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let Some(host) = &context.policy.external_hostname else {
        return Ok(match served_secrets(context)? {
            Err(not_applicable @ Outcome::NotApplicable(_)) => not_applicable,
            _ => Outcome::NotAssessed("the option external-hostname is not set".into()),
        });
    };
    each_leaf(
        context,
        |leaf, object| {
            if leaf.covers(host) {
                return Ok(Vec::new());
            }
            let seen = if leaf.names.is_empty() { "no name".into() } else { leaf.names.join(", ") };
            Ok(vec![finding(object.clone(), "tls.crt subjectAltName", seen, host.clone())])
        },
        |_| format!("it is for {host}"),
    )
}

/// TLS-09: The gateway certificate is not self-signed
fn not_self_signed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let chains = served_secrets(context)?.unwrap_or_default();
    let chains: Vec<&[Certificate]> =
        chains.iter().filter_map(|secret| Some(secret.tls.as_ref()?.chain.as_slice())).collect();
    each_leaf(
        context,
        |leaf, object| {
            let found = |seen: &str, wanted: &str| {
                let field = "tls.crt issuer";
                Ok(vec![finding(object.clone(), field, seen, wanted)])
            };
            match (leaf.self_signed, context.policy.profile) {
                (false, _) => {
                    let chain = chains.iter().find(|chain| chain.first() == Some(leaf));
                    match is_refused_at_login(context, chain.copied().unwrap_or_default()) {
                        Ok(false) => Ok(Vec::new()),
                        Ok(true) => found(
                            &format!("{}, which no oidc-gatekeeper trusts", leaf.issuer),
                            "a public CA, or the root in oidc-gatekeeper's ca-bundle",
                        ),
                        Err(MissingFact(why)) => Err(Outcome::NotAssessed(format!(
                            "the certificate is of a private CA, and whether login trusts it is not known: {why}"
                        ))),
                    }
                }
                (true, Profile::Strict) => found("the subject itself", "a CA"),
                (true, Profile::Baseline) => match is_trusted_at_login(context, leaf) {
                    Ok(true) => Ok(Vec::new()),
                    Ok(false) => found(
                        "the subject itself, which no oidc-gatekeeper trusts",
                        "a CA, or the certificate in oidc-gatekeeper's ca-bundle",
                    ),
                    Err(MissingFact(why)) => Err(Outcome::NotAssessed(format!(
                        "the certificate is self-signed, and oidc-gatekeeper's ca-bundle is not known: {why}"
                    ))),
                },
            }
        },
        |leaf| format!("issued by {}", leaf.issuer),
    )
}

/// Roots that oidc-gatekeeper is given; none if there is no such application.
pub(super) fn login_roots(context: &Context<'_>) -> Result<Option<Vec<Certificate>>, MissingFact> {
    let applications = context.applications()?.iter();
    let mut gatekeepers = applications.filter(|app| app.charm == "oidc-gatekeeper").peekable();
    if gatekeepers.peek().is_none() {
        return Ok(None);
    }
    let bundles = gatekeepers.filter_map(|app| app.option("ca-bundle"));
    let bundles =
        bundles.flat_map(|text| Certificate::from_pem(text.as_bytes()).unwrap_or_default());
    Ok(Some(bundles.collect()))
}

/// Whether login reaches Dex through the gateway, and trusts no certificate of a chain.
fn is_refused_at_login(context: &Context<'_>, chain: &[Certificate]) -> Result<bool, MissingFact> {
    if chain.iter().any(|link| link.of_public_root) {
        return Ok(false);
    }
    let Some(roots) = login_roots(context)? else { return Ok(false) };
    let mut dex = context.applications()?.iter().filter(|app| app.charm == "dex-auth");
    let is_through_gateway =
        dex.any(|app| app.option("issuer-url").is_some_and(|url| url.starts_with("https://")));
    let is_trusted = |link: &Certificate| {
        roots.iter().any(|root| root.may_issue(link) || root.public_key == link.public_key)
    };
    Ok(is_through_gateway && !chain.iter().any(is_trusted))
}

/// Whether oidc-gatekeeper, which reaches Dex by the gateway's name, trusts it.
fn is_trusted_at_login(context: &Context<'_>, leaf: &Certificate) -> Result<bool, MissingFact> {
    let applications = context.applications()?.iter();
    let mut bundles = applications
        .filter(|application| application.charm == "oidc-gatekeeper")
        .filter_map(|application| application.option("ca-bundle"));
    Ok(bundles.any(|bundle| {
        let trusted = Certificate::from_pem(bundle.as_bytes()).unwrap_or_default();
        trusted.iter().any(|known| known.public_key == leaf.public_key)
    }))
}
