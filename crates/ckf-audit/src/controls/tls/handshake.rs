//! What clients of the ingress gateway get, against what should be served.

use crate::controls::check::Check;
use crate::controls::tls::certificate::login_roots;
use crate::controls::tls::secrets::{NO_TLS, each_leaf, served_secrets};
use crate::facts::certificate::{Certificate, date, renewal_time};
use crate::facts::handshake::Seen;
use crate::facts::object::Object as _;
use crate::facts::secret::Secret;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::policy::Profile;
use crate::views::ingress::{Ingress, gateway_reference};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("TLS-16", is_renewed_in_time),
    ("TLS-17", serves_its_secret),
    ("TLS-18", refuses_weak_handshakes),
    ("TLS-19", is_accepted),
    ("TLS-20", redirects_to_https),
    ("TLS-21", sends_hsts),
];

/// TLS-16: The gateway's certificate is renewed in time
fn is_renewed_in_time(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_leaf(
        context,
        |leaf, object| {
            let due = renewal_time(leaf.not_before, leaf.not_after);
            // A twelfth of its life remains for the renewal itself.
            let late = due + (leaf.not_after - leaf.not_before) / 12;
            let is_late = context.now().as_second() >= late;
            let seen = || format!("renewal was due on {}", date(due));
            let overdue = is_late.then(|| {
                let object = object.clone();
                finding(object, "tls.crt notAfter", seen(), "renewed at two thirds of its life")
            });
            Ok(overdue.into_iter().collect())
        },
        |leaf| format!("renewal is due on {}", date(renewal_time(leaf.not_before, leaf.not_after))),
    )
}

/// The handshake, if the ingress serves TLS at all.
fn seen<'a>(context: &Context<'a>) -> Result<Result<&'a Seen, Outcome>, MissingFact> {
    let ingress = Ingress::find(context)?;
    if !ingress.servers().iter().any(|served| served.terminates_tls()) {
        return Ok(Err(Outcome::NotApplicable(NO_TLS.into())));
    }
    Ok(Ok(context.handshake()?))
}

macro_rules! seen {
    ($context:expr) => {
        match seen($context)? {
            Ok(seen) => seen,
            Err(other) => return Ok(other),
        }
    };
}

/// A finding at the gateway's address.
fn at(context: &Context<'_>, seen: &Seen, what: &str, is: String, wanted: &str) -> Finding {
    let field = format!("{what} at {}", seen.at);
    finding(gateway_reference(context), &field, is, wanted)
}

fn no_handshake(seen: &Seen) -> Outcome {
    Outcome::NotAssessed(format!("no handshake with {} succeeded, see TLS-19", seen.at))
}

/// TLS-17: The gateway serves the certificate of its Secret
fn serves_its_secret(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let seen = seen!(context);
    let Some(leaf) = seen.chain.first() else {
        return Ok(no_handshake(seen));
    };
    let secrets = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let of =
        |secret: &&&Secret| secret.tls.as_ref().and_then(|tls| tls.chain.first()) == Some(leaf);
    let served = format!("{}, valid until {}", leaf.subject, date(leaf.not_after));
    Ok(match secrets.iter().find(of) {
        Some(secret) => Outcome::Pass(format!("{served}, of {}", secret.reference())),
        None => {
            let names: Vec<_> = secrets.iter().map(|s| s.reference().to_string()).collect();
            let wanted = format!("the certificate of {}", names.join(" or "));
            outcome(vec![at(context, seen, "certificate", served, &wanted)], "")
        }
    })
}

/// TLS-18: A handshake with an old version or a weak cipher suite is refused
fn refuses_weak_handshakes(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let seen = seen!(context);
    if seen.agreed.is_none() && seen.versions.is_empty() {
        return Ok(no_handshake(seen));
    }
    let least = context.policy.tls_minimum;
    let wanted = format!("{least} or later");
    let old = seen.versions.iter().filter(|version| **version < least);
    let mut findings: Vec<_> =
        old.map(|version| at(context, seen, "version", version.to_string(), &wanted)).collect();
    findings.extend(seen.weak.iter().map(|suite| {
        let wanted = "suites with forward secrecy and AEAD";
        at(context, seen, "cipher suite", suite.clone(), wanted)
    }));
    let agreed = seen.agreed.as_ref();
    let agreed = agreed.map_or(String::new(), |(version, suite)| format!("{version} {suite}; "));
    let versions: Vec<_> = seen.versions.iter().map(|version| version.number()).collect();
    Ok(outcome(findings, format!("{agreed}TLS {} and no weak suite", versions.join(" and "))))
}

