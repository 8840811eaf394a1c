//! Identities outside of trusted namespaces that a rule may name.

use super::condition::Field;
use super::everybody::STRANGER;
use super::matcher::FRESH;
use super::mesh::Mesh;
use super::request::{Attribute, Request};
use super::rule::{conditions, sources};
use super::truth::Truth;
use crate::facts::istio::AuthorizationRule;

/// The accounts of a profile.
const ACCOUNTS: [&str; 2] = ["default-editor", "default"];

/// Clients outside of trusted namespaces that are worth a try against a rule: one without
/// identity, one that nothing names, and those that the rule's values name or match, among them
/// accounts of `others`.
pub fn strangers<'a>(
    rule: &AuthorizationRule,
    mesh: &Mesh,
    is_trusted: impl Fn(&str) -> bool,
    others: impl Iterator<Item = &'a str> + Clone,
) -> Vec<Attribute<String>> {
    let mut all = vec![mesh.identity(STRANGER.0, STRANGER.1)];
    let lists = sources(rule).into_iter().flatten().chain(conditions(rule));
    for (field, values, _) in lists.filter(|(.., is_not)| !is_not) {
        for value in values {
            all.extend(named(field, value, mesh));
            if field == Field::Namespace || value.contains('*') {
                all.extend(matched(field, value, mesh, others.clone()));
            }
        }
    }
    all.retain(|identity| !is_of_mesh(identity, mesh) || !is_trusted(namespace(identity)));
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(Attribute::Is).chain([Attribute::Absent]).collect()
}

/// The namespace of an identity.
fn namespace(identity: &str) -> &str {
    let rest = identity.split_once("/ns/").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn is_of_mesh(identity: &str, mesh: &Mesh) -> bool {
    let rest = identity.strip_prefix("spiffe://").unwrap_or_default();
    let domain = rest.split('/').next().unwrap_or_default();
    mesh.trust_domains.iter().any(|own| own == domain)
}

/// Identities that a value names, or that are made to match it.
fn named(field: Field<'_>, value: &str, mesh: &Mesh) -> Vec<String> {
    let domain = mesh.trust_domains.first().map_or("cluster.local", String::as_str);
    match field {
        Field::Principal => match (value.strip_prefix('*'), value.strip_suffix('*')) {
            // Of any trust domain: which authorities the mesh trusts is not a policy's matter.
            (Some(rest), _) if rest.starts_with("/ns/") => Vec::new(),
            (Some(rest), _) => vec![format!("spiffe://{domain}/ns/{FRESH}{rest}")],
            (_, Some(rest)) if rest.contains("/sa/") => vec![format!("spiffe://{rest}{FRESH}")],
            (_, Some(rest)) if rest.ends_with('/') => {
                vec![format!("spiffe://{rest}sa/{}", ACCOUNTS[0])]
            }
            (_, Some(rest)) => vec![format!("spiffe://{rest}{FRESH}/sa/{}", ACCOUNTS[0])],
            _ => mesh.principals(value).iter().map(|one| format!("spiffe://{one}")).collect(),
        },
        Field::Namespace => {
            let namespace = value.replace('*', FRESH);
            ACCOUNTS.iter().map(|account| mesh.identity(&namespace, account)).collect()
        }
        Field::ServiceAccount => {
            let (namespace, account) = value.split_once('/').unwrap_or((FRESH, value));
            vec![mesh.identity(namespace, account)]
        }
        Field::TrustDomain => {
            let domain = value.replace('*', FRESH);
            vec![format!("spiffe://{domain}/ns/{}/sa/{}", STRANGER.0, STRANGER.1)]
        }
        _ => Vec::new(),
    }
}

/// The first account of other namespaces that a value matches.
fn matched<'a>(
    field: Field<'_>,
    value: &str,
    mesh: &Mesh,
    mut others: impl Iterator<Item = &'a str>,
) -> Option<String> {
    others.find_map(|namespace| {
        ACCOUNTS.iter().find_map(|account| {
            let identity = mesh.identity(namespace, account);
            let peer = Attribute::Is(identity.clone());
            let request = Request { peer, ..Request::default() };
            (field.has(value, &request, mesh, "") == Ok(Truth::Yes)).then_some(identity)
        })
    })
}
