//! Juju users: a new password, or a token to register again.

use juju_client::{Code, Connection, Password, User};

use super::change::{
    Applied, Backends, Change, Holding, RotationError, check_first_user, prepared,
};
use crate::rotation::{Credential, Delivery, token};

/// Controller access that changing another user's password requires.
const NEEDED: &str = "superuser";

pub(super) fn check(
    name: &str,
    forced: bool,
    backends: &mut dyn Backends,
) -> Result<(), RotationError> {
    if name == backends.user() {
        return Err(RotationError(format!(
            "{name} is the user that the charm logs in as; rotate own-login instead"
        )));
    }
    let Some(user) = known(name, backends)? else {
        return Err(RotationError(format!(
            "the user {name} no longer exists; remove juju-user/{name} from the option rotate, or \
             run rotate-credentials abandon=juju-user/{name}"
        )));
    };
    if user.disabled {
        return Err(RotationError(format!(
            "the user {name} is disabled; run juju enable-user {name}, or remove juju-user/{name} \
             from the option rotate"
        )));
    }
    check_first_user(&user, &Credential::JujuUser(name.to_owned()), forced)
}

/// The user, if it still exists. Read before anything is set, since Juju 3.6 answers permission
/// denied for a deleted user.
fn known(name: &str, backends: &mut dyn Backends) -> Result<Option<User>, RotationError> {
    let login = backends.user().to_owned();
    match backends.controller()?.user_info(name) {
        Ok(user) => Ok(Some(user)),
        Err(error) => match error.failure().map(|failure| &failure.code) {
            Some(Code::NotFound) => Ok(None),
            _ => Err(RotationError::of_grant(&error, &login, NEEDED)),
        },
    }
}

pub(super) fn apply(
    name: &str,
    change: &Change<'_>,
    backends: &mut dyn Backends,
) -> Result<Applied, RotationError> {
    check(name, change.forced, backends)?;
    let addresses = backends.addresses().to_vec();
    let login = backends.user().to_owned();
    let controller = backends.controller()?;
    let explain = |error| RotationError::of_grant(&error, &login, NEEDED);
    let mut applied = Applied { username: name.to_owned(), ..Applied::default() };
    match change.delivery {
        Delivery::Password => {
            let new = prepared(change)?;
            controller.set_password(name, new).map_err(explain)?;
        }
        // The controller generates the key: a second request generates another one, and only the
        // last is valid.
        Delivery::Registration => {
            let registration = controller.reset_password(name).map_err(explain)?;
            let known_as = controller_name(controller);
            let token = token::registration(name, &addresses, &registration.secret_key, &known_as);
            let invalid =
                || RotationError(format!("the controller's key for {name} is not valid base64"));
            applied.registration = Some(token.ok_or_else(invalid)?);
        }
    }
    Ok(applied)
}

pub(super) fn holds(
    name: &str,
    prepared: &Password,
    backends: &mut dyn Backends,
) -> Result<Holding, RotationError> {
    match known(name, backends)? {
        None => Ok(Holding::Gone),
        // A disabled user cannot log in with any password.
        Some(user) if user.disabled => Err(RotationError(format!("the user {name} is disabled"))),
        Some(_) => Ok(match backends.accepts(name, prepared)? {
            true => Holding::Yes(name.to_owned()),
            false => Holding::No,
        }),
    }
}

/// Name of the controller, which `juju register` proposes for the user's client store.
fn controller_name(controller: &mut Connection) -> String {
    let config = controller.controller_config().unwrap_or_default();
    let name = config.get("controller-name").and_then(|name| name.as_str());
    name.unwrap_or("controller").to_owned()
}
