//! Checks that are made of each application of the model, or of each of a charm.

use crate::facts::juju::Application;
use crate::facts::object::ObjectRef;
use crate::finding::{Finding, Outcome, count, outcome};
use crate::views::{Context, MissingFact};

/// An application, as findings name it.
pub(crate) fn application_reference(name: &str) -> ObjectRef {
    ObjectRef::new("juju", "Application", "", name)
}

pub(crate) fn object(application: &Application) -> ObjectRef {
    application_reference(&application.name)
}

/// A check of each application of a charm.
pub(crate) fn of_charm(
    context: &Context<'_>,
    charm: &str,
    evidence: &str,
    check: impl Fn(&Application) -> Option<Finding>,
) -> Result<Outcome, MissingFact> {
    let applications = context.applications()?.iter();
    let all: Vec<_> = applications.filter(|a| a.charm == charm).collect();
    if all.is_empty() {
        let nothing = format!("the model has no application of the charm {charm}");
        return Ok(Outcome::NotApplicable(nothing));
    }
    let findings = all.into_iter().filter_map(check).collect();
    Ok(outcome(findings, evidence))
}

/// A check of every application.
pub(crate) fn of_all(
    context: &Context<'_>,
    evidence: &str,
    check: impl Fn(&Application) -> Option<Finding>,
) -> Result<Outcome, MissingFact> {
    let all = context.applications()?;
    let findings = all.iter().filter_map(check).collect();
    let evidence = format!("{}: {evidence}", count(all.len(), "application"));
    Ok(outcome(findings, evidence))
}
