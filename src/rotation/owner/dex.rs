//! The password of Dex's static user, an option of `dex-auth`. Dex restarts; who is
//! logged in stays so for up to a day.

use std::collections::BTreeMap;

use super::{Applied, Change, Owners, Refusal, prepared};
use crate::facts::juju::charm;

const CHARM: &str = "dex-auth";
const USERNAME: &str = "static-username";
const PASSWORD: &str = "static-password";
/// The user if no option names one.
const DEFAULT_USERNAME: &str = "admin";

pub(super) fn apply(change: &Change<'_>, owners: &mut dyn Owners) -> Result<Applied, Refusal> {
    let new = prepared(change)?;
    let model = owners.model()?;
    let status = model.status()?;
    let application = status
        .applications
        .iter()
        .find(|(_, application)| charm(&application.charm).0 == CHARM);
    let Some((application, _)) = application else {
        return Err(Refusal(format!(
            "no application of the model is of the charm {CHARM}; take dex out of the option rotate"
        )));
    };
    let config = model.application_config(application)?;
    let username = config.text(USERNAME);
    // Setting what holds would restart Dex for nothing.
    if config.text(PASSWORD).as_ref() != Some(new) {
        model.set_application_config(application, &BTreeMap::from([(PASSWORD, new)]))?;
    }
    Ok(Applied {
        username: username.map_or(DEFAULT_USERNAME.into(), |name| name.expose().to_owned()),
        ..Applied::default()
    })
}
