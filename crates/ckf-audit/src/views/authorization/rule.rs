//! Whether a rule of a policy matches a request.

use super::condition::{Field, Invalid};
use super::mesh::Mesh;
use super::request::Request;
use super::truth::Truth;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule};
use crate::facts::text::Interned;

/// The lists of a rule's part: a field each, values that are asked for and values that are not
/// wanted.
pub(super) type Lists<'a> = Vec<(Field<'a>, &'a [Interned], bool)>;

/// The alternatives of a rule's sources: one must match.
pub(super) fn sources(rule: &AuthorizationRule) -> Vec<Lists<'_>> {
    let all = rule.from.iter().map(|from| {
        let fields = from.source.iter().filter(|(_, values)| !values.is_empty());
        fields
            .map(|(name, values)| {
                let (field, is_not) = Field::of_source(name);
                (field, values.as_slice(), is_not)
            })
            .collect()
    });
    or_any(all.collect())
}

/// The alternatives of a rule's operations: one must match.
pub(super) fn operations(rule: &AuthorizationRule) -> Vec<Lists<'_>> {
    let all = rule.to.iter().map(|to| {
        let fields = to.operation.iter().filter(|(_, values)| !values.is_empty());
        fields
            .map(|(name, values)| {
                let (field, is_not) = Field::of_operation(name);
                (field, values.as_slice(), is_not)
            })
            .collect()
    });
    or_any(all.collect())
}

fn or_any(all: Vec<Lists<'_>>) -> Vec<Lists<'_>> {
    if all.is_empty() { vec![Vec::new()] } else { all }
}

/// The lists of a rule's conditions: all must match.
pub(super) fn conditions(rule: &AuthorizationRule) -> Lists<'_> {
    let mut all = Vec::new();
    for condition in &rule.when {
        let field = Field::of_key(&condition.key);
        for (values, is_not) in [(&condition.values, false), (&condition.not_values, true)] {
            if !values.is_empty() {
                all.push((field, values.as_slice(), is_not));
            }
        }
    }
    all
}

/// Whether a policy allows, which makes a rule void that cannot be translated; a policy of any
/// other action only gets wider.
pub(super) fn allows(policy: &AuthorizationPolicy) -> bool {
    matches!(&*policy.spec.action, "" | "ALLOW")
}

/// Whether a rule of a policy matches a request.
pub(super) fn matches_rule(
    policy: &AuthorizationPolicy,
    rule: &AuthorizationRule,
    request: &Request,
    mesh: &Mesh,
) -> Truth {
    matches_with(policy, rule, request, mesh, |_| false)
}

/// The same for every request that differs from this one in open fields only.
pub(super) fn matches_with(
    policy: &AuthorizationPolicy,
    rule: &AuthorizationRule,
    request: &Request,
    mesh: &Mesh,
    is_open: impl Fn(Field<'_>) -> bool,
) -> Truth {
    let namespace = &*policy.metadata.namespace;
    let is_allow = allows(policy);
    let has = |lists: &Lists<'_>| -> Result<Truth, Invalid> {
        let mut all = Vec::with_capacity(lists.len());
        for (field, values, is_not) in lists {
            let has = |value: &Interned| field.has(value, request, mesh, namespace);
            let fits = match is_allow {
                true => {
                    let fits: Result<Vec<Truth>, Invalid> = values.iter().map(has).collect();
                    fits?
                }
                false => values.iter().filter_map(|value| has(value).ok()).collect(),
            };
            // Values that are ignored restrict nothing.
            if !fits.is_empty() {
                let any = match is_open(*field) {
                    true => Truth::Unknown,
                    false => Truth::any(fits),
                };
                all.push(if *is_not { !any } else { any });
            }
        }
        Ok(Truth::all(all))
    };
    let any = |alternatives: Vec<Lists<'_>>| -> Result<Truth, Invalid> {
        let all: Result<Vec<Truth>, Invalid> = alternatives.iter().map(has).collect();
        Ok(Truth::any(all?))
    };
    let parts = || -> Result<Truth, Invalid> {
        let parts = [any(sources(rule))?, any(operations(rule))?, has(&conditions(rule))?];
        Ok(Truth::all(parts))
    };
    parts().unwrap_or(Truth::No)
}
