//! Juju's users: whether they are in use, and what they may do.

use std::collections::BTreeSet;

use crate::controls::check::Check;
use crate::controls::credentials::rotation::{days, enabled, people, user_reference};
use crate::facts::juju::{EVERYONE, Model};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("CRED-02", no_user_is_idle), ("CRED-03", least_privilege)];

/// The controller's own model.
const CONTROLLER: &str = "controller";

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
    let is_of_controller = |model: &Model| model.name == CONTROLLER;
    let is_assessed = |model: &&Model| model.name == context.namespace() || is_of_controller(model);
    for model in context.models()?.iter().filter(is_assessed) {
        let field = format!("access to model {}", model.name);
        for (name, access) in &model.users {
            // Who writes to the controller's own model configures the controller.
            let is_wide = access == "admin" || is_of_controller(model) && access == "write";
            let list =
                if is_of_controller(model) { &allow.superusers } else { &allow.model_admins };
            total += usize::from(is_wide);
            let wanted = match (name == EVERYONE, is_of_controller(model)) {
                (true, _) => "users by name",
                _ if !is_wide || *name == model.owner || may_be(list, name) => continue,
                (_, true) => "read, or in the policy under allow.superusers",
                (_, false) => "write or read, or in the policy under allow.model-admins",
            };
            findings.push(finding(user_reference(name), &field, access.clone(), wanted));
        }
    }
    let superusers: BTreeSet<&str> = enabled(context)?
        .filter(|user| user.access == "superuser")
        .map(|user| user.name.as_str())
        .collect();
    let clouds = context.clouds();
    for cloud in clouds.as_ref().copied().unwrap_or_default() {
        for (name, access) in &cloud.users {
            // A superuser may do it in any case, and is assessed above.
            let is_expected = superusers.contains(name.as_str()) || may_be(&allow.superusers, name);
            if name == EVERYONE || access == "admin" && !is_expected {
                let field = format!("access to cloud {}", cloud.name);
                let wanted = "add-model for users by name, or in the policy under allow.superusers";
                findings.push(finding(user_reference(name), &field, access.clone(), wanted));
            }
        }
    }
    if let (true, Err(missing)) = (findings.is_empty(), clouds) {
        return Err(missing);
    }
    let evidence = format!("{}, all of them expected", count(total, "superuser or model admin"));
    Ok(outcome(findings, evidence))
}
