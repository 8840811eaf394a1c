//! System users of a MySQL charm. Its action makes the new password and keeps it: a
//! parameter or a result would stay readable in Juju's history of actions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use juju_client::ActionStatus;

use super::{Applied, Change, Owners, Refusal};

const ACTION: &str = "set-password";
/// How long one hook waits for the action; a later one asks again.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two questions, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

pub(super) fn apply(
    application: &str,
    user: &str,
    change: &Change<'_>,
    owners: &mut dyn Owners,
) -> Result<Applied, Refusal> {
    let until = owners.deadline().min(Instant::now() + PATIENCE);
    let model = owners.model()?;
    let mut applied = Applied {
        username: user.to_owned(),
        ..Applied::default()
    };
    let id = match change.action {
        "" => {
            let status = model.status()?;
            let units = status.applications.get(application);
            let units = units
                .map(|application| &application.units)
                .ok_or_else(|| Refusal(format!("the model has no application {application}")))?;
            let leader = units.iter().find(|(_, unit)| unit.leader);
            let Some((unit, _)) = leader.or_else(|| units.iter().next()) else {
                return Err(Refusal(format!(
                    "the application {application} has no unit"
                )));
            };
            model.enqueue_action(unit, ACTION, &BTreeMap::from([("username", user)]))?
        }
        id => id.to_owned(),
    };
    let mut pause = PAUSES.0;
    loop {
        let result = model.action(&id)?;
        match result.status {
            ActionStatus::Completed => return Ok(applied),
            ActionStatus::Pending | ActionStatus::Running if Instant::now() < until => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSES.1);
            }
            ActionStatus::Pending | ActionStatus::Running => {
                applied.pending_action = Some(id);
                return Ok(applied);
            }
            _ => {
                return Err(Refusal(format!(
                    "the action {ACTION} of {application} did not succeed: {}; \
                     juju show-operation tells more",
                    result.message
                )));
            }
        }
    }
}
