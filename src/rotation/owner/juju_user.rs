//! Juju users: a new password, or a token to register anew.

use juju_client::{Code, Connection, Error};

use super::{Applied, Change, Owners, Refusal, prepared};
use crate::rotation::{Delivery, token};

pub(super) fn apply(
    name: &str,
    change: &Change<'_>,
    owners: &mut dyn Owners,
) -> Result<Applied, Refusal> {
    if name == owners.user() {
        return Err(Refusal(format!(
            "{name} is the user that the charm logs in as; rotate own-login instead"
        )));
    }
    let addresses = owners.addresses().to_vec();
    let login = owners.user().to_owned();
    let controller = owners.controller()?;
    let explain = |error: Error| explain(error, &login);
    let mut applied = Applied {
        username: name.to_owned(),
        ..Applied::default()
    };
    match change.delivery {
        Delivery::Password => {
            let new = prepared(change)?;
            controller.set_password(name, new).map_err(explain)?;
        }
        // The controller makes the key: asked twice it makes another one, and the
        // last one counts.
        Delivery::Registration => {
            let registration = controller.reset_password(name).map_err(explain)?;
            let known_as = controller_name(controller);
            let token = token::registration(name, &addresses, &registration.secret_key, &known_as);
            let broken = || Refusal(format!("the controller's key for {name} is no base64"));
            applied.registration = Some(token.ok_or_else(broken)?);
        }
    }
    Ok(applied)
}

/// What the controller calls itself, as a proposal for the user's own store.
fn controller_name(controller: &mut Connection) -> String {
    let config = controller.controller_config().unwrap_or_default();
    let name = config.get("controller-name").and_then(|name| name.as_str());
    name.unwrap_or("controller").to_owned()
}

/// What to do if the login may not do it.
fn explain(error: Error, login: &str) -> Refusal {
    match error.failure().map(|failure| &failure.code) {
        Some(Code::Unauthorized) => Refusal(format!(
            "{error}; the login {login} needs superuser: juju grant {login} superuser"
        )),
        _ => error.into(),
    }
}
