//! Origins of changes: a hook or an action of this application, with its login.

use juju_charm::Unit;
use juju_client::Connection;
use log::{info, warn};

use super::controller::ControllerSession;
use crate::config::Options;
use crate::effects::{ApplyError, Executor, Holder, JujuError, Model, NotConnected};
use crate::facts::Facts;
use crate::pipeline::{Origin, Ownership};
use crate::policy::Policy;
use crate::remedies::{Change, Consent, Managed};
use crate::rotation::backend::Backends as _;

/// This application, as it holds a platform.
pub fn holder(unit: &Unit) -> Holder {
    Holder::new(&unit.model_uuid, unit.application())
}

/// A hook or an action of this application, which asks for changes.
pub struct CharmOrigin {
    holder: Holder,
    /// Whether the option `enforce` asks for any remedy, so that the platform is claimed.
    claims: bool,
    consent: Consent,
    is_attended: bool,
}

impl CharmOrigin {
    /// The options `enforce` and `allow-disruption`.
    pub fn of_options(unit: &Unit, options: &Options) -> Self {
        Self {
            holder: holder(unit),
            claims: !options.enforce.is_empty(),
            consent: Consent::of_option(&options.allow_disruption),
            is_attended: false,
        }
    }

    /// The user who runs an action.
    pub fn of_action(unit: &Unit, consent: Consent) -> Self {
        Self { holder: holder(unit), claims: false, consent, is_attended: true }
    }
}

impl Origin for CharmOrigin {
    fn ownership(&self) -> Ownership<'_> {
        match self.claims {
            true => Ownership::Claim(&self.holder),
            false => Ownership::Respect(Some(&self.holder)),
        }
    }

    fn is_attended(&self) -> bool {
        self.is_attended
    }

    fn consent(&mut self, _: &Facts, _: &Policy, _: &Managed) -> anyhow::Result<Consent> {
        Ok(self.consent.clone())
    }

    fn apply(&mut self, change: &Change, executor: &mut Executor<'_>) -> Result<bool, ApplyError> {
        match executor.apply(change) {
            Ok(()) => info!("{change}"),
            Err(why) => {
                warn!("{}: {why}", change.remedy);
                return Err(why);
            }
        }
        Ok(true)
    }
}

/// The platform's model, by the login of the option `juju-credentials`.
pub struct LoginModel<'a> {
    unit: &'a Unit,
    login: Option<&'a str>,
    session: Option<Result<ControllerSession, NotConnected>>,
}

impl<'a> LoginModel<'a> {
    /// Logs in when the first change needs it. `login` is the secret of the option.
    pub fn new(unit: &'a Unit, login: Option<&'a str>) -> Self {
        Self { unit, login, session: None }
    }
}

impl LoginModel<'_> {
    fn session(&mut self) -> Result<&mut ControllerSession, JujuError> {
        let session = self.session.get_or_insert_with(|| {
            let session = ControllerSession::read(self.unit, self.login);
            let mut session = session.map_err(|why| NotConnected(why.to_string()))?;
            session.model().map_err(|why| NotConnected(why.to_string()))?;
            Ok(session)
        });
        session.as_mut().map_err(|why| why.clone().into())
    }
}

impl Model for LoginModel<'_> {
    fn connect(&mut self) -> Result<&mut Connection, JujuError> {
        Ok(self.session()?.model().map_err(|why| NotConnected(why.to_string()))?)
    }

    fn controller(&mut self) -> Result<&mut Connection, JujuError> {
        Ok(self.session()?.controller().map_err(|why| NotConnected(why.to_string()))?)
    }
}
