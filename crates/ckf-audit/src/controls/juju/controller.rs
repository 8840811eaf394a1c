//! Juju's controller: what it records, until when it is trusted, and how people log in.

use jiff::SignedDuration;

use super::naming::{controller_reference, settings_of};
use crate::controls::check::Check;
use crate::facts::juju::ControllerSettings;
use crate::finding::{Outcome, finding, outcome};
use crate::policy::Profile;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("JUJU-05", calls_are_audited),
    ("JUJU-08", authority_is_valid),
    ("JUJU-11", people_have_an_identity_provider),
    ("JUJU-15", access_to_the_controller_is_asked_for),
];

/// The only exclusion that loses nothing of what was changed.
const READ_ONLY: &str = "ReadOnlyMethods";

fn settings<'a>(context: &Context<'a>) -> Result<&'a ControllerSettings, MissingFact> {
    settings_of(&context.juju()?.controller, "the controller's configuration")
}

/// JUJU-05: The controller keeps an audit log
fn calls_are_audited(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let settings = settings(context)?;
    let mut findings = Vec::new();
    let mut add = |option: &str, seen: String, wanted: &str| {
        findings.push(finding(controller_reference(), option, seen, wanted));
    };
    if !settings.auditing {
        add("auditing-enabled", "false".into(), "true");
    }
    let others = settings.audit_exclusions.iter().filter(|method| *method != READ_ONLY);
    for method in others {
        add("audit-log-exclude-methods", method.clone(), "methods that only read, at most");
    }
    if settings.audit_backups.is_some_and(|backups| backups < 1) {
        add("audit-log-max-backups", "0".into(), "1 or more: a full log is lost without one");
    }
    let size = match settings.audit_size.as_str() {
        "" => "its own size",
        size => size,
    };
    let arguments = match settings.audit_arguments {
        true => "with",
        false => "without",
    };
    let backups = settings.audit_backups.map_or("some".into(), |number| number.to_string());
    let evidence = format!("on, {arguments} arguments, {backups} full logs of {size} kept");
    Ok(outcome(findings, evidence))
}

/// JUJU-08: The controller's certificate authority is valid for long enough
fn authority_is_valid(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let Some(ends) = settings(context)?.authority_ends else {
        return Ok(Outcome::NotAssessed("the controller shows no certificate of its CA".into()));
    };
    // Every agent and client trusts it, so there is more to do than for a leaf.
    let needed = context.now() + SignedDuration::from_hours(24 * AUTHORITY_DAYS);
    let date = ends.to_string();
    let date = date.get(..10).unwrap_or(&date);
    let findings = (ends < needed).then(|| {
        let wanted = format!("{AUTHORITY_DAYS} days from now, or later");
        finding(controller_reference(), "end of ca-cert", date.to_owned(), wanted)
    });
    Ok(outcome(findings.into_iter().collect(), format!("valid until {date}")))
}

/// Days before the end of the controller's authority at which moving to another has to begin.
const AUTHORITY_DAYS: i64 = 180;

/// JUJU-11: People log in to Juju by an identity provider
fn people_have_an_identity_provider(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let settings = settings(context)?;
    if settings.identity_in_clear {
        let wanted = "https";
        let found = finding(controller_reference(), "identity-url", "http", wanted);
        return Ok(Outcome::Fail(vec![found]));
    }
    match (&settings.identity_provider, settings.token_login, context.policy.profile) {
        (Some(host), _, _) => Ok(Outcome::Pass(format!("by {host}"))),
        (None, true, _) => Ok(Outcome::Pass("by tokens of JAAS".into())),
        (None, false, Profile::Baseline) => Ok(Outcome::NotApplicable(
            "local users only; the strict profile asks for an identity provider".into(),
        )),
        (None, false, Profile::Strict) => {
            let seen = "local users only";
            let wanted = "identity-url at bootstrap, or JAAS";
            let found = finding(controller_reference(), "identity-url", seen, wanted);
            Ok(Outcome::Fail(vec![found]))
        }
    }
}

/// JUJU-15: Who uses a model has access to the controller
fn access_to_the_controller_is_asked_for(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let findings = settings(context)?.models_alone.then(|| {
        let wanted = "false: a user whose access to the controller is taken is out";
        finding(controller_reference(), "allow-model-access", "true", wanted)
    });
    Ok(outcome(findings.into_iter().collect(), "allow-model-access is false"))
}
