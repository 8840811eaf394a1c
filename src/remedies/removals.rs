//! What somebody made and nobody should have goes. Each is recorded whole, so that it can
//! be put back, and each of these is applied by its name only.

use std::collections::BTreeMap;

use super::edit::{Edit, Removal, Target};
use super::{About, Decision, Risk, Wants, open};
use crate::controls::authz::wildcards::{MITIGATION, maker_of_policy};
use crate::facts::object::ObjectRef;
use crate::views::{Context, Missing};

pub(super) const SERVICE_ACCOUNT_TOKENS: About = About {
    name: "service-account-tokens",
    does: "deletes Secrets with a token of a service account that never ends",
    controls: &["CRED-15"],
    risk: Risk::High,
    reach: "who uses such a token is refused at once; undo makes the Secret again, with another \
            token",
    breaks: "whatever authenticates with such a token, inside the cluster or outside of it, for good",
    works_on: "every release",
    source: "kubernetes.io, Service account token Secrets; tests/hardening.rs",
    only_by_name: true,
    needs_juju: false,
};

pub(super) const FOREIGN_ROLE_BINDINGS: About = About {
    name: "foreign-role-bindings",
    does: "deletes role bindings in profiles that are neither Kubeflow's nor allowed by the policy",
    controls: &["AUTHZ-06"],
    risk: Risk::High,
    reach: "their subjects lose in the profile what the binding gave them",
    breaks: "whoever works by such a binding: people, and automation that binds by other names \
             than KFAM; look at the plan, and allow in the policy what is known",
    works_on: "every release",
    source: "kubeflow/dashboard, KFAM's bindings; tests/hardening.rs",
    only_by_name: true,
    needs_juju: false,
};

pub(super) const WILDCARD_POLICIES: About = About {
    name: "wildcard-policies",
    does: "deletes AuthorizationPolicies with a rule that admits everybody",
    controls: &["AUTHZ-07"],
    risk: Risk::High,
    reach: "requests that only that rule admits are refused where another policy allows some; a \
            policy that a controller makes again is left alone",
    breaks: "requests that only that rule admits; without the last ALLOW policy of a pod Istio \
             admits everybody to it",
    works_on: "every release with sidecars",
    source: "istio.io, AuthorizationPolicy; kfp-operators, kfp-profile-controller; \
             tests/hardening.rs, tests/attacks/slip.rs",
    only_by_name: true,
    needs_juju: false,
};

pub(super) fn service_account_tokens(context: &Context<'_>) -> Result<Decision, Missing> {
    remove(context, "CRED-15")
}

pub(super) fn foreign_role_bindings(context: &Context<'_>) -> Result<Decision, Missing> {
    remove(context, "AUTHZ-06")
}

/// What a controller makes again within a minute is not deleted: while it is gone, flows that
/// only it admits are refused, and nothing is won.
pub(super) fn wildcard_policies(context: &Context<'_>) -> Result<Decision, Missing> {
    let policies = context.authorization_policies()?;
    let maker = |object: &ObjectRef| {
        let mut policies = policies.iter();
        let found = policies.find(|policy| {
            policy.metadata.namespace == *object.namespace && policy.metadata.name == object.name
        })?;
        maker_of_policy(context, found)
    };
    let mut wants = Wants::default();
    let mut left: BTreeMap<String, String> = BTreeMap::new();
    for edit in removals(context, "AUTHZ-07")? {
        let Target::Object(object) = edit.target() else {
            continue;
        };
        match maker(&object) {
            None => wants.edits.push(edit),
            Some(maker) => {
                let why = format!(
                    "{object} is made by {maker}, which would make it again; until that changes, \
                     {MITIGATION}"
                );
                left.insert(object.to_string(), why);
            }
        }
    }
    wants.notes = left.into_values().collect();
    Ok(Decision::Wanted(wants))
}

/// What a control finds goes.
fn remove(context: &Context<'_>, id: &str) -> Result<Decision, Missing> {
    Ok(Wants::edits(removals(context, id)?))
}

fn removals(context: &Context<'_>, id: &str) -> Result<Vec<Edit>, Missing> {
    let mut edits: Vec<Edit> = Vec::new();
    for finding in open(context, id)? {
        let why = format!("{}: {}", finding.field, finding.seen);
        match edits.last_mut() {
            // Findings are in the order of their objects.
            Some(Edit::Removal(removal)) if removal.object == finding.object => {
                removal.why = format!("{}; {why}", removal.why);
            }
            _ => edits.push(Edit::Removal(Removal { object: finding.object, why, manifest: None })),
        }
    }
    Ok(edits)
}
