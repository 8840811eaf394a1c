//! Remedies that configure the controller and the platform's model through Juju. They are applied by
//! a person who names them, and never unattended.

use std::collections::BTreeMap;

use super::about::{About, Risk};
use super::desired::{Decision, DesiredState};
use super::edit::{Configured, JujuEdit, Setting};
use super::remedy::Remedy;
use super::verdicts::open;
use crate::controls::Finding;
use crate::views::{Context, MissingFact};

pub(super) const CONTROLLER_AUDIT_LOG: About = About {
    does: "turns the controller's audit log on, with every change in it",
    controls: &["JUJU-05"],
    risk: Risk::Low,
    reach: "the controller, and with it every model on it: it writes one more file",
    breaks: "nothing; the log takes the room that audit-log-max-size and audit-log-max-backups say",
    works_on: "Juju 3.6 and 4.0, by a superuser",
    source: "juju/juju, list of controller configuration keys; tests/cluster/controller.rs",
    only_by_name: true,
    needs_juju: true,
};

pub(super) const DISABLED_COMMANDS: About = About {
    does: "disables destroy-model in the platform's model",
    controls: &["JUJU-06"],
    risk: Risk::Low,
    reach: "destroy-model of this model is refused, and destroy-controller with it",
    breaks: "nothing that runs; who destroys the model enables the command first",
    works_on: "Juju 3.6 and 4.0",
    source: "juju/juju, disable-command; tests/cluster/controller.rs",
    only_by_name: true,
    needs_juju: true,
};

pub(super) const MODEL_CONFIGURATION: About = About {
    does: "sets options of the model that switch a protection off back to their defaults",
    controls: &["JUJU-10"],
    risk: Risk::Medium,
    reach: "the model verifies hosts again, and takes released agents",
    breaks: "what was reached only because no host was verified; addresses and logins in them are left to you",
    works_on: "Juju 3.6 and 4.0",
    source: "juju/juju, list of model configuration keys; tests/cluster/controller.rs",
    only_by_name: true,
    needs_juju: true,
};

/// Options of the controller, with the values that JUJU-05 asks for.
const AUDIT_LOG: &[(&str, &str)] = &[
    ("audit-log-exclude-methods", "ReadOnlyMethods"),
    ("audit-log-max-backups", "10"),
    ("auditing-enabled", "true"),
];
/// The smallest set of commands that JUJU-06 asks for, and what who tries one of it reads.
const COMMANDS: &[(&str, &str)] = &[("BlockDestroy", "the platform's data goes with its model")];
/// Options of a model, with their defaults.
const DEFAULTS: &[(&str, &str)] = &[
    ("agent-stream", "released"),
    ("development", "false"),
    ("ssl-hostname-verification", "true"),
    ("test-mode", "false"),
];

fn values(remedy: Remedy) -> Option<(Configured, &'static [(&'static str, &'static str)])> {
    match remedy {
        Remedy::ControllerAuditLog => Some((Configured::Controller, AUDIT_LOG)),
        Remedy::DisabledCommands => Some((Configured::Commands, COMMANDS)),
        Remedy::ModelConfiguration => Some((Configured::Model, DEFAULTS)),
        _ => None,
    }
}

/// The remedy may set these options, to no other value than its own.
pub(super) fn may_set(remedy: Remedy, of: Configured, options: &BTreeMap<String, Setting>) -> bool {
    values(remedy).is_some_and(|(own, known)| {
        own == of
            && options.iter().all(|(name, setting)| {
                known
                    .iter()
                    .any(|(known, value)| known == name && setting.after.as_deref() == Some(*value))
            })
    })
}

pub(super) fn controller_audit_log(context: &Context<'_>) -> Result<Decision, MissingFact> {
    Ok(decide(Remedy::ControllerAuditLog, open(context, "JUJU-05")?))
}

pub(super) fn disabled_commands(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let mut findings = open(context, "JUJU-06")?;
    for finding in &mut findings {
        finding.field = "BlockDestroy".into();
    }
    Ok(decide(Remedy::DisabledCommands, findings))
}

pub(super) fn model_configuration(context: &Context<'_>) -> Result<Decision, MissingFact> {
    Ok(decide(Remedy::ModelConfiguration, open(context, "JUJU-10")?))
}

/// One edit with the options of these findings that the remedy knows a value for.
fn decide(remedy: Remedy, findings: Vec<Finding>) -> Decision {
    let mut state = DesiredState::default();
    let Some((of, known)) = values(remedy) else { return Decision::Apply(state) };
    let mut options = BTreeMap::new();
    for finding in findings {
        match known.iter().find(|(name, _)| *name == finding.field) {
            Some((name, value)) => {
                // What it is now is read when it is set.
                let setting = Setting { before: None, after: Some((*value).to_owned()) };
                options.insert((*name).to_owned(), setting);
            }
            None => {
                let why = format!("{} is {}: set it by hand", finding.field, finding.seen);
                state.notes.push(why);
            }
        }
    }
    if !options.is_empty() {
        state.edits.push(JujuEdit::Configuration { of, options }.into());
    }
    Decision::Apply(state)
}
