//! The charm's own login. Every Juju user may set their own password.

use juju_client::Password;

use super::change::{
    Applied, Backends, Change, Holding, RotationError, check_first_user, prepared,
};
use crate::rotation::Credential;

pub(super) fn check(forced: bool, backends: &mut dyn Backends) -> Result<(), RotationError> {
    let username = backends.user().to_owned();
    // Every user may read their own entry.
    let user = backends.controller()?.user_info(&username)?;
    check_first_user(&user, &Credential::OwnLogin, forced)
}

pub(super) fn apply(
    change: &Change<'_>,
    backends: &mut dyn Backends,
) -> Result<Applied, RotationError> {
    check(change.forced, backends)?;
    let username = backends.user().to_owned();
    let new = prepared(change)?;
    backends.controller()?.set_password(&username, new)?;
    Ok(Applied { username, ..Applied::default() })
}

pub(super) fn holds(
    prepared: &Password,
    backends: &mut dyn Backends,
) -> Result<Holding, RotationError> {
    let username = backends.user().to_owned();
    Ok(match backends.accepts(&username, prepared)? {
        true => Holding::Yes(username),
        false => Holding::No,
    })
}
