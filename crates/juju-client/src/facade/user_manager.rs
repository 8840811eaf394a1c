//! UserManager: the controller's local users. All but one's own password needs `superuser`.

use serde::{Deserialize, Serialize};

use super::wire::{Entities, Entity, Facade, Nothing, Wrapped, untagged};
use crate::connection::{Connection, Password};
use crate::{Error, Failure};

const FACADE: Facade = Facade { name: "UserManager", versions: &[2, 3] };

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct User {
    /// Name.
    pub username: String,
    /// Name for people.
    pub display_name: String,
    /// Access to the controller: `superuser`, `login`, or nothing.
    pub access: String,
    /// User who created it.
    pub created_by: String,
    /// When, RFC 3339; unknown for one who is not local.
    pub date_created: Option<String>,
    /// Last login, RFC 3339; none if there was none.
    pub last_connection: Option<String>,
    /// Whether logins are refused.
    pub disabled: bool,
}

/// A user that was made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AddedUser {
    /// Tag.
    pub tag: String,
    /// Registration secret, if no password was set; base64.
    #[serde(default)]
    pub secret_key: Option<Password>,
}

/// Registration secret of a user whose password was reset.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Registration {
    /// The key, 32 bytes in base64.
    pub secret_key: Password,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct UserInfoParams {
    entities: Vec<Entity>,
    include_disabled: bool,
}

#[derive(Serialize)]
struct Changes<'a> {
    changes: [PasswordChange<'a>; 1],
}

#[derive(Serialize)]
struct PasswordChange<'a> {
    tag: String,
    password: &'a Password,
}

#[derive(Serialize)]
struct AddUsers<'a> {
    users: [AddUser<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AddUser<'a> {
    username: &'a str,
    display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a Password>,
}

fn user_tag(name: &str) -> String {
    format!("user-{name}")
}

impl Connection {
    /// All local users, the disabled ones too; one without `superuser` sees itself only.
    pub fn users(&mut self) -> Result<Vec<User>, Error> {
        let params = UserInfoParams { entities: Vec::new(), include_disabled: true };
        let all: Vec<Result<Wrapped<User>, Failure>> =
            self.call_each(&FACADE, "UserInfo", params)?;
        let call = "UserManager.UserInfo";
        all.into_iter()
            .map(|user| user.map(|wrapped| wrapped.result))
            .map(|user| user.map_err(|failure| Error::Call { call: call.into(), failure }))
            .collect()
    }

    /// One user.
    pub fn user_info(&mut self, name: &str) -> Result<User, Error> {
        let tag = user_tag(name);
        let params = UserInfoParams { entities: vec![Entity { tag }], include_disabled: true };
        let user: Wrapped<User> = self.call_one(&FACADE, "UserInfo", params)?;
        Ok(user.result)
    }

    /// Makes a user who may log in to the controller; without a password, one who
    /// registers with the key returned.
    pub fn add_user(
        &mut self,
        name: &str,
        display_name: &str,
        password: Option<&Password>,
    ) -> Result<AddedUser, Error> {
        let user = AddUser { username: name, display_name, password };
        self.call_one(&FACADE, "AddUser", AddUsers { users: [user] })
    }

    /// Sets a password. Logins with the old one fail at once; what is logged in
    /// stays so, and logins by cookie last up to a day.
    pub fn set_password(&mut self, name: &str, password: &Password) -> Result<(), Error> {
        let tag = user_tag(name);
        let changes = [PasswordChange { tag, password }];
        let _: Nothing = self.call_one(&FACADE, "SetPassword", Changes { changes })?;
        Ok(())
    }

    /// Takes a user's password; the user registers again with what is returned.
    pub fn reset_password(&mut self, name: &str) -> Result<Registration, Error> {
        self.call_one(&FACADE, "ResetPassword", Entities::one(user_tag(name)))
    }

    /// Refuses a user's logins from now on. Doing so twice is no error.
    pub fn disable_user(&mut self, name: &str) -> Result<(), Error> {
        let _: Nothing = self.call_one(&FACADE, "DisableUser", Entities::one(user_tag(name)))?;
        Ok(())
    }

    /// Accepts a user's logins again. Doing so twice is no error.
    pub fn enable_user(&mut self, name: &str) -> Result<(), Error> {
        let _: Nothing = self.call_one(&FACADE, "EnableUser", Entities::one(user_tag(name)))?;
        Ok(())
    }
}

/// Name of the user of a tag.
pub(super) fn user_of(tag: &str) -> &str {
    untagged(tag, "user")
}
