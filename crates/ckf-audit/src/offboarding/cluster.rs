//! Access of a leaving person in the cluster: profiles, bindings, policies, tokens.

use super::remnant::{Offboarding, Part, Person};
use crate::facts::object::Object as _;
use crate::views::{Context, MissingFact};

/// Parts of this file.
pub(super) const PARTS: [Part; 4] = [of_profiles, of_bindings, of_policies, of_tokens];

type Looked = Result<(), MissingFact>;

fn of_profiles(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    for profile in context.profiles()? {
        if person.is(&profile.spec.owner.name) {
            let how = format!(
                "give it to another: kubectl patch profile {} --type merge -p \
                 '{{\"spec\":{{\"owner\":{{\"kind\":\"User\",\"name\":\"NEW\"}}}}}}'; or save its \
                 data and delete it",
                profile.metadata.name
            );
            left.add("profiles", profile.reference(), "the whole profile, as its owner", how);
        }
    }
    Ok(())
}

/// The person owns the profile of this namespace, so its controller makes binding and policy again.
fn owns(context: &Context<'_>, person: &Person, namespace: &str) -> Result<bool, MissingFact> {
    let mut profiles = context.profiles()?.iter();
    Ok(profiles.any(|p| p.metadata.name == namespace && person.is(&p.spec.owner.name)))
}

fn of_bindings(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    for binding in context.role_bindings()? {
        let own = binding.subjects.iter().filter(|s| s.kind == "User" && person.is(&s.name));
        let namespace = &*binding.metadata.namespace;
        if own.count() == 0 || owns(context, person, namespace)? {
            continue;
        }
        let name = &binding.metadata.name;
        let how = match binding.subjects.len() {
            1 => format!("kubectl -n {namespace} delete rolebinding {name}"),
            _ => format!("take the subject out: kubectl -n {namespace} edit rolebinding {name}"),
        };
        let has = format!("{} in {namespace}", binding.role_ref.name);
        left.add("bindings", binding.reference(), &has, how);
    }
    for binding in context.cluster_role_bindings()? {
        let own = binding.subjects.iter().filter(|s| s.kind == "User" && person.is(&s.name));
        if own.count() > 0 {
            let name = &binding.metadata.name;
            let how = match binding.subjects.len() {
                1 => format!("kubectl delete clusterrolebinding {name}"),
                _ => format!("take the subject out: kubectl edit clusterrolebinding {name}"),
            };
            let has = format!("{} in every namespace", binding.role_ref.name);
            left.add("bindings", binding.reference(), &has, how);
        }
    }
    Ok(())
}

fn of_policies(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    for policy in context.authorization_policies()? {
        let namespace = &*policy.metadata.namespace;
        let conditions = policy.spec.rules.iter().flat_map(|rule| &rule.when);
        let named = conditions.flat_map(|condition| &condition.values).any(|v| person.is(v));
        // What is denied to all but the owner and contributors follows them.
        if !named || policy.spec.action == "DENY" || owns(context, person, namespace)? {
            continue;
        }
        let name = &policy.metadata.name;
        let is_own = policy.metadata.annotations.user.as_deref().is_some_and(|it| person.is(it));
        let how = match is_own {
            true => format!("kubectl -n {namespace} delete authorizationpolicy {name}"),
            false => format!(
                "take the value out: kubectl -n {namespace} edit authorizationpolicy {name}"
            ),
        };
        left.add("policies", policy.reference(), &format!("the way into {namespace}"), how);
    }
    Ok(())
}

fn of_tokens(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    let mut namespaces = Vec::new();
    for binding in context.role_bindings()? {
        let namespace = &*binding.metadata.namespace;
        let is_own = binding.subjects.iter().any(|s| s.kind == "User" && person.is(&s.name));
        if is_own || owns(context, person, namespace)? {
            namespaces.push(namespace);
        }
    }
    for secret in context.secrets()? {
        let is_token = secret.kind == "kubernetes.io/service-account-token";
        if is_token && namespaces.contains(&&*secret.metadata.namespace) {
            let has = "perhaps a copy: the person could read it, and it never expires";
            let how = "delete it: ckf-hardening apply service-account-tokens";
            left.add("tokens", secret.reference(), has, how.into());
        }
    }
    Ok(())
}
