//! MinIO's root key and its copies.

use crate::controls::check::Check;
use crate::facts::object::Object as _;
use crate::facts::secret::Secret;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("CRED-07", minio_user),
    ("CRED-08", minio_key_strength),
    ("CRED-10", minio_copies),
    ("CRED-11", minio_in_profiles),
];

const ARTIFACT_SECRET: &str = "mlpipeline-minio-artifact";

const CONTROLLER_SECRET: &str = "kfp-profile-controller-minio-credentials";

/// Shortest key that is accepted, in characters.
const KEY_LENGTH: usize = 20;

/// The platform's own copies of MinIO's root key, the first of them argo's.
fn root_copies<'a>(context: &Context<'a>) -> Result<Vec<&'a Secret>, MissingFact> {
    let mut copies: Vec<_> = context
        .secrets()?
        .iter()
        .filter(|s| s.metadata.namespace == *context.namespace() && s.minio.is_some())
        .filter(|s| [ARTIFACT_SECRET, CONTROLLER_SECRET].contains(&s.metadata.name.as_str()))
        .collect();
    copies.sort_by_key(|s| s.metadata.name != ARTIFACT_SECRET);
    Ok(copies)
}

fn no_copy() -> Outcome {
    Outcome::NotApplicable("no Secret of the platform holds MinIO's key".into())
}

/// CRED-07: MinIO's root user is not the default
fn minio_user(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let copies = root_copies(context)?;
    let Some(root) = copies.first() else {
        return Ok(no_copy());
    };
    let default = root.minio.as_ref().is_some_and(|m| m.default_user);
    let findings = default
        .then(|| finding(root.reference(), "accesskey", "minio", "another name"))
        .into_iter()
        .collect();
    Ok(outcome(findings, "the root user is not minio"))
}

/// CRED-08: MinIO's root key is strong
fn minio_key_strength(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let copies = root_copies(context)?;
    let Some((root, key)) = copies.first().and_then(|s| Some((s, s.minio.as_ref()?))) else {
        return Ok(no_copy());
    };
    let seen = if key.well_known {
        Some("a well-known key".to_owned())
    } else if key.length < KEY_LENGTH {
        Some(count(key.length, "character"))
    } else if key.distinct < 8 {
        Some(format!("{} only", count(key.distinct, "different character")))
    } else {
        None
    };
    let wanted = format!("at least {KEY_LENGTH} random characters");
    let findings =
        seen.map(|seen| finding(root.reference(), "secretkey", seen, wanted)).into_iter().collect();
    Ok(outcome(findings, format!("{} long", count(key.length, "character"))))
}

fn profile_copies<'a>(context: &Context<'a>) -> Result<Vec<&'a Secret>, MissingFact> {
    let profiles = context.profile_namespaces()?;
    let secrets = context.secrets()?.iter();
    Ok(secrets
        .filter(|s| {
            s.minio.is_some()
                && s.metadata.name == ARTIFACT_SECRET
                && profiles.contains(&*s.metadata.namespace)
        })
        .collect())
}

/// CRED-10: All copies of MinIO's key are equal
fn minio_copies(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut copies = root_copies(context)?;
    let Some(group) = copies.first().and_then(|s| s.minio.as_ref()).map(|m| &m.group) else {
        return Ok(no_copy());
    };
    copies.extend(profile_copies(context)?);
    let findings =
        copies.iter().filter(|s| s.minio.as_ref().is_some_and(|m| m.group != *group)).map(|s| {
            finding(
                s.reference(),
                "accesskey, secretkey",
                "another key",
                format!("the key of {}/{ARTIFACT_SECRET}", context.namespace()),
            )
        });
    Ok(outcome(findings.collect(), format!("{} equal", count(copies.len(), "copy"))))
}

/// CRED-11: Profiles do not hold MinIO's root key
fn minio_in_profiles(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let roots = root_copies(context)?;
    let groups: Vec<_> = roots.iter().filter_map(|s| s.minio.as_ref()).map(|m| &m.group).collect();
    if groups.is_empty() {
        return Ok(no_copy());
    }
    let copies = profile_copies(context)?;
    let findings = copies
        .iter()
        .filter(|s| s.minio.as_ref().is_some_and(|m| groups.contains(&&m.group)))
        .map(|s| {
            finding(
                s.reference(),
                "secretkey",
                "MinIO's root key",
                "a key of this profile only (not possible in this release)",
            )
        });
    Ok(outcome(findings.collect(), "no profile holds the root key"))
}
