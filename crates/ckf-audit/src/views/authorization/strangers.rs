//! Identities outside of trusted namespaces that a rule may name, and whether one gets in.

use super::admission::Admission;
use super::caller::Caller;
use super::condition::Field;
use super::decide::Cause;
use super::everybody::STRANGER;
use super::matcher::FRESH;
use super::mesh::Mesh;
use super::request::{Attribute, Request};
use super::rule::{conditions, sources};
use super::scope::PolicySet;
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
    let all = in_lists(rule, mesh, false, others);
    outside(all, mesh, is_trusted)
}

/// Identities of a rule's lists of what it asks for, or of those of what it leaves out.
fn in_lists<'a>(
    rule: &AuthorizationRule,
    mesh: &Mesh,
    left_out: bool,
    others: impl Iterator<Item = &'a str> + Clone,
) -> Vec<String> {
    let mut all = Vec::new();
    let lists = sources(rule).into_iter().flatten().chain(conditions(rule));
    for (field, values, _) in lists.filter(|(.., is_not)| *is_not == left_out) {
        for value in values {
            all.extend(named(field, value, mesh));
            if field == Field::Namespace || value.contains('*') {
                all.extend(matched(field, value, mesh, others.clone()));
            }
        }
    }
    all
}

/// Those of these identities that are not trusted, with one that nothing names and none.
fn outside(
    mut all: Vec<String>,
    mesh: &Mesh,
    is_trusted: impl Fn(&str) -> bool,
) -> Vec<Attribute<String>> {
    all.push(mesh.identity(STRANGER.0, STRANGER.1));
    all.retain(|identity| !is_of_mesh(identity, mesh) || !is_trusted(namespace(identity)));
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(Attribute::Is).chain([Attribute::Absent]).collect()
}

impl<'a> PolicySet<'a> {
    /// Whether a client outside of trusted namespaces gets in to one of these ports: one that no
    /// policy names, that a policy allows, or that a policy that denies others leaves out.
    pub fn admits_strangers<'n>(
        &self,
        ports: &[u16],
        mesh: &Mesh,
        is_trusted: impl Fn(&str) -> bool,
        others: impl Iterator<Item = &'n str> + Clone,
        is_of_interest: impl Fn(&Cause<'a>) -> bool,
    ) -> Admission<'a> {
        let mut all = Vec::new();
        for (policies, left_out) in [(&self.allow, false), (&self.deny, true)] {
            for rule in policies.iter().flat_map(|policy| &policy.spec.rules) {
                all.extend(in_lists(rule, mesh, left_out, others.clone()));
            }
        }
        let mut unknown = Admission::No;
        for peer in outside(all, mesh, is_trusted) {
            let caller = Caller { peer, ports: ports.to_vec(), ..Caller::default() };
            match self.admits_by(&caller, mesh, &is_of_interest) {
                Admission::No => {}
                Admission::Unknown(why) => unknown = Admission::Unknown(why),
                yes => return yes,
            }
        }
        unknown
    }
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
