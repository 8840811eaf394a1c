//! The gateway's private key.

use std::collections::BTreeSet;

use crate::controls::check::Check;
use crate::controls::tls::secrets::{each_leaf, served_secrets};
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Outcome, finding, outcome};
use crate::policy::Profile;
use crate::views::key_places::{KeyPlace, key_places};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("TLS-05", key_matches), ("TLS-06", key_is_strong), ("TLS-14", key_not_copied)];

/// TLS-05: The gateway's private key belongs to its certificate
fn key_matches(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let secrets = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let mut findings = Vec::new();
    for secret in secrets {
        let object = secret.reference();
        let Some(tls) = &secret.tls else {
            findings.push(finding(object, "data[tls.key]", "absent", "the key of tls.crt"));
            continue;
        };
        match (&tls.key, tls.chain.first()) {
            (Some(key), Some(leaf)) if *key == leaf.public_key => {}
            (Some(_), Some(_)) => findings.push(finding(
                object,
                "data[tls.key]",
                "of another key pair",
                "the key of tls.crt",
            )),
            (None, Some(leaf)) => {
                let why = format!(
                    "the private key in {object} could not be read to compare it with the {} certificate",
                    leaf.key_type
                );
                return Ok(Outcome::NotAssessed(why));
            }
            (_, None) => findings.push(finding(
                object,
                "data[tls.crt]",
                "no certificate",
                "the certificate of tls.key",
            )),
        }
    }
    Ok(outcome(findings, "the public parts are equal"))
}

/// TLS-06: The gateway key is strong enough
fn key_is_strong(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let rsa_least = if context.policy.profile == Profile::Strict { 3072 } else { 2048 };
    each_leaf(
        context,
        |leaf, object| {
            let weak = match leaf.key_type.as_str() {
                "RSA" => leaf.key_bits < rsa_least,
                "EC" => {
                    let known = ["P-256", "P-384", "P-521"];
                    leaf.key_bits < 256
                        || leaf.curve.as_deref().is_some_and(|c| !known.contains(&c))
                }
                "Ed25519" => false,
                other => {
                    return Err(Outcome::NotAssessed(format!(
                        "the key of {object} is of a type not known here: {other}"
                    )));
                }
            };
            let seen = match &leaf.curve {
                Some(_) => leaf.key(),
                None => format!("{} {} bits", leaf.key_type, leaf.key_bits),
            };
            let wanted = format!("RSA of {rsa_least} bits, EC on P-256 or larger, or Ed25519");
            Ok(if weak {
                vec![finding(object.clone(), "tls.crt key", seen, wanted)]
            } else {
                Vec::new()
            })
        },
        |leaf| {
            let warning = if leaf.key_type == "RSA" && leaf.key_bits < 3072 {
                "; 3072 are advised"
            } else {
                ""
            };
            format!("{} {} bits{warning}", leaf.key_type, leaf.key_bits)
        },
    )
}

/// TLS-14: The gateway's private key is in one Secret only
fn key_not_copied(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let served = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let keys: Vec<&str> = served.iter().filter_map(|s| s.tls.as_ref()?.key.as_deref()).collect();
    if keys.is_empty() {
        return Ok(Outcome::NotAssessed(
            "the gateway's private key could not be read to look for copies".into(),
        ));
    }
    let own: Vec<ObjectRef> = served.iter().map(|secret| secret.reference()).collect();
    let places = key_places(context)?;
    let holds = |place: &&KeyPlace<'_>| keys.iter().any(|key| place.material.holds_key_of(key));
    let copies = places.iter().filter(holds).filter(|place| !own.contains(&place.object));
    let seen = "the gateway's private key";
    let mut findings: Vec<_> = copies
        .map(|place| finding(place.object.clone(), &place.field, seen, "another key"))
        .collect();
    // The same key in two Secrets that are served is a copy as well.
    let mut known = BTreeSet::new();
    for secret in &served {
        let key = secret.tls.as_ref().and_then(|tls| tls.key.as_deref());
        if key.is_some_and(|key| !known.insert(key)) {
            findings.push(finding(secret.reference(), "data[tls.key]", seen, "another key"));
        }
    }
    let outcome = outcome(findings, "nothing else holds the key");
    Ok(match (context.all_config_maps(), outcome) {
        (Err(MissingFact(why)), Outcome::Pass(_)) => Outcome::NotAssessed(why),
        (_, outcome) => outcome,
    })
}
