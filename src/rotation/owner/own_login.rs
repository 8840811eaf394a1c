//! The login that the charm itself uses. Everybody may set their own password.

use juju_client::Password;

use super::{Applied, Change, Holding, Owners, Refusal, check_first_user, prepared};
use crate::rotation::Credential;

pub(super) fn check(forced: bool, owners: &mut dyn Owners) -> Result<(), Refusal> {
    let username = owners.user().to_owned();
    // Everybody may see themselves.
    let user = owners.controller()?.user_info(&username)?;
    check_first_user(&user, &Credential::OwnLogin, forced)
}

pub(super) fn apply(change: &Change<'_>, owners: &mut dyn Owners) -> Result<Applied, Refusal> {
    check(change.forced, owners)?;
    let username = owners.user().to_owned();
    let new = prepared(change)?;
    owners.controller()?.set_password(&username, new)?;
    Ok(Applied { username, ..Applied::default() })
}

pub(super) fn holds(prepared: &Password, owners: &mut dyn Owners) -> Result<Holding, Refusal> {
    let username = owners.user().to_owned();
    Ok(match owners.accepts(&username, prepared)? {
        true => Holding::Yes(username),
        false => Holding::No,
    })
}
