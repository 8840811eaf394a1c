//! Reads the cluster that the unit runs in, and judges it.

use std::collections::BTreeSet;
use std::time::Duration;

use juju_charm::Unit;

use super::enforce;
use super::login::Access;
use super::rocks::Kept;
use super::rotate;
use crate::agent::told::ToldFacts;
use crate::config::{OptionProblem, Options};
use crate::facts::handshake::{self, Vantage};
use crate::facts::juju::{self, Juju};
use crate::facts::known::{Known, Unknown};
use crate::facts::kubernetes::{self, ReadError, Source};
use crate::facts::{About, Facts};
use crate::policy::Options as Declared;
use crate::policy::custom::ObjectKind;
use crate::report::Report;
use crate::rocks::Inventory;

/// Longest time for reading the cluster: Juju sets none, and a hook that hangs
/// stops its unit.
const DEADLINE: Duration = Duration::from_secs(180);

/// What a unit does beside judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Nothing: another unit leads.
    Judge,
    /// It leads, and tells what is on record.
    Tell,
    /// It leads, puts right what the option `enforce` names, and notes which images run.
    Keep,
}

/// What came of an audit.
pub struct Audited {
    /// The verdicts.
    pub report: Report,
    /// Why the controller could not be read, though there is a login to it.
    pub juju_problem: Option<String>,
    /// What stands for the gateway's configuration with the option `enforce`, or why that
    /// does not hold; `None` if it was not tried.
    pub enforced: Option<Result<String, String>>,
    /// What of the option `enforce` waits for consent, in a line, or that nothing does; `None`
    /// if it was not tried.
    pub held_back: Option<Option<String>>,
    /// What the agent cannot read itself.
    pub told: ToldFacts,
}

/// Audits the model of this unit. The outer error is one of Juju's tools.
pub fn run(
    unit: &Unit,
    options: &Options,
    problems: &[OptionProblem],
    duty: Duty,
) -> anyhow::Result<Result<Audited, ReadError>> {
    let mut facts = match read(unit, options) {
        Ok(facts) => facts,
        Err(why) => return Ok(Err(why)),
    };
    let (mut enforced, mut held_back) = (None, None);
    if duty == Duty::Keep {
        match enforce::keep(unit, options, &facts) {
            Ok(kept) => {
                if kept.changed {
                    // What was judged must be what is there now.
                    facts = match read(unit, options) {
                        Ok(facts) => facts,
                        Err(why) => return Ok(Err(why)),
                    };
                }
                enforced = Some(kept.mark);
                held_back = Some(kept.held_back);
            }
            Err(why) => enforced = Some(Err(why)),
        }
    }
    let host = options.policy.external_hostname.as_deref();
    facts.handshake = handshake::read(&facts, host, Vantage::here());
    if options.juju_credentials.is_some() {
        facts.rotated = match rotate::rotated(unit) {
            Ok(Ok(rotated)) => Known::Known(rotated),
            Ok(Err(why)) => Known::Unknown(Unknown::Failed(why)),
            Err(error) => Known::Unknown(Unknown::Failed(format!("{error:#}"))),
        };
    }
    if duty != Duty::Judge
        && let Some(mut kept) = Kept::read(unit)?
    {
        kept.tell(&mut facts, options, false, crate::now());
        if duty == Duty::Keep {
            kept.note(&Inventory::of(&facts), false, crate::now())?;
        }
    }
    let problems = problems.iter().map(ToString::to_string).collect();
    let juju_problem = juju_problem(&facts.juju, &unit.model);
    let report = Report::audit(&facts, &options.policy, options.release.as_deref(), problems);
    Ok(Ok(Audited {
        report,
        juju_problem,
        enforced,
        held_back,
        told: ToldFacts {
            juju: facts.juju,
            rotated: facts.rotated,
            rocks: facts.rocks,
            charmhub: facts.charmhub,
            ledger: facts.ledger,
        },
    }))
}

/// Why the controller could not be read, or the platform's model there.
pub fn juju_problem(juju: &Known<Juju>, model: &str) -> Option<String> {
    match juju {
        Known::Unknown(Unknown::NotCollected) => None,
        Known::Unknown(why) => Some(why.to_string()),
        Known::Known(juju) => juju.unread_applications(model),
    }
}

/// What the cluster of this unit tells, and the controller if there is a login to it.
pub fn read(unit: &Unit, options: &Options) -> Result<Facts, ReadError> {
    let mut facts = read_cluster(unit, &options.policy.kinds())?;
    if let Some(option) = &options.juju_credentials {
        facts.juju = read_juju(unit, option, &options.policy.options);
    }
    Ok(facts)
}

/// What the cluster of this unit tells, and what it has of kinds that only a policy is about.
pub fn read_cluster(unit: &Unit, kinds: &BTreeSet<ObjectKind>) -> Result<Facts, ReadError> {
    let about = About {
        collected_at: crate::now(),
        // On Kubernetes a model is a namespace of its name.
        namespace: unit.model.clone(),
    };
    kubernetes::read(&Source::default(), about, kinds, DEADLINE, &|_| ())
}

/// What the controller tells with the login of the option.
pub fn read_juju(unit: &Unit, option: &str, declared: &Declared) -> Known<Juju> {
    let failed = |why: String| Known::Unknown(Unknown::Failed(why));
    let access = match Access::read(unit, Some(option)) {
        Ok(access) => access,
        Err(problem) => return failed(problem.to_string()),
    };
    match access.accepted() {
        Ok(login) => juju::read(&juju::Source {
            endpoint: access.endpoint(),
            login: &login,
            declared,
            model: &unit.model,
        }),
        Err(refusal) => failed(refusal.to_string()),
    }
}
