//! Whether a caller can send a request that policies let through: what the caller may choose is
//! tried with every value that the policies name, and with one that none names.

use super::caller::Caller;
use super::condition::Field;
use super::decide::{Cause, Decision};
use super::mesh::Mesh;
use super::request::Request;
use super::rule::{matches_rule, matches_with};
use super::samples::requests;
use super::scope::PolicySet;
use super::truth::Truth;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule};

/// Whether a caller gets in.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission<'a> {
    /// By this request, and by this rule unless no policy allows anything.
    Yes(Box<Request>, Option<Cause<'a>>),
    /// By no request that was tried.
    No,
    /// It depends on what is not known: why.
    Unknown(String),
}

impl<'a> PolicySet<'a> {
    /// Whether a caller gets in.
    pub fn admits(&self, caller: &Caller, mesh: &Mesh) -> Admission<'a> {
        self.admits_by(caller, mesh, |_| true)
    }

    /// The same by rules that are of interest only; that no policy allows anything always is.
    pub fn admits_by(
        &self,
        caller: &Caller,
        mesh: &Mesh,
        is_of_interest: impl Fn(&Cause<'a>) -> bool,
    ) -> Admission<'a> {
        let caller = &Caller { is_tcp: caller.is_tcp || self.is_of_ztunnel, ..caller.clone() };
        let mut unknown = None;
        let refusing = || {
            let refusing = self.custom.iter().chain(&self.deny);
            refusing.flat_map(|policy| &policy.spec.rules)
        };
        let own = caller.request();
        // What the caller cannot choose decides most rules of most users, without any request.
        let by_itself = |policy: &AuthorizationPolicy, content: &AuthorizationRule| {
            let is_open = |field: Field<'_>| caller.chooses(field);
            matches_with(policy, content, &own, mesh, is_open)
        };
        let mut denying =
            self.deny.iter().flat_map(|of| of.spec.rules.iter().map(move |r| (of, r)));
        if denying.any(|(policy, content)| by_itself(policy, content) == Truth::Yes) {
            return Admission::No;
        }
        let mut try_all = |requests: Option<Vec<Request>>, cause: Option<Cause<'a>>| match requests
        {
            Some(requests) => self.first_admitted(requests, cause, mesh, &mut unknown),
            None => {
                unknown = Some("policies name too many values to try them all".to_owned());
                None
            }
        };
        if self.allow.is_empty()
            && let Some(found) = try_all(requests(refusing(), caller), None)
        {
            return found;
        }
        for policy in &self.allow {
            for (rule, content) in policy.spec.rules.iter().enumerate() {
                let cause = Cause { policy, rule };
                if by_itself(policy, content) == Truth::No || !is_of_interest(&cause) {
                    continue;
                }
                let rules = refusing().chain([content]);
                if let Some(found) = try_all(requests(rules, caller), Some(cause)) {
                    return found;
                }
            }
        }
        unknown.map_or(Admission::No, Admission::Unknown)
    }

    /// The first of these requests that is admitted, by this rule if one is named. Requests on which
    /// an authoriser or an unread fact decides are noted as unknown.
    fn first_admitted(
        &self,
        requests: Vec<Request>,
        cause: Option<Cause<'a>>,
        mesh: &Mesh,
        unknown: &mut Option<String>,
    ) -> Option<Admission<'a>> {
        for request in requests {
            let is_met = match cause {
                Some(Cause { policy, rule }) => {
                    matches_rule(policy, &policy.spec.rules[rule], &request, mesh)
                }
                None => Truth::Yes,
            };
            if is_met == Truth::No {
                continue;
            }
            match self.decide(&request, mesh) {
                Decision::Denied(_) => {}
                Decision::Allowed(_) if is_met == Truth::Yes => {
                    return Some(Admission::Yes(Box::new(request), cause));
                }
                Decision::Allowed(_) => {}
                Decision::Asked(cause) => {
                    *unknown = Some(format!("{cause} asks an external authoriser"));
                }
                Decision::Unknown(why) => *unknown = Some(why),
            }
        }
        None
    }
}
