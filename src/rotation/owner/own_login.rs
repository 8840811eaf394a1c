//! The login that the charm itself uses. Everybody may set their own password.

use super::{Applied, Change, Owners, Refusal, prepared};

pub(super) fn apply(change: &Change<'_>, owners: &mut dyn Owners) -> Result<Applied, Refusal> {
    let username = owners.user().to_owned();
    let new = prepared(change)?;
    owners.controller()?.set_password(&username, new)?;
    Ok(Applied {
        username,
        ..Applied::default()
    })
}
