//! DENY policies for each profile: a logged-in user who is neither its owner nor a contributor
//! does not get through the gateway, whatever other policies allow.

use serde_json::{Value, json};

use super::about::{About, Risk};
use super::breaks::{Break, Breaks};
use super::desired::{Decision, DesiredState};
use super::managed::{AUTHORIZATION_POLICY, DesiredObject};
use super::network_policy::ambient;
use super::profiles::{foreign_namespaces, ignored_profiles, namespace};
use super::remedy::Remedy;
use super::verdicts::waived;
use crate::facts::istio::Profile;
use crate::facts::object::Object as _;
use crate::views::profile_users::{
    ProfileUsers, USER_HEADER, gateway_principal, is_contributor, of_profile,
};
use crate::views::{Context, MissingFact};

pub(super) const ABOUT: About = About {
    does: "denies logged-in users other than the owner and contributors the way to a profile's \
           pods through the gateway",
    controls: &["AUTHZ-04", "AUTHZ-07"],
    risk: Risk::Medium,
    reach: "other users get 403 from a profile's notebooks, models and artifacts; it follows as \
            contributors are added and removed while the charm enforces it",
    breaks: "users who have access by other bindings or policies than a contributor's, and clients \
             of a profile's models that log in as another user. A profile in which such a user is \
             named is skipped until allow-disruption names the remedy, one with a group among its \
             contributors always: the gateway does not say of which groups a user is. A client \
             in the cluster can still forge the header at knative-local-gateway, which has no login",
    works_on: "1.10 and 1.11 with sidecars; in the ambient mesh ns-owner-access-istio stands alone",
    source: "a real istiod and Envoy: tests/gateway/profile_users.rs; kfp-operators, \
             kfp-profile-controller; istio.io, AuthorizationPolicy",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-users";
/// For the artifact server, which kfp-ui calls too, without an identity in the mesh.
pub(super) const ARTIFACTS: &str = "ckf-hardening-users-artifacts";
/// Label and port of the artifact server, as kfp-profile-controller makes it.
const ARTIFACT_SERVER: (&str, u16) = ("ml-pipeline-ui-artifact", 3000);

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let mut state = DesiredState {
        leftover: foreign_namespaces(context)?,
        notes: ignored_profiles(context)?,
        ..DesiredState::default()
    };
    let ambient = ambient(context)?;
    let gateway = gateway_principal(context)?;
    for (profile, _) in context.profile_claims()?.iter().filter(|(_, claim)| claim.is_proven()) {
        let name = profile.metadata.name.as_str();
        if let Some(why) = waived(context, "AUTHZ-04", &namespace(name)) {
            state.notes.push(why);
            continue;
        }
        if ambient.contains(name) {
            state.notes.push(format!("profile {name} is in the ambient mesh"));
            continue;
        }
        let users = ProfileUsers::of(context, profile)?;
        let policies = policies(name, &users, &gateway);
        if let Some(why) = untellable(name, &users) {
            state.notes.push(why);
            // A policy that stands would lock such users out.
            state.leftover = state.leftover.and_in(name);
            continue;
        }
        let others = others(context, profile, &users)?;
        for desired in &policies {
            state.breaks.extend(breaks(desired, &others));
        }
        state.objects.extend(policies);
    }
    Ok(Decision::Apply(state))
}

/// Why the users of a profile cannot be named.
fn untellable(profile: &str, users: &ProfileUsers) -> Option<String> {
    if let Some(group) = users.groups.iter().next() {
        return Some(format!(
            "profile {profile} is shared with the group {group}, and the gateway does not say of \
             which groups a user is"
        ));
    }
    let without_owner = || format!("profile {profile} has no owner that a policy can name");
    users.users.is_empty().then(without_owner)
}

fn policies(profile: &str, users: &ProfileUsers, gateway: &str) -> Vec<DesiredObject> {
    let mut values: Vec<String> = users.header_values().into_iter().collect();
    values.push(of_profile(profile));
    // Without a user nothing is denied here: what has none is for the other policies to allow.
    let others = json!([{"key": USER_HEADER, "values": ["*"], "notValues": values}]);
    let policy = |name: &str, content: Value| DesiredObject {
        kind: AUTHORIZATION_POLICY,
        namespace: profile.to_owned(),
        name: name.into(),
        content,
    };
    let (server, port) = ARTIFACT_SERVER;
    vec![
        // The source keeps it from connections that are not HTTP: of those, Istio denies all that
        // a rule's other fields match.
        policy(
            NAME,
            json!({"action": "DENY", "rules": [
                {"from": [{"source": {"principals": [gateway]}}], "when": others}]}),
        ),
        policy(
            ARTIFACTS,
            json!({"action": "DENY", "selector": {"matchLabels": {"app": server}}, "rules": [
                {"to": [{"operation": {"ports": [port.to_string()]}}], "when": others}]}),
        ),
    ]
}

/// Users whom bindings or policies of a profile name beside its owner and contributors, and where.
fn others(
    context: &Context<'_>,
    profile: &Profile,
    users: &ProfileUsers,
) -> Result<Vec<(crate::facts::object::ObjectRef, String)>, MissingFact> {
    let name = profile.metadata.name.as_str();
    let mut others = Vec::new();
    let bindings = context.role_bindings()?.iter();
    for binding in bindings.filter(|b| *b.metadata.namespace == *name && !is_contributor(b)) {
        for subject in &binding.subjects {
            let is_account =
                subject.name.starts_with("system:") || subject.kind == "ServiceAccount";
            if !is_account && !users.include(&subject.name) {
                others.push((binding.reference(), subject.to_string()));
            }
        }
    }
    for policy in context.authorization_policies()? {
        let is_allow = matches!(&*policy.spec.action, "" | "ALLOW");
        if policy.metadata.namespace != *name || !is_allow {
            continue;
        }
        let conditions = policy.spec.rules.iter().flat_map(|rule| &rule.when);
        let values = conditions.filter(|c| c.key == USER_HEADER).flat_map(|c| &c.values);
        for value in values.filter(|value| **value != "*" && !users.include(value)) {
            others.push((policy.reference(), format!("User {}", printable::line(value))));
        }
    }
    Ok(others)
}

fn breaks(
    desired: &DesiredObject,
    others: &[(crate::facts::object::ObjectRef, String)],
) -> Vec<Break> {
    let mut breaks = Breaks::of(Remedy::ProfileUsers, desired);
    for (object, who) in others {
        let text = format!("{object} names {who}, who is no contributor and would be denied");
        breaks.add(object.clone(), Risk::Medium, text);
    }
    breaks.finish()
}
