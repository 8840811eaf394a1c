//! System users of a MySQL charm. Its action makes the new password and keeps it: a
//! parameter or a result would stay readable in Juju's history of actions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use juju_client::ActionStatus;

use super::{Applied, Change, Owners, Refusal, write_access};

const ACTION: &str = "set-password";
/// How long one hook waits for the action; a later one asks again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The unit that is to run the action.
fn unit_of(application: &str, owners: &mut dyn Owners) -> Result<String, Refusal> {
    let status = owners.model()?.status()?;
    let known = status.applications.get(application).ok_or_else(|| {
        Refusal(format!(
            "the model has no application {application} any more; take its users out of the option \
             rotate, or run rotate-credentials abandon=mysql/{application}/USER"
        ))
    })?;
    let unit = known.leader().map(str::to_owned);
    unit.ok_or_else(|| Refusal(format!("the application {application} has no unit")))
}

pub(super) fn check(application: &str, owners: &mut dyn Owners) -> Result<(), Refusal> {
    unit_of(application, owners).map(drop)
}

pub(super) fn apply(
    application: &str,
    user: &str,
    change: &Change<'_>,
    owners: &mut dyn Owners,
) -> Result<Applied, Refusal> {
    let until = owners.deadline().min(Instant::now() + PATIENCE);
    let mut applied = Applied { username: user.to_owned(), ..Applied::default() };
    let id = match change.action {
        "" => {
            let unit = unit_of(application, owners)?;
            let (needed, login) = (write_access(owners), owners.user().to_owned());
            let parameters = BTreeMap::from([("username", user)]);
            let enqueued = owners.model()?.enqueue_action(&unit, ACTION, &parameters);
            enqueued.map_err(|error| Refusal::of_grant(&error, &login, &needed))?
        }
        id => id.to_owned(),
    };
    let model = owners.model()?;
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
