//! The decision about a request: CUSTOM, then DENY, then ALLOW, then the default.

use std::collections::BTreeSet;
use std::fmt;

use super::mesh::Mesh;
use super::request::Request;
use super::rule::matches_rule;
use super::scope::PolicySet;
use super::truth::Truth;
use crate::facts::istio::AuthorizationPolicy;
use crate::facts::object::Object as _;

/// A rule that decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cause<'a> {
    /// The policy.
    pub policy: &'a AuthorizationPolicy,
    /// Index of the rule.
    pub rule: usize,
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, rule {}", self.policy.reference(), self.rule + 1)
    }
}

/// The decision about a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<'a> {
    /// It is let through, by a rule or because no policy allows anything.
    Allowed(Option<Cause<'a>>),
    /// It is refused, by a rule or because none allows it.
    Denied(Option<Cause<'a>>),
    /// It is let through if the external authoriser of this rule lets it through.
    Asked(Cause<'a>),
    /// It depends on what is not known: why.
    Unknown(String),
}

impl Decision<'_> {
    /// Whether the request is let through, as far as that is known here.
    pub fn is_allowed(&self) -> Truth {
        match self {
            Self::Allowed(_) => Truth::Yes,
            Self::Denied(_) => Truth::No,
            Self::Asked(_) | Self::Unknown(_) => Truth::Unknown,
        }
    }
}

/// The first rule that matches a request, or else the first of which it is not known.
fn first<'a>(
    policies: &[&'a AuthorizationPolicy],
    request: &Request,
    mesh: &Mesh,
) -> (Truth, Option<Cause<'a>>) {
    let mut unknown = None;
    for policy in policies {
        for (rule, content) in policy.spec.rules.iter().enumerate() {
            match matches_rule(policy, content, request, mesh) {
                Truth::Yes => return (Truth::Yes, Some(Cause { policy, rule })),
                Truth::Unknown => unknown = unknown.or(Some(Cause { policy, rule })),
                Truth::No => {}
            }
        }
    }
    match unknown {
        Some(_) => (Truth::Unknown, unknown),
        None => (Truth::No, None),
    }
}

impl<'a> PolicySet<'a> {
    /// The decision about a request.
    pub fn decide(&self, request: &Request, mesh: &Mesh) -> Decision<'a> {
        let depends = |cause: Option<Cause<'_>>| {
            cause.map(|cause| format!("{cause} depends on what is not known"))
        };
        let custom = self.custom(request, mesh);
        if let Decision::Denied(_) = custom {
            return custom;
        }
        let (is_denied, denying) = first(&self.deny, request, mesh);
        if is_denied == Truth::Yes {
            return Decision::Denied(denying);
        }
        let (is_allowed, allowing) = match self.allow.is_empty() {
            true => (Truth::Yes, None),
            false => first(&self.allow, request, mesh),
        };
        if is_allowed == Truth::No {
            return Decision::Denied(None);
        }
        if let Some(policy) = self.other.first() {
            let (policy, action) = (policy.reference(), &policy.spec.action);
            return Decision::Unknown(format!("{policy}: the action {action} is not known"));
        }
        let unknown = if is_denied == Truth::Unknown { depends(denying) } else { None };
        let unknown =
            unknown.or_else(|| if is_allowed == Truth::Unknown { depends(allowing) } else { None });
        match (unknown, custom) {
            (Some(why), _) => Decision::Unknown(why),
            (None, Decision::Allowed(_)) => Decision::Allowed(allowing),
            (None, custom) => custom,
        }
    }

    /// What CUSTOM policies decide: several authorisers for one workload are an error that
    /// refuses, as is one that the mesh does not have.
    fn custom(&self, request: &Request, mesh: &Mesh) -> Decision<'a> {
        let names = self.custom.iter().map(|policy| match &policy.spec.provider {
            Some(provider) => &*provider.name,
            None => "",
        });
        let names: BTreeSet<&str> = names.collect();
        let (matches, cause) = first(&self.custom, request, mesh);
        let has_all = mesh
            .providers
            .as_ref()
            .is_none_or(|known| names.iter().all(|name| known.contains(*name)));
        match (matches, cause) {
            (Truth::Yes, Some(cause)) if names.len() > 1 || !has_all => {
                Decision::Denied(Some(cause))
            }
            (Truth::Yes, Some(cause)) => Decision::Asked(cause),
            (Truth::Unknown, Some(cause)) => {
                Decision::Unknown(format!("{cause} depends on what is not known"))
            }
            _ => Decision::Allowed(None),
        }
    }
}
