//! Configuration of the platform's model.

use super::naming::{model_reference, settings_of};
use crate::controls::check::Check;
use crate::facts::juju::ModelSettings;
use crate::finding::{Outcome, finding, outcome};
use crate::policy::Profile;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("JUJU-06", removal_is_blocked),
    ("JUJU-10", configuration_is_safe),
    ("JUJU-12", secrets_have_a_backend),
    ("JUJU-16", agents_are_newest),
];

fn settings<'a>(context: &Context<'a>) -> Result<&'a ModelSettings, MissingFact> {
    settings_of(&context.juju()?.settings, "the model's configuration")
}

/// JUJU-06: The model cannot be destroyed by one command
fn removal_is_blocked(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let blocks = &settings(context)?.blocks;
    // Each of these includes the ones before it.
    let names = [
        ("BlockChange", "all"),
        ("BlockRemove", "remove-object"),
        ("BlockDestroy", "destroy-model"),
    ];
    let on = names.iter().find(|(kind, _)| blocks.contains(*kind));
    Ok(match on {
        Some((_, name)) => Outcome::Pass(format!("{name} is disabled")),
        None => {
            let object = model_reference(context.namespace());
            let wanted = "destroy-model at least";
            Outcome::Fail(vec![finding(object, "disabled commands", "none", wanted)])
        }
    })
}

/// JUJU-10: The model's configuration weakens nothing
fn configuration_is_safe(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let settings = settings(context)?;
    let object = || model_reference(context.namespace());
    let mut findings = Vec::new();
    for option in &settings.in_clear {
        findings.push(finding(object(), option, "http", "https"));
    }
    for option in &settings.with_login {
        let wanted = "no login: all readers of the model see it";
        findings.push(finding(object(), option, "an address with a login in it", wanted));
    }
    for option in &settings.development {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        findings.push(finding(object(), name, value, "its default"));
    }
    if !matches!(settings.agent_stream.as_str(), "" | "released") {
        let seen = settings.agent_stream.clone();
        findings.push(finding(object(), "agent-stream", seen, "released"));
    }
    Ok(outcome(findings, "no address in clear text, no login, nothing for development"))
}

/// JUJU-12: Charms' secrets are kept outside the cluster
fn secrets_have_a_backend(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let backend = match settings(context)?.secret_backend.as_str() {
        "" => "auto",
        backend => backend,
    };
    // Kubernetes' own backend of a model is called after it.
    let is_inside = matches!(backend, "auto" | "kubernetes" | "internal")
        || backend.strip_suffix("-local").is_some_and(|of| of == context.namespace());
    Ok(match (is_inside, context.policy.profile) {
        (false, _) => Outcome::Pass(format!("in the backend {backend}")),
        (true, Profile::Baseline) => Outcome::NotApplicable(format!(
            "{backend}: Secrets of the cluster; the strict profile asks for another"
        )),
        (true, Profile::Strict) => {
            let object = model_reference(context.namespace());
            let wanted = "a backend such as Vault";
            Outcome::Fail(vec![finding(object, "secret-backend", backend, wanted)])
        }
    })
}

/// JUJU-16: Agents are at the newest patch release
fn agents_are_newest(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let settings = settings(context)?;
    let findings = (!settings.available_version.is_empty()).then(|| {
        let object = model_reference(context.namespace());
        let seen = settings.agent_version.clone();
        finding(object, "agent-version", seen, settings.available_version.clone())
    });
    let evidence = format!("{}, and the controller knows no newer", settings.agent_version);
    Ok(outcome(findings.into_iter().collect(), evidence))
}
