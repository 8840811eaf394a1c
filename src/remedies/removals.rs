//! What somebody made and nobody should have goes. Each is recorded whole, so that it can
//! be put back, and each of these is applied by its name only.

use super::edit::{Edit, Removal};
use super::{About, Decision, Risk, Wants, open};
use crate::controls::context::{Context, Missing};

pub(super) const SERVICE_ACCOUNT_TOKENS: About = About {
    name: "service-account-tokens",
    does: "deletes Secrets with a token of a service account that never ends",
    controls: &["CRED-15"],
    risk: Risk::High,
    reach: "who uses such a token is refused at once; undo makes the Secret again, with another \
            token",
    only_by_name: true,
    needs_juju: false,
};

pub(super) const FOREIGN_ROLE_BINDINGS: About = About {
    name: "foreign-role-bindings",
    does: "deletes role bindings in profiles that are neither Kubeflow's nor allowed by the policy",
    controls: &["AUTHZ-06"],
    risk: Risk::High,
    reach: "their subjects lose in the profile what the binding gave them",
    only_by_name: true,
    needs_juju: false,
};

pub(super) const WILDCARD_POLICIES: About = About {
    name: "wildcard-policies",
    does: "deletes AuthorizationPolicies with a rule that admits everybody",
    controls: &["AUTHZ-07"],
    risk: Risk::High,
    reach: "requests that only that rule admits are refused where another policy allows some",
    only_by_name: true,
    needs_juju: false,
};

pub(super) fn service_account_tokens(context: &Context<'_>) -> Result<Decision, Missing> {
    remove(context, "CRED-15")
}

pub(super) fn foreign_role_bindings(context: &Context<'_>) -> Result<Decision, Missing> {
    remove(context, "AUTHZ-06")
}

pub(super) fn wildcard_policies(context: &Context<'_>) -> Result<Decision, Missing> {
    remove(context, "AUTHZ-07")
}

/// What a control finds goes.
fn remove(context: &Context<'_>, id: &str) -> Result<Decision, Missing> {
    let mut edits: Vec<Edit> = Vec::new();
    for finding in open(context, id)? {
        let why = format!("{}: {}", finding.field, finding.seen);
        match edits.last_mut() {
            // Findings are in the order of their objects.
            Some(Edit::Removal(removal)) if removal.object == finding.object => {
                removal.why = format!("{}; {why}", removal.why);
            }
            _ => edits.push(Edit::Removal(Removal {
                object: finding.object,
                why,
                manifest: None,
            })),
        }
    }
    Ok(Wants::edits(edits))
}
