//! System users of a MySQL charm. Its action makes the new password and keeps it: a
//! parameter or a result would stay readable in Juju's history of actions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use juju_client::ActionStatus;

use super::{Applied, Change, Owners, Refusal};

const ACTION: &str = "set-password";
/// How long one hook waits for the action; a later one asks again.
const PATIENCE: Duration = Duration::from_secs(20);

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
            let known = status.applications.get(application);
            let known = known
                .ok_or_else(|| Refusal(format!("the model has no application {application}")))?;
            let Some(unit) = known.leader() else {
                return Err(Refusal(format!(
                    "the application {application} has no unit"
                )));
            };
            model.enqueue_action(unit, ACTION, &BTreeMap::from([("username", user)]))?
        }
        id => id.to_owned(),
    };
    let result = model.wait_for_action(&id, until)?;
    match result.status {
        ActionStatus::Completed => {}
        ActionStatus::Pending | ActionStatus::Running => applied.pending_action = Some(id),
        _ => {
            return Err(Refusal(format!(
                "the action {ACTION} of {application} did not succeed: {}; \
                 juju show-operation tells more",
                result.message
            )));
        }
    }
    Ok(applied)
}
