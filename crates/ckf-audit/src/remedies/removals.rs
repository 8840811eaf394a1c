//! Remedies that delete user-created objects. The whole object is recorded, so that the deletion
//! can be reverted, and each remedy is applied only when named.

use std::collections::BTreeMap;

use super::about::{About, Risk};
use super::desired::{Decision, DesiredState};
use super::edit::{ClusterEdit, Removal};
use super::verdicts::open;
use crate::controls::authz::wildcards::{MITIGATION, maker_of_policy};
use crate::facts::object::ObjectRef;
use crate::views::{Context, MissingFact};

pub(super) const SERVICE_ACCOUNT_TOKENS: About = About {
    does: "deletes Secrets that hold a non-expiring service account token",
    controls: &["CRED-15"],
    risk: Risk::High,
    reach: "clients that use such a token are rejected at once; undo recreates the Secret with a \
            new token",
    breaks: "whatever authenticates with such a token, inside or outside the cluster, permanently",
    works_on: "every release",
    source: "kubernetes.io, Service account token Secrets; tests/cluster/hardening.rs",
    only_by_name: true,
    needs_juju: false,
};

pub(super) const FOREIGN_ROLE_BINDINGS: About = About {
    does: "deletes role bindings in profiles that are neither Kubeflow's nor allowed by the policy",
    controls: &["AUTHZ-06"],
    risk: Risk::High,
    reach: "their subjects lose the access to the profile that the binding granted",
    breaks: "users of such a binding, and automation that creates bindings under other names than \
             KFAM; review the plan, and allow known bindings in the policy",
    works_on: "every release",
    source: "kubeflow/dashboard, KFAM's bindings; tests/cluster/hardening.rs",
    only_by_name: true,
    needs_juju: false,
};

pub(super) const WILDCARD_POLICIES: About = About {
    does: "deletes AuthorizationPolicies with a rule that allows every request",
    controls: &["AUTHZ-07"],
    risk: Risk::High,
    reach: "requests that only that rule allows are denied where another ALLOW policy applies; a \
            policy that a controller would recreate is left alone",
    breaks: "requests that only that rule allows; without any ALLOW policy on a pod Istio allows \
             every request to it",
    works_on: "every release with sidecars",
    source: "istio.io, AuthorizationPolicy; kfp-operators, kfp-profile-controller; \
             tests/cluster/hardening.rs, tests/attacks/slip.rs",
    only_by_name: true,
    needs_juju: false,
};

pub(super) fn service_account_tokens(context: &Context<'_>) -> Result<Decision, MissingFact> {
    remove(context, "CRED-15")
}

pub(super) fn foreign_role_bindings(context: &Context<'_>) -> Result<Decision, MissingFact> {
    remove(context, "AUTHZ-06")
}

/// Deletes no policy that a controller recreates within a minute: meanwhile the flows that only it
/// allows would be denied, to no effect.
pub(super) fn wildcard_policies(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let policies = context.authorization_policies()?;
    let maker = |object: &ObjectRef| {
        let mut policies = policies.iter();
        let policy = policies.find(|policy| {
            policy.metadata.namespace == *object.namespace && policy.metadata.name == object.name
        })?;
        maker_of_policy(context, policy)
    };
    let mut state = DesiredState::default();
    let mut left: BTreeMap<String, String> = BTreeMap::new();
    for removal in removals(context, "AUTHZ-07")? {
        let object = &removal.object;
        match maker(object) {
            None => state.edits.push(ClusterEdit::Removal(removal).into()),
            Some(maker) => {
                let why = format!(
                    "{object} is created by {maker}, which would recreate it; until that changes, \
                     {MITIGATION}"
                );
                left.insert(object.to_string(), why);
            }
        }
    }
    state.notes = left.into_values().collect();
    Ok(Decision::Apply(state))
}

/// Deletes the objects of a control's findings.
fn remove(context: &Context<'_>, id: &str) -> Result<Decision, MissingFact> {
    let removals = removals(context, id)?.into_iter();
    Ok(DesiredState::edits(removals.map(|removal| ClusterEdit::Removal(removal).into()).collect()))
}

fn removals(context: &Context<'_>, id: &str) -> Result<Vec<Removal>, MissingFact> {
    let mut removals: Vec<Removal> = Vec::new();
    for finding in open(context, id)? {
        let why = format!("{}: {}", finding.field, finding.seen);
        match removals.last_mut() {
            // Findings are sorted by object.
            Some(removal) if removal.object == finding.object => {
                removal.why = format!("{}; {why}", removal.why);
            }
            _ => removals.push(Removal { object: finding.object, why, manifest: None }),
        }
    }
    Ok(removals)
}
