//! Tokens of service accounts.

use crate::controls::check::Check;
use crate::facts::object::Object as _;
use crate::finding::{Outcome, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("CRED-15", long_lived_tokens)];

/// The Secret with the token by which Juju runs commands in pods, in every model.
const OF_JUJU: &str = "model-exec";

/// CRED-15: No long-lived service account tokens
fn long_lived_tokens(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let profiles = context.profile_namespaces()?;
    let tokens = context.secrets()?.iter().filter(|s| {
        let ours = s.metadata.namespace == *context.namespace()
            || profiles.contains(&*s.metadata.namespace);
        let is_of_juju = s.metadata.namespace == *context.namespace() && s.metadata.name == OF_JUJU;
        ours && !is_of_juju && s.kind == "kubernetes.io/service-account-token"
    });
    let findings = tokens
        .map(|s| finding(s.reference(), "type", &*s.kind, "none; projected tokens expire"))
        .collect();
    Ok(outcome(findings, "no token Secret in the platform or its profiles"))
}
