//! Gives every related gateway a certificate that meets the policy.

use juju_charm::event::{RelationChange, SecretEvent};
use juju_charm::relation::Relation;
use juju_charm::{Event, secret};

use super::Outcome;
use crate::charm::certificates;
use crate::charm::hook::Hook;

/// Runs the step; a unit that does not lead only notes what its successor must look at.
pub fn run(hook: &mut Hook<'_>) -> anyhow::Result<Outcome> {
    if let Event::Secret { id, label, what } = hook.event
        && label.as_deref() == Some(certificates::AUTHORITY)
    {
        // Juju takes no new content of a secret in the hook that removes a revision.
        if let SecretEvent::Remove { revision } = what {
            secret::remove(id, Some(*revision))?;
        }
        return Ok(Outcome::Unchanged);
    }
    let changed = match hook.event {
        Event::Relation(relation) if certificates::concerns(&relation.endpoint) => Some(relation),
        _ => None,
    };
    let is_idle = hook.state.has_gateway() == Some(false) && !hook.is_fresh_start();
    if changed.is_none() && is_idle {
        return Ok(Outcome::Unchanged);
    }
    if !hook.is_leader {
        return stand_by(hook, changed.is_some());
    }
    if hook.options.freezes_certificates() {
        return Ok(Outcome::Unchanged);
    }
    let broken = changed.filter(|relation| relation.what == RelationChange::Broken);
    let broken = broken.map(|relation| Relation::new(&relation.id));
    let policy = &hook.options.policy;
    let outcome = certificates::ensure(hook.unit, policy, broken.as_ref(), crate::now())?;
    hook.state.set_gateway(outcome.has_gateway);
    hook.state.set_asks_upstream(outcome.asks_upstream);
    hook.trusted_authorities = outcome.trusted;
    Ok(Outcome::of(outcome.problem))
}

fn stand_by(hook: &mut Hook<'_>, is_changed: bool) -> anyhow::Result<Outcome> {
    if is_changed {
        // The next leader looks.
        hook.state.set_gateway(true);
    }
    if hook.state.asks_upstream() {
        // The new leader asks in its own name.
        certificates::withdraw(hook.unit)?;
        hook.state.set_asks_upstream(false);
    }
    Ok(Outcome::Unchanged)
}
