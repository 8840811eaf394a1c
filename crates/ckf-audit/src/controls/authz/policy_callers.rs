//! Callers that Istio's policies admit to a profile: users through the gateway, and pods of others.

use std::cell::RefCell;

use crate::controls::network::policies::is_isolated;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule, Profile};
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, finding};
use crate::views::authorization::{
    Admission, Attribute, Caller, Cause, PolicySet, admits_everybody, strangers,
};
use crate::views::mesh_policies::{MeshPolicies, STRANGER, USER_HEADER, is_health};
use crate::views::profile_users::{ProfileUsers, let_through};
use crate::views::{Context, MissingFact};

/// The policies, and what could not be decided.
pub(super) struct Callers<'c, 'a> {
    context: &'c Context<'a>,
    pub(super) policies: MeshPolicies<'a>,
    unknown: RefCell<Option<String>>,
}

impl<'c, 'a> Callers<'c, 'a> {
    pub(super) fn of(context: &'c Context<'a>) -> Result<Self, MissingFact> {
        let policies = MeshPolicies::of(context)?;
        Ok(Self { context, policies, unknown: RefCell::default() })
    }

    /// Whether a user gets in through the gateway, to more than health and metrics.
    pub(super) fn admits_user(&self, kinds: &[PolicySet<'a>], user: &str) -> bool {
        let callers = self.policies.through_gateways(user);
        let mut all = kinds.iter().flat_map(|set| callers.iter().map(move |caller| (set, caller)));
        all.any(|(set, caller)| self.admits(set, caller, |_| true))
    }

    /// Whether a rule lets a caller in.
    fn admits(
        &self,
        set: &PolicySet<'a>,
        caller: &Caller,
        is_of_interest: impl Fn(&Cause<'a>) -> bool,
    ) -> bool {
        let is_of_interest = |cause: &Cause<'a>| {
            !is_health(&cause.policy.spec.rules[cause.rule]) && is_of_interest(cause)
        };
        match set.admits_by(caller, &self.policies.mesh, is_of_interest) {
            Admission::Yes(..) => true,
            Admission::No => false,
            Admission::Unknown(why) => {
                self.unknown.borrow_mut().get_or_insert(why);
                false
            }
        }
    }

    /// A finding for each rule that lets a user in whom nothing names, or pods of others.
    pub(super) fn strangers_in(
        &self,
        profile: &Profile,
        findings: &mut Vec<Finding>,
    ) -> Result<(), MissingFact> {
        let namespace = profile.metadata.name.as_str();
        let profiles = self.context.profile_namespaces()?;
        let trusted = self.context.platform_namespaces();
        let stranger = self.policies.through_gateways(STRANGER);
        let others = || profiles.iter().copied().filter(|other| *other != namespace);
        let users = ProfileUsers::of(self.context, profile)?;
        let let_through = let_through(self.context, namespace)?.unwrap_or_default();
        let others_let_through: Vec<_> = let_through
            .into_iter()
            .filter(|name| !users.include(name))
            .flat_map(|name| self.policies.through_gateways(name))
            .collect();
        let mut seen: Vec<Cause<'_>> = Vec::new();
        for set in self.policies.kinds(namespace) {
            for policy in &set.allow {
                for (rule, content) in policy.spec.rules.iter().enumerate() {
                    let cause = Cause { policy, rule };
                    if seen.contains(&cause) || is_reported(findings, policy, rule) {
                        continue;
                    }
                    let is_it = |other: &Cause<'_>| *other == cause;
                    let is_in = |user: &Caller| self.admits(&set, user, is_it);
                    let mut matched = matched_users(content);
                    let mut is_matched = || {
                        matched.any(|user| self.policies.through_gateways(&user).iter().any(is_in))
                    };
                    let who = if stranger.iter().any(is_in) {
                        "every user who has logged in"
                    } else if others_let_through.iter().any(is_in) {
                        "users whom the policy that denies others leaves out"
                    } else if is_matched() {
                        "users by a pattern of their names"
                    } else if admits_everybody(policy, content, &self.policies.mesh) {
                        // AUTHZ-07 reports it.
                        continue;
                    } else if content.from.is_empty() && is_isolated(self.context, namespace)? {
                        // It names no client, and NetworkPolicies keep the pods of others away.
                        continue;
                    } else {
                        let is_trusted = |of: &str| {
                            of == namespace || trusted.contains(&of) || self.context.is_system(of)
                        };
                        let all = strangers(content, &self.policies.mesh, is_trusted, others());
                        let pods = all.into_iter().map(|peer| Caller { peer, ..Caller::default() });
                        let entering = pods.into_iter().find(|pod| self.admits(&set, pod, is_it));
                        match entering.map(|caller| caller.peer) {
                            None => continue,
                            Some(Attribute::Is(_)) => "pods of other namespaces",
                            Some(_) => "any client that sends the header",
                        }
                    };
                    findings.push(finding(
                        policy.reference(),
                        &format!("spec.rules[{rule}]"),
                        format!("admits {who}"),
                        format!("{} and contributors only", profile.spec.owner.name),
                    ));
                    seen.push(cause);
                }
            }
        }
        Ok(())
    }

    /// The outcome, unless it passes and something could not be decided.
    pub(super) fn known(self, outcome: Outcome) -> Outcome {
        match (outcome, self.unknown.into_inner()) {
            (Outcome::Pass(_), Some(why)) => Outcome::NotAssessed(why),
            (outcome, _) => outcome,
        }
    }
}

/// Users whom patterns of a rule's conditions on the header match.
fn matched_users(rule: &AuthorizationRule) -> impl Iterator<Item = String> {
    let key = format!("request.headers[{USER_HEADER}]");
    let conditions = rule.when.iter().filter(move |when| when.key.eq_ignore_ascii_case(&key));
    let patterns = conditions.flat_map(|when| &when.values).filter(|value| value.contains('*'));
    patterns.map(|pattern| pattern.replacen('*', STRANGER, 1))
}

/// Whether a rule has a finding already.
fn is_reported(findings: &[Finding], policy: &AuthorizationPolicy, rule: usize) -> bool {
    let (object, field) = (policy.reference(), format!("spec.rules[{rule}]"));
    findings.iter().any(|known| known.object == object && known.field.starts_with(&field))
}
