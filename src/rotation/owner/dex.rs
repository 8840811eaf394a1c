//! The password of Dex's static user, an option of `dex-auth`. Dex restarts; who is
//! logged in stays so for up to a day.

use juju_client::{ApplicationConfig, Password};

use super::{Applied, Change, Holding, Owners, Refusal, application_of, prepared, set_option};

const CHARM: &str = "dex-auth";
const USERNAME: &str = "static-username";
const PASSWORD: &str = "static-password";
/// The user if no option names one.
const DEFAULT_USERNAME: &str = "admin";

fn find(owners: &mut dyn Owners) -> Result<(String, ApplicationConfig), Refusal> {
    application_of(CHARM, owners)?.ok_or_else(|| {
        Refusal(format!(
            "no application of the model is of the charm {CHARM}; take dex out of the option \
             rotate, or run rotate-credentials abandon=dex"
        ))
    })
}

fn username(config: &ApplicationConfig) -> String {
    let named = config.text(USERNAME);
    named.map_or(DEFAULT_USERNAME.into(), |name| name.expose().to_owned())
}

pub(super) fn check(owners: &mut dyn Owners) -> Result<(), Refusal> {
    find(owners).map(drop)
}

pub(super) fn apply(change: &Change<'_>, owners: &mut dyn Owners) -> Result<Applied, Refusal> {
    let new = prepared(change)?;
    let (application, config) = find(owners)?;
    set_option(&application, &config, (PASSWORD, new), owners)?;
    Ok(Applied { username: username(&config), ..Applied::default() })
}

pub(super) fn holds(prepared: &Password, owners: &mut dyn Owners) -> Result<Holding, Refusal> {
    Ok(match application_of(CHARM, owners)? {
        None => Holding::Gone,
        Some((_, config)) if config.text(PASSWORD).as_ref() == Some(prepared) => {
            Holding::Yes(username(&config))
        }
        Some(_) => Holding::No,
    })
}
