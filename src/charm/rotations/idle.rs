//! Users of the controller that are disabled instead of getting a new password.

use jiff::Timestamp;
use log::warn;

use super::Rotations;
use crate::charm::controller::ControllerSession;
use crate::rotation::backend::{Backends as _, RotationError};
use crate::rotation::{Credential, FIRST_USER};

impl Rotations<'_> {
    /// Disables a Juju user that did not log in for long, if the plan says so.
    pub(super) fn disable_if_idle(&mut self, credential: &Credential) -> bool {
        let (Credential::JujuUser(name), Some(limit)) = (credential, self.plan.disable_idle) else {
            return false;
        };
        let now = self.now;
        let idle = |session: &mut ControllerSession| -> Result<bool, RotationError> {
            if name == session.user() {
                return Ok(false);
            }
            let controller = session.controller()?;
            let user = controller.user_info(name)?;
            // Who is everybody's last way in is not disabled by any path.
            if name == FIRST_USER || user.created_by == user.username {
                return Ok(false);
            }
            // One that never logged in is idle since it was made.
            let last = user.last_connection.or(user.date_created);
            let last: Option<Timestamp> = last.and_then(|time| time.parse().ok());
            let is_idle = last.is_some_and(|last| now.duration_since(last) >= limit);
            if is_idle {
                controller.disable_user(name)?;
            }
            Ok(is_idle)
        };
        let result = match &mut self.session {
            Ok(session) => idle(session),
            Err(_) => return false,
        };
        let entry = self.ledger.entry(credential);
        match result {
            Ok(true) => {
                warn!("{credential}: disabled after being idle too long");
                entry.settle();
                entry.disabled = Some(now);
                true
            }
            Ok(false) => false,
            Err(refusal) => {
                // The rotation fails for the same reason and is tried again.
                warn!("{credential}: its last login could not be read: {refusal}");
                false
            }
        }
    }
}
