//! Private keys where they do not belong.

use crate::controls::check::Check;
use crate::controls::cryptography::mesh::{CA_SECRETS, ca_secrets};
use crate::finding::{Outcome, finding, outcome};
use crate::views::key_places::{key_places, of_secret};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("CRYP-07", keys_are_in_secrets), ("CRYP-08", mesh_key_is_not_copied)];

/// A pass, unless ConfigMaps were not looked through.
fn all_seen(context: &Context<'_>, outcome: Outcome) -> Outcome {
    match (context.all_config_maps(), outcome) {
        (Err(MissingFact(why)), Outcome::Pass(_)) => Outcome::NotAssessed(why),
        (_, outcome) => outcome,
    }
}

/// CRYP-07: Private keys are in Secrets only
fn keys_are_in_secrets(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut findings = Vec::new();
    let places = key_places(context)?;
    for place in places.iter().filter(|place| !place.is_secret) {
        if context.is_ours(&place.object.namespace)? {
            findings.extend(place.material.keys.iter().map(|key| {
                finding(
                    place.object.clone(),
                    &place.field,
                    key.describe(),
                    "a Secret that holds it",
                )
            }));
        }
    }
    let evidence = "no ConfigMap, variable or argument holds one";
    Ok(all_seen(context, outcome(findings, evidence)))
}

/// CRYP-08: The key of the mesh's CA is not copied
fn mesh_key_is_not_copied(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let own = ca_secrets(context)?;
    let keys =
        own.iter().flat_map(|secret| of_secret(secret)).flat_map(|place| &place.material.keys);
    let keys: Vec<&str> = keys.filter_map(|key| key.public_key.as_deref()).collect();
    if keys.is_empty() {
        let why = format!("no Secret {} holds a CA's key", CA_SECRETS.join(" or "));
        return Ok(Outcome::NotApplicable(why));
    }
    let places = key_places(context)?;
    let is_own = |namespace: &str, kind: &str, name: &str| {
        kind == "Secret" && namespace == context.namespace() && CA_SECRETS.contains(&name)
    };
    let copies = places.iter().filter(|place| {
        let object = &place.object;
        !is_own(&object.namespace, &object.kind, &object.name)
            && keys.iter().any(|key| place.material.holds_key_of(key))
    });
    let findings = copies.map(|place| {
        let seen = "the private key of the mesh's CA";
        finding(place.object.clone(), &place.field, seen, "no copy: it makes any identity")
    });
    let findings = findings.collect();
    Ok(all_seen(context, outcome(findings, "only istiod's Secret holds it")))
}