/// TLS-19: Clients accept the certificate that is served
fn is_accepted(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let seen = seen!(context);
    let Some(leaf) = seen.chain.first() else {
        let finding = at(context, seen, "handshake", "it failed".into(), "TLS 1.2 or later");
        return Ok(outcome(vec![finding], ""));
    };
    let mut findings = Vec::new();
    let mut add =
        |what: &str, is: String, wanted: &str| findings.push(at(context, seen, what, is, wanted));
    let now = context.now().as_second();
    if let Some(dates) = outside_dates(leaf, now) {
        add("certificate", dates, "dates that include today");
    }
    if let Some(host) = seen.host.as_ref().filter(|host| !leaf.covers(host)) {
        add("certificate", format!("for {}", leaf.names.join(", ")), host);
    }
    if let Some(why) = &seen.broken_chain {
        add("chain", why.clone(), "each certificate signed by the next");
    }
    for (index, link) in seen.chain.iter().enumerate().skip(1) {
        // Clients have the root themselves.
        if let Some(dates) = outside_dates(link, now).filter(|_| !link.self_signed) {
            add(&format!("certificate {index} of the chain"), dates, "dates that include today");
        }
    }
    if !leaf.is_for_servers() {
        add("extended key usage", leaf.usage.join(", "), "serverAuth");
    }
    let mut unknown = None;
    match end_of(context, &seen.chain)? {
        End::Root => {}
        End::Missing(subject) => {
            add("chain", format!("without its intermediate {subject}"), "all but the root");
        }
        End::Refused(issuer) => {
            let is = format!("ends with a certificate of {issuer}, which is no root that is given");
            let wanted = "all but the root, which is public or in oidc-gatekeeper's ca-bundle";
            add("chain", is, wanted);
        }
        End::Unknown(issuer) => unknown = Some(issuer),
    }
    let length = seen.chain.len();
    if let (Some(issuer), true) = (unknown, findings.is_empty()) {
        return Ok(Outcome::NotAssessed(format!(
            "the certificate is of {issuer}, and no root is known to verify it with: none in \
             oidc-gatekeeper's ca-bundle"
        )));
    }
    Ok(outcome(
        findings,
        format!("{} by {}, {}", leaf.subject, leaf.issuer, count(length, "certificate")),
    ))
}

/// The dates of a certificate that has expired or is not yet valid.
fn outside_dates(certificate: &Certificate, now: i64) -> Option<String> {
    let Certificate { not_before, not_after, .. } = *certificate;
    let is_outside = now < not_before || now >= not_after;
    is_outside.then(|| format!("{} to {}", date(not_before), date(not_after)))
}

/// To what the last certificate of a chain leads.
enum End {
    /// A root that is public, given, or in the chain.
    Root,
    /// An intermediate that the cluster knows and the server does not send.
    Missing(String),
    /// An issuer that none of the given roots is.
    Refused(String),
    /// An issuer of which nothing is known.
    Unknown(String),
}

fn end_of(context: &Context<'_>, chain: &[Certificate]) -> Result<End, MissingFact> {
    let Some(last) = chain.iter().rfind(|link| !link.self_signed) else {
        return Ok(End::Root);
    };
    let has_root = chain.iter().any(|link| link.self_signed && link.may_issue(last));
    if last.of_public_root || has_root {
        return Ok(End::Root);
    }
    let given = login_roots(context).ok().flatten().unwrap_or_default();
    if given.iter().any(|root| root.may_issue(last)) {
        return Ok(End::Root);
    }
    let platform = context.platform_namespaces();
    let secrets = context.secrets()?.iter();
    let secrets = secrets.filter(|secret| platform.contains(&&*secret.metadata.namespace));
    let mut known = secrets.flat_map(|secret| &secret.crypto).flat_map(|found| &found.chain);
    Ok(match known.find(|ca| ca.may_issue(last)) {
        Some(ca) if ca.self_signed => End::Root,
        Some(ca) => End::Missing(ca.subject.clone()),
        None if given.is_empty() => End::Unknown(last.issuer.clone()),
        None => End::Refused(last.issuer.clone()),
    })
}

/// TLS-20: Plain HTTP is redirected to HTTPS
fn redirects_to_https(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let seen = seen!(context);
    let Some(clear) = &seen.clear else {
        return Ok(Outcome::Pass("nothing answers without TLS".into()));
    };
    let location = clear.location.as_deref().unwrap_or_default();
    let leads = (300..400).contains(&clear.status) && location.starts_with("https://");
    let is = match location {
        "" => clear.status.to_string(),
        location => format!("{} to {location}", clear.status),
    };
    let findings = match leads {
        true => Vec::new(),
        false => vec![at(context, seen, "HTTP beside", is.clone(), "a redirect to https://")],
    };
    Ok(outcome(findings, is))
}

/// TLS-21: The gateway sends Strict-Transport-Security
fn sends_hsts(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let seen = seen!(context);
    if seen.agreed.is_none() {
        return Ok(no_handshake(seen));
    }
    match &seen.hsts {
        Some(value) => Ok(Outcome::Pass(value.clone())),
        None if context.policy.profile == Profile::Strict => {
            let none = "no Strict-Transport-Security".to_owned();
            let finding = at(context, seen, "headers", none, "max-age of a year");
            Ok(outcome(vec![finding], ""))
        }
        None => Ok(Outcome::Pass("not sent; the profile strict requires it".into())),
    }
}
