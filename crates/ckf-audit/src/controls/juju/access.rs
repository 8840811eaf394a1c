//! Unused access: offers, models and clouds.

use super::naming::model_reference;
use crate::controls::check::Check;
use crate::facts::known::Known;
use crate::facts::object::ObjectRef;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("JUJU-07", offers_are_used),
    ("JUJU-13", clouds_have_expected_admins),
    ("JUJU-14", access_to_the_model_is_used),
];

/// The controller's first user, who administers its clouds.
const FIRST_USER: &str = "admin";

fn grants<'a>(
    known: &'a Known<Vec<crate::facts::juju::Grants>>,
    what: &str,
) -> Result<&'a [crate::facts::juju::Grants], MissingFact> {
    match known {
        Known::Known(all) => Ok(all),
        Known::Unknown(why) => Err(MissingFact(format!("Juju's {what}: {why}"))),
    }
}

/// JUJU-07: Each offer of the model is used
fn offers_are_used(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let offers = grants(&context.juju()?.offers, "offers")?;
    let model = format!("/{}.", context.namespace());
    let of_platform: Vec<_> = offers.iter().filter(|offer| offer.name.contains(&model)).collect();
    if of_platform.is_empty() {
        return Ok(Outcome::NotApplicable("the model offers nothing".into()));
    }
    if of_platform.iter().any(|offer| offer.connections.is_none()) {
        let why = "the snapshot is of a version that did not read who consumes offers";
        return Ok(Outcome::NotAssessed(why.into()));
    }
    let unused = of_platform.iter().filter(|offer| offer.connections == Some(0));
    let findings = unused.map(|offer| {
        let object = ObjectRef::new("juju", "Offer", "", &offer.name);
        finding(object, "connections", "0", "1 or more, or no offer")
    });
    let findings = findings.collect();
    Ok(outcome(findings, format!("{}, all consumed", count(of_platform.len(), "offer"))))
}

/// JUJU-13: Clouds have expected administrators only
fn clouds_have_expected_admins(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let juju = context.juju()?;
    // Without superuser access, a login sees its own access only.
    context.users()?;
    let clouds = grants(&juju.clouds, "clouds")?;
    let expected = |name: &str| {
        let allowed = &context.policy.allow.superusers;
        name == FIRST_USER || name == juju.login || allowed.iter().any(|it| it == name)
    };
    let mut total = 0;
    let mut findings = Vec::new();
    for cloud in clouds {
        for (name, _) in cloud.users.iter().filter(|(_, access)| *access == "admin") {
            total += 1;
            if !expected(name) {
                let object = ObjectRef::new("juju", "Cloud", "", &cloud.name);
                let wanted = "add-model, or in the policy under allow.superusers";
                let seen = "admin";
                findings.push(finding(object, &format!("access of {name}"), seen, wanted));
            }
        }
    }
    Ok(outcome(findings, format!("{}, expected", count(total, "administrator"))))
}

/// JUJU-14: Access to the model is used
fn access_to_the_model_is_used(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let juju = context.juju()?;
    // Without superuser access, a login sees its own access only.
    context.users()?;
    let limit = context.policy.idle_time;
    let mut total = 0;
    let mut findings = Vec::new();
    for model in context.models()?.iter().filter(|model| model.name == context.namespace()) {
        for (name, access) in &model.users {
            // The owner is not one to take it from, and groups do not log in.
            let is_group = name == "everyone@external";
            if *name == model.owner || *name == juju.login || is_group {
                continue;
            }
            total += 1;
            let seen = match model.last_logins.get(name) {
                Some(last) if context.now().duration_since(*last) <= limit => continue,
                Some(last) => {
                    let days = context.now().duration_since(*last).as_hours() / 24;
                    format!("{access}, last used {days} days ago")
                }
                None => format!("{access}, never used"),
            };
            let wanted = format!("used within {} days, or revoked", limit.as_hours() / 24);
            let object = model_reference(&model.name);
            findings.push(finding(object, &format!("access of {name}"), seen, wanted));
        }
    }
    Ok(outcome(findings, format!("{} in use", count(total, "access"))))
}
