//! Verdicts by the facts that were gathered, with what the status says beside them.

use juju_charm::Unit;

use super::enforce::{EnforceFailure, Enforced, NotEnforced};
use super::gather;
use crate::agent::input::CharmFacts;
use crate::config::{OptionProblem, Options};
use crate::facts::Facts;
use crate::report::Report;

/// Result of an audit.
pub struct AuditResult {
    /// The verdicts.
    pub report: Report,
    /// Why the controller could not be read, though there is a login to it.
    pub juju_problem: Option<String>,
    /// Digest of the gateway's configuration with the option `enforce` in force, or why it is
    /// not in force; `None` if this audit did not enforce.
    pub enforcement: Option<Result<String, NotEnforced>>,
    /// Changes of the option `enforce` that wait for consent, in one line; the outer `None` if
    /// this audit did not enforce.
    pub held_back: Option<Option<String>>,
    /// Facts that the agent cannot read itself.
    pub charm_facts: CharmFacts,
}

/// Assesses every control. Nothing is read or written.
pub fn assess(
    unit: &Unit,
    options: &Options,
    problems: &[OptionProblem],
    facts: Facts,
) -> AuditResult {
    let problems = problems.iter().map(ToString::to_string).collect();
    let juju_problem = gather::juju_problem(&facts.juju, &unit.model);
    let report = Report::audit(&facts, &options.policy, options.release.as_deref(), problems);
    AuditResult {
        report,
        juju_problem,
        enforcement: None,
        held_back: None,
        charm_facts: CharmFacts::of(facts),
    }
}

impl AuditResult {
    /// The same, after the option `enforce` was applied or why it could not be.
    pub fn with_enforcement(self, enforced: Result<Enforced, EnforceFailure>) -> Self {
        match enforced {
            Ok(enforced) => Self {
                enforcement: Some(enforced.digest),
                held_back: Some(enforced.held_back),
                ..self
            },
            Err(why) => Self { enforcement: Some(Err(why.into())), ..self },
        }
    }
}
