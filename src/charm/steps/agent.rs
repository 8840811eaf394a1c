//! Keeps the agent running in its container, with the input that only the charm knows.

use log::warn;

use crate::charm::endpoints;
use crate::charm::hook::Hook;
use crate::charm::workload::{self, Workload};

/// Whether the agent needs the charm's facts, which only an audit gathers. One whose input could
/// not be written waits no longer than to the next hook.
pub fn needs_facts(hook: &Hook<'_>) -> bool {
    hook.is_leader && must_update(hook) && Workload::connect().is_some()
}

/// Whether the agent's container, its audience or this unit's leadership changed.
fn must_update(hook: &Hook<'_>) -> bool {
    let was_leader = hook.state.agent_input().map(|(_, is_leader)| is_leader);
    hook.is_container_start()
        || endpoints::changes_audience(hook.event)
        || was_leader != Some(hook.is_leader)
}

/// Writes the agent's input if it changed, and has Pebble run the agent. Until the container is
/// there, nothing is done.
pub fn run(hook: &mut Hook<'_>) {
    let has_news = match hook.is_leader {
        // Without an audit the agent knows more than this hook does.
        true => hook.charm_facts.is_some(),
        false => must_update(hook),
    };
    if !has_news {
        return;
    }
    let facts = hook.charm_facts.clone().unwrap_or_default();
    let input = hook.agent_input(facts, hook.credentials.clone());
    let digest = workload::digest(&input);
    let is_same = hook.state.agent_input() == Some((&digest, hook.is_leader));
    if is_same && !hook.is_container_start() {
        return;
    }
    let Some(workload) = Workload::connect() else {
        return;
    };
    match workload.run_agent(&input) {
        Ok(()) => hook.state.set_agent_input(Some((digest, hook.is_leader))),
        Err(why) => {
            warn!("the agent's input could not be written: {why}");
            hook.state.set_agent_input(None);
        }
    }
}
