//! Takes the next step of each credential whose rotation is due or under way.

use juju_charm::event::SecretEvent;
use juju_charm::{Event, secret};

use super::Outcome;
use crate::charm::hook::Hook;
use crate::charm::rotations::{self, Loaded, Requested, RotationProblem, Rotations};
use crate::rotation::Credential;

/// Runs the step, on the leader.
pub fn run(hook: &mut Hook<'_>) -> anyhow::Result<Outcome> {
    let (plan, login) = (&hook.options.rotate, hook.login());
    if plan.targets.is_empty() && login.is_none() {
        return Ok(Outcome::none());
    }
    let mut reminded = None;
    if let Event::Secret { id, label, what } = hook.event
        && let Some(credential) = label.as_deref().and_then(Credential::of_label)
    {
        match what {
            // Juju's clock reminds; the plan says whether it is due.
            SecretEvent::Rotate => reminded = Some(credential),
            // Juju takes no new content of a secret in the hook that removes a revision.
            SecretEvent::Remove { revision } => {
                secret::remove(id, Some(*revision))?;
                return Ok(Outcome::Unchanged);
            }
            SecretEvent::Changed | SecretEvent::Expired { .. } => {}
        }
    }
    if hook.options.is_frozen() {
        return Ok(Outcome::Unchanged);
    }
    let mut rotations = match Rotations::read(hook.unit, plan, login)? {
        Loaded::NoPeers => return Ok(Outcome::Unchanged),
        Loaded::Damaged(why) => {
            return Ok(Outcome::of(Some(RotationProblem::Ledger(why))));
        }
        Loaded::Ready(rotations) => rotations,
    };
    if let Err(error) = rotations.advance(&Requested::default()) {
        return Err(rotations.end_early(error));
    }
    if let Some(credential) = reminded {
        rotations.remind(hook.unit, &credential)?;
    }
    let problem = rotations.problem();
    let credentials = rotations::credentials(plan, rotations.ledger());
    rotations.write()?;
    hook.credentials = credentials;
    Ok(Outcome::of(problem))
}
