//! The password of Dex's static user, an option of `dex-auth`. Dex restarts; existing sessions
//! last for up to a day.

use juju_client::Password;

use super::change::{Applied, Backends, Change, Holding, RotationError, prepared};
use super::option_login::OptionLogin;

const LOGIN: OptionLogin = OptionLogin {
    charm: "dex-auth",
    username: "static-username",
    default_username: "admin",
    password: "static-password",
    credential: "dex",
};

pub(super) fn check(backends: &mut dyn Backends) -> Result<(), RotationError> {
    LOGIN.find(backends).map(drop)
}

pub(super) fn apply(
    change: &Change<'_>,
    backends: &mut dyn Backends,
) -> Result<Applied, RotationError> {
    let new = prepared(change)?;
    let (application, config) = LOGIN.find(backends)?;
    LOGIN.set((&application, &config), new, backends)
}

pub(super) fn holds(
    prepared: &Password,
    backends: &mut dyn Backends,
) -> Result<Holding, RotationError> {
    LOGIN.holds(prepared, backends)
}
