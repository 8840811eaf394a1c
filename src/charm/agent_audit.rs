//! An audit by the agent of this pod: its verdicts are taken where it runs well and has the same
//! input as this hook, so that nothing is listed twice.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use juju_charm::Unit;
use log::{info, warn};

use super::absence::is_absence;
use super::assess::AuditResult;
use super::enforce::NotEnforced;
use super::hook::Hook;
use super::image_record::ImageRecord;
use super::workload::{PORT, Workload};
use super::{gather, rotations};
use crate::agent::audit::{self, AgentAudit};
use crate::agent::input::{AgentInput, CharmFacts, CredentialState};
use crate::config::Options;
use crate::facts::Facts;
use crate::facts::known::{Known, Unknown};

/// Longest wait until the agent has assessed by new input.
const PATIENCE: Duration = Duration::from_secs(10);
/// Interval of polling it.
const INTERVAL: Duration = Duration::from_millis(100);

/// Where the agent of this pod is. Tests have many on one machine.
fn address() -> SocketAddr {
    let elsewhere = std::env::var("CKF_HARDENING_AGENT").ok();
    let elsewhere = elsewhere.and_then(|text| text.parse().ok());
    elsewhere.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))
}

/// Whether the agent can apply everything that is enforced: it has no login to Juju.
pub fn can_enforce(options: &Options) -> bool {
    let mut enforced = options.enforce.iter();
    !enforced.any(|remedy| remedy.about().needs_juju)
}

/// Whether the agent runs well.
pub fn is_agent_well() -> bool {
    Workload::connect().is_some() && audit::is_well(address())
}

/// The agent's verdicts by what this leader's hook knows, with the input updated if it changed;
/// `None` if the hook must audit itself.
pub fn take(hook: &mut Hook<'_>) -> anyhow::Result<Option<AuditResult>> {
    let options = &hook.options;
    let is_same = hook.state.audit().is_some_and(|audit| {
        audit.options_digest == options.digest() && audit.enforcement_problem.is_none()
    });
    let has_input = matches!(hook.state.agent_input(), Some((_, true)));
    if !is_same || !has_input || !can_enforce(options) {
        return Ok(None);
    }
    let Some(workload) = Workload::connect() else {
        return Ok(None);
    };
    let Ok(before) = audit::fetch(address()) else {
        return Ok(None);
    };
    if !before.status.healthy {
        return Ok(None);
    }
    let unit = hook.unit;
    let (mut facts, credentials) = juju_facts(unit, options)?;
    gather::add_telemetry(unit, options, &mut facts);
    if let Some(mut images) = ImageRecord::read(unit)? {
        // Registries are asked for what runs, which only this hook can list.
        if images.would_refresh(options, crate::now()) {
            return Ok(None);
        }
        images.set_ledger(&before.status.ledger)?;
        images.add_to(&mut facts, options, false, crate::now());
    }
    let juju_problem = gather::juju_problem(&facts.juju, &unit.model);
    let input = hook.agent_input(CharmFacts::of(facts), credentials);
    let Some(audit) = audit_by(&workload, &input, before) else {
        return Ok(None);
    };
    info!("took the agent's report");
    Ok(Some(AuditResult {
        report: audit.report,
        juju_problem,
        enforcement: audit.status.enforcement_error.map(|why| Err(NotEnforced::ByAgent(why))),
        held_back: Some(audit.status.held_back),
        charm_facts: input.facts,
    }))
}

/// Facts of Juju's side, as far as the options ask for them, and the credentials that are rotated.
fn juju_facts(
    unit: &Unit,
    options: &Options,
) -> anyhow::Result<(Facts, BTreeMap<String, CredentialState>)> {
    let (mut facts, mut credentials) = (Facts::default(), BTreeMap::new());
    if options.juju_credentials.is_none() && options.rotate.targets.is_empty() {
        return Ok((facts, credentials));
    }
    let rotated = match rotations::known(unit) {
        Ok(Ok(ledger)) => {
            credentials = rotations::credentials(&options.rotate, &ledger);
            Known::Known(rotations::times(&ledger))
        }
        Ok(Err(why)) => Known::Unknown(Unknown::Failed(why.to_string())),
        Err(error) if is_absence(&error) => Known::Unknown(Unknown::Failed(format!("{error:#}"))),
        Err(error) => return Err(error),
    };
    if let Some(option) = &options.juju_credentials {
        facts.juju = gather::controller(unit, option, &options.policy.options);
        facts.rotated = rotated;
    }
    Ok((facts, credentials))
}

/// Gives the agent this leader's options before they are enforced, with the facts that it has:
/// otherwise it restores what they no longer enforce until the hook has ended.
pub fn announce_options(hook: &Hook<'_>) {
    let has_input = matches!(hook.state.agent_input(), Some((_, true)));
    if !has_input {
        return;
    }
    let Some(workload) = Workload::connect() else {
        return;
    };
    let (Some(before), Ok(audit)) = (workload.input(), audit::fetch(address())) else {
        return;
    };
    let input = hook.agent_input(before.facts.clone(), before.credentials.clone());
    if input.options != before.options && audit_by(&workload, &input, audit).is_none() {
        warn!("the agent did not take the options in time, and may restore what they revert");
    }
}

/// The agent's audit by this input.
fn audit_by(workload: &Workload, input: &AgentInput, before: AgentAudit) -> Option<AgentAudit> {
    let digest = input.digest();
    if before.status.input == digest {
        return Some(before);
    }
    workload.run_agent(input).ok()?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        std::thread::sleep(INTERVAL);
        let audit = audit::fetch(address()).ok();
        if let Some(audit) = audit.filter(|audit| audit.status.input == digest) {
            return audit.status.healthy.then_some(audit);
        }
    }
    None
}
