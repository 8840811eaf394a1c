//! Juju users: a new password, or a token to register anew.

use juju_client::{Code, Connection, Password, User};

use super::{Applied, Change, Holding, Owners, Refusal, check_first_user, prepared};
use crate::rotation::{Credential, Delivery, token};

/// What of a login others' passwords need.
const NEEDED: &str = "superuser";

pub(super) fn check(name: &str, forced: bool, owners: &mut dyn Owners) -> Result<(), Refusal> {
    if name == owners.user() {
        return Err(Refusal(format!(
            "{name} is the user that the charm logs in as; rotate own-login instead"
        )));
    }
    let Some(user) = known(name, owners)? else {
        return Err(Refusal(format!(
            "the controller has no user {name} any more; take juju-user/{name} out of the option \
             rotate, or run rotate-credentials abandon=juju-user/{name}"
        )));
    };
    if user.disabled {
        return Err(Refusal(format!(
            "the user {name} is disabled; juju enable-user {name}, or take juju-user/{name} out of \
             the option rotate"
        )));
    }
    check_first_user(&user, &Credential::JujuUser(name.to_owned()), forced)
}

/// The user, if there still is one. It is asked for before anything is set: Juju 3.6 denies
/// permission for a user who is gone.
fn known(name: &str, owners: &mut dyn Owners) -> Result<Option<User>, Refusal> {
    let login = owners.user().to_owned();
    match owners.controller()?.user_info(name) {
        Ok(user) => Ok(Some(user)),
        Err(error) => match error.failure().map(|failure| &failure.code) {
            Some(Code::NotFound) => Ok(None),
            _ => Err(Refusal::of_grant(&error, &login, NEEDED)),
        },
    }
}

pub(super) fn apply(
    name: &str,
    change: &Change<'_>,
    owners: &mut dyn Owners,
) -> Result<Applied, Refusal> {
    check(name, change.forced, owners)?;
    let addresses = owners.addresses().to_vec();
    let login = owners.user().to_owned();
    let controller = owners.controller()?;
    let explain = |error| Refusal::of_grant(&error, &login, NEEDED);
    let mut applied = Applied { username: name.to_owned(), ..Applied::default() };
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

pub(super) fn holds(
    name: &str,
    prepared: &Password,
    owners: &mut dyn Owners,
) -> Result<Holding, Refusal> {
    match known(name, owners)? {
        None => Ok(Holding::Gone),
        // Whoever is disabled is let in by no password.
        Some(user) if user.disabled => Err(Refusal(format!("the user {name} is disabled"))),
        Some(_) => Ok(match owners.accepts(name, prepared)? {
            true => Holding::Yes(name.to_owned()),
            false => Holding::No,
        }),
    }
}

/// What the controller calls itself, as a proposal for the user's own store.
fn controller_name(controller: &mut Connection) -> String {
    let config = controller.controller_config().unwrap_or_default();
    let name = config.get("controller-name").and_then(|name| name.as_str());
    name.unwrap_or("controller").to_owned()
}
