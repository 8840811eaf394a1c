//! Reconciles the unit, whatever happened before: event → facts → verdicts → changes → effects.

use juju_charm::event::Lifecycle;
use juju_charm::{Event, Unit, version};
use log::{info, warn};

use super::assess::{self, AuditResult};
use super::fate::{self, Fate};
use super::hook::Hook;
use super::{agent_audit, enforce, gather, removal, status, steps, trace};
use crate::facts::kubernetes::ReadError;
use crate::images::Inventory;

/// Runs every step of a hook.
pub fn run(unit: &Unit, event: &Event) -> anyhow::Result<()> {
    let mut hook = Hook::read(unit, event)?;
    if let Some(fate) = removal_of(&hook) {
        return removal::leave(unit, &mut hook.state, fate);
    }
    publish_version(&mut hook)?;
    if hook.is_leader && is_audit_due(&hook) {
        steps::take(&mut hook, steps::AUDIT, audit_and_enforce)?;
    }
    if hook.is_leader {
        steps::login::run(&mut hook);
        steps::take(&mut hook, steps::ROTATION, steps::rotation::run)?;
    }
    steps::take(&mut hook, steps::GATEWAY_CERTIFICATE, steps::gateway_certificate::run)?;
    if hook.is_leader {
        steps::take(&mut hook, steps::TLS_SECRET, steps::tls_secret::run)?;
        steps::take(&mut hook, steps::LOGIN_TRUST, steps::login_trust::run)?;
    }
    steps::take(&mut hook, steps::RELATIONS, steps::relations::run)?;
    steps::agent::run(&mut hook);
    let is_reset = hook.is_status_reset();
    let trace = trace_of(&mut hook);
    status::publish(hook, is_reset)?;
    // Sent last, and without an effect on the hook: the receiver may be down.
    if let Some((url, authorities, trace)) = trace
        && let Err(why) = trace::send(&url, &authorities, &trace)
    {
        warn!("the trace of this hook was not sent to {url}: {why:#}");
    }
    Ok(())
}

/// What is sent to the receiver of traces, with its URL and the authorities to trust on the way;
/// `None` where none is related.
fn trace_of(hook: &mut Hook<'_>) -> Option<(String, Vec<String>, serde_json::Value)> {
    let (url, authorities) = hook.state.trace_receiver()?;
    let (url, authorities) = (url.to_owned(), authorities.to_vec());
    if hook.is_audited {
        hook.trace.audit = hook.state.audit().map(|audit| audit.summary.clone());
    }
    let path = std::env::var("JUJU_DISPATCH_PATH").unwrap_or_default();
    let event = path.rsplit('/').next().unwrap_or_default();
    let trace = hook.trace.otlp(hook.unit, event, crate::now())?;
    Some((url, authorities, trace))
}

/// The fate of a unit that is being removed, as far as this event may be of a removal.
fn removal_of(hook: &Hook<'_>) -> Option<Fate> {
    let known = hook.state.fate().filter(|fate| fate.is_going());
    known.or_else(|| {
        let may_be = fate::may_be_of_removal(hook.event);
        may_be.then(|| Fate::of(hook.unit)).filter(|fate| fate.is_going())
    })
}

fn publish_version(hook: &mut Hook<'_>) -> anyhow::Result<()> {
    if !hook.state.is_other_version() {
        return Ok(());
    }
    match version::set(crate::VERSION) {
        Ok(()) => hook.state.set_version(),
        Err(error) if error.is_absence() => warn!("{error}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Whether the leader audits in this hook: the last audit is too old or used other options,
/// the agent needs the charm's facts, or the gateway's configuration changed.
fn is_audit_due(hook: &Hook<'_>) -> bool {
    hook.state.is_audit_due(&hook.options, crate::now())
        || steps::agent::needs_facts(hook)
        || has_drifted(hook)
}

/// Whether the gateway's configuration changed since the last audit. It is checked as often as
/// Juju updates the status, unless the agent reverts such changes itself.
fn has_drifted(hook: &Hook<'_>) -> bool {
    if !matches!(hook.event, Event::Lifecycle(Lifecycle::UpdateStatus)) {
        return false;
    }
    let Some(digest) = hook.state.audit().and_then(|audit| audit.gateway_digest.as_deref()) else {
        return false;
    };
    let has_agent = hook.state.agent_input().is_some();
    if has_agent && agent_audit::can_enforce(&hook.options) && agent_audit::is_agent_well() {
        return false;
    }
    let has_drifted = enforce::has_drifted(digest);
    if has_drifted {
        info!("a Gateway or an EnvoyFilter changed: auditing the cluster");
    }
    has_drifted
}

/// Audits the cluster and applies the remedies of the option `enforce`. That the cluster cannot
/// be read is in the state, and so in the status.
fn audit_and_enforce(hook: &mut Hook<'_>) -> anyhow::Result<steps::Outcome> {
    let result = match agent_audit::take(hook)? {
        Some(result) => Ok(result),
        None => enforce_and_assess(hook)?,
    };
    hook.state.set_audit(&result, &hook.options, crate::now());
    match result {
        Ok(result) => {
            info!("audited: {}", result.report.status_line());
            hook.charm_facts = Some(result.charm_facts);
            hook.is_audited = true;
        }
        Err(error) => warn!("{error}"),
    }
    Ok(steps::Outcome::none())
}

/// Gathers facts, applies what is enforced, and assesses what is there afterwards. The inner
/// error is why the cluster could not be read.
fn enforce_and_assess(hook: &Hook<'_>) -> anyhow::Result<Result<AuditResult, ReadError>> {
    let mut facts = match gather::platform(hook.unit, &hook.options) {
        Ok(facts) => facts,
        Err(why) => return Ok(Err(why)),
    };
    agent_audit::announce_options(hook);
    let enforced = enforce::enforce(hook.unit, &hook.options, &facts);
    if enforced.as_ref().is_ok_and(|enforced| enforced.has_changes) {
        facts = match gather::platform(hook.unit, &hook.options) {
            Ok(facts) => facts,
            Err(why) => return Ok(Err(why)),
        };
    }
    let images = gather::complete(hook.unit, &hook.options, hook.is_leader, &mut facts)?;
    if let Some(mut images) = images {
        images.note(&Inventory::of(&facts), false, crate::now())?;
    }
    let result = assess::assess(hook.unit, &hook.options, &hook.option_problems, facts);
    Ok(Ok(result.with_enforcement(enforced)))
}
