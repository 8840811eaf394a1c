//! The login that the charm itself uses. Everybody may set their own password.

use super::{Applied, Change, Juju, Refusal, prepared};

pub(super) fn apply(change: &Change<'_>, juju: &mut dyn Juju) -> Result<Applied, Refusal> {
    let username = juju.user().to_owned();
    let new = prepared(change)?;
    juju.controller()?.set_password(&username, new)?;
    Ok(Applied {
        username,
        ..Applied::default()
    })
}
