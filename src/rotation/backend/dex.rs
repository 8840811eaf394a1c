//! The password of Dex's static user, an option of `dex-auth`. Dex restarts; existing sessions
//! last for up to a day.

use juju_client::{ApplicationConfig, Password};

use super::{
    Applied, Backends, Change, Holding, RotationError, application_of, prepared, set_option,
};

const CHARM: &str = "dex-auth";
const USERNAME: &str = "static-username";
const PASSWORD: &str = "static-password";
/// Charm default of the user name.
const DEFAULT_USERNAME: &str = "admin";

fn find(backends: &mut dyn Backends) -> Result<(String, ApplicationConfig), RotationError> {
    application_of(CHARM, backends)?.ok_or_else(|| {
        RotationError(format!(
            "the model has no application of the charm {CHARM}; remove dex from the option rotate, \
             or run rotate-credentials abandon=dex"
        ))
    })
}

fn username(config: &ApplicationConfig) -> String {
    let named = config.text(USERNAME);
    named.map_or(DEFAULT_USERNAME.into(), |name| name.expose().to_owned())
}

pub(super) fn check(backends: &mut dyn Backends) -> Result<(), RotationError> {
    find(backends).map(drop)
}

pub(super) fn apply(
    change: &Change<'_>,
    backends: &mut dyn Backends,
) -> Result<Applied, RotationError> {
    let new = prepared(change)?;
    let (application, config) = find(backends)?;
    set_option(&application, &config, (PASSWORD, new), backends)?;
    Ok(Applied { username: username(&config), ..Applied::default() })
}

pub(super) fn holds(
    prepared: &Password,
    backends: &mut dyn Backends,
) -> Result<Holding, RotationError> {
    Ok(match application_of(CHARM, backends)? {
        None => Holding::Gone,
        Some((_, config)) if config.text(PASSWORD).as_ref() == Some(prepared) => {
            Holding::Yes(username(&config))
        }
        Some(_) => Holding::No,
    })
}
