//! Juju's users: whether they are in use, and what they may do.

use crate::controls::check::Check;
use crate::controls::credentials::rotation::{days, enabled, people, user_reference};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("CRED-02", no_user_is_idle), ("CRED-03", least_privilege)];

/// The controller's first user, who has to be a superuser.
const FIRST_USER: &str = "admin";

/// CRED-02: No Juju user is idle
fn no_user_is_idle(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let limit = context.policy.idle_time;
    let mut total = 0;
    let mut findings = Vec::new();
    for user in people(context)? {
        total += 1;
        let (field, since) = match (user.last_connection, user.created) {
            (Some(last), _) => ("last login", Some(last)),
            (None, created) => ("registration", created),
        };
        let Some(since) = since else { continue };
        let idle = context.now().duration_since(since);
        if idle > limit {
            let seen = match field {
                "last login" => format!("{} ago", days(idle)),
                _ => format!("not completed in {}", days(idle)),
            };
            let wanted = format!("used within {}, or disabled", days(limit));
            findings.push(finding(user_reference(&user.name), field, seen, wanted));
        }
    }
    Ok(outcome(findings, format!("{} in use", count(total, "user"))))
}

/// CRED-03: Juju users have no more access than they need
fn least_privilege(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let juju = context.juju()?;
    let allow = &context.policy.allow;
    let may_be = |list: &[String], name: &str| {
        // Its own login needs superuser, to rotate and to read this.
        name == FIRST_USER || name == juju.login || list.iter().any(|allowed| allowed == name)
    };
    let mut findings = Vec::new();
    let mut total = 0;
    for user in enabled(context)?.filter(|user| user.access == "superuser") {
        total += 1;
        if !may_be(&allow.superusers, &user.name) {
            let wanted = "login, or in the policy under allow.superusers";
            let object = user_reference(&user.name);
            findings.push(finding(object, "controller access", "superuser", wanted));
        }
    }
    for model in context.models()?.iter().filter(|model| model.name == context.namespace()) {
        for (name, _) in model.users.iter().filter(|(_, access)| *access == "admin") {
            total += 1;
            if *name != model.owner && !may_be(&allow.model_admins, name) {
                let field = format!("access to model {}", model.name);
                let wanted = "write or read, or in the policy under allow.model-admins";
                findings.push(finding(user_reference(name), &field, "admin", wanted));
            }
        }
    }
    let evidence = format!("{}, all of them expected", count(total, "superuser or model admin"));
    Ok(outcome(findings, evidence))
}
