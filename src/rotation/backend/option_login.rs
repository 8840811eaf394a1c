//! A login that an application reads from two of its options.

use juju_client::{ApplicationConfig, Password};

use super::change::{Applied, Backends, Holding, RotationError, application_of, set_option};

/// The options of a charm that hold its login.
pub(super) struct OptionLogin {
    /// Name of the charm.
    pub charm: &'static str,
    /// Option of the user name.
    pub username: &'static str,
    /// The user name while that option is unset: the charm's default.
    pub default_username: &'static str,
    /// Option of the password.
    pub password: &'static str,
    /// The credential in the charm's option `rotate`.
    pub credential: &'static str,
}

impl OptionLogin {
    /// The application of the charm, with its options.
    pub fn find(
        &self,
        backends: &mut dyn Backends,
    ) -> Result<(String, ApplicationConfig), RotationError> {
        let Self { charm, credential, .. } = self;
        application_of(charm, backends)?.ok_or_else(|| {
            RotationError(format!(
                "the model has no application of the charm {charm}; remove {credential} from the \
                 option rotate, or run rotate-credentials abandon={credential}"
            ))
        })
    }

    /// Sets the password of an application.
    pub fn set(
        &self,
        (application, config): (&str, &ApplicationConfig),
        password: &Password,
        backends: &mut dyn Backends,
    ) -> Result<Applied, RotationError> {
        set_option(application, config, (self.password, password), backends)?;
        Ok(Applied { username: self.username_of(config), ..Applied::default() })
    }

    /// Whether the application has a password.
    pub fn holds(
        &self,
        password: &Password,
        backends: &mut dyn Backends,
    ) -> Result<Holding, RotationError> {
        Ok(match application_of(self.charm, backends)? {
            None => Holding::Gone,
            Some((_, config)) if config.text(self.password).as_ref() == Some(password) => {
                Holding::Yes(self.username_of(&config))
            }
            Some(_) => Holding::No,
        })
    }

    fn username_of(&self, config: &ApplicationConfig) -> String {
        let named = config.text(self.username);
        named.map_or(self.default_username.into(), |name| name.expose().to_owned())
    }
}
