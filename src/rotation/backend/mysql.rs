//! System users of a MySQL charm. Its action generates and stores the new password: as a parameter
//! or a result it would stay readable in Juju's action history.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use juju_client::ActionStatus;

use super::change::{Applied, Backends, Change, RotationError, write_access};

const ACTION: &str = "set-password";
/// How long one hook waits for the action; a later hook polls it again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The unit that runs the action: the leader.
fn unit_of(application: &str, backends: &mut dyn Backends) -> Result<String, RotationError> {
    let status = backends.model()?.status()?;
    let known = status.applications.get(application).ok_or_else(|| {
        RotationError(format!(
            "the application {application} no longer exists; remove its users from the option \
             rotate, or run rotate-credentials abandon=mysql/{application}/USER"
        ))
    })?;
    let unit = known.leader().map(str::to_owned);
    unit.ok_or_else(|| RotationError(format!("the application {application} has no unit")))
}

pub(super) fn check(application: &str, backends: &mut dyn Backends) -> Result<(), RotationError> {
    unit_of(application, backends).map(drop)
}

pub(super) fn apply(
    application: &str,
    user: &str,
    change: &Change<'_>,
    backends: &mut dyn Backends,
) -> Result<Applied, RotationError> {
    let until = backends.deadline().min(Instant::now() + PATIENCE);
    let mut applied = Applied { username: user.to_owned(), ..Applied::default() };
    let id = match change.action {
        "" => {
            let unit = unit_of(application, backends)?;
            let (needed, login) = (write_access(backends), backends.user().to_owned());
            let parameters = BTreeMap::from([("username", user)]);
            let enqueued = backends.model()?.enqueue_action(&unit, ACTION, &parameters);
            enqueued.map_err(|error| RotationError::of_grant(&error, &login, &needed))?
        }
        id => id.to_owned(),
    };
    let model = backends.model()?;
    let result = model.wait_for_action(&id, until)?;
    match result.status {
        ActionStatus::Completed => {}
        ActionStatus::Pending | ActionStatus::Running => applied.pending_action = Some(id),
        _ => {
            return Err(RotationError(format!(
                "the action {ACTION} of {application} failed: {}; see juju show-operation",
                result.message
            )));
        }
    }
    Ok(applied)
}
