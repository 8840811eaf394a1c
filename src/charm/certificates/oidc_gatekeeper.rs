//! Makes oidc-gatekeeper trust the authority of the gateway's certificate: it connects to Dex by
//! the gateway's name, and without that trust no user can log in.

use std::collections::BTreeMap;

use juju_charm::{Status, Unit};
use juju_client::{Error, Password};
use log::info;

use crate::charm::controller::{ControllerSession, LoginProblem};
use crate::charm::issue::StatusProblem;
use crate::facts::juju::charm;
use crate::pki::bundle;
use crate::rotation::backend::{Backends as _, RotationError};

/// The charm that asks.
const CHARM: &str = "oidc-gatekeeper";
/// Its option, certificates in PEM.
const OPTION: &str = "ca-bundle";

/// Reasons why oidc-gatekeeper was not configured.
#[derive(Debug, thiserror::Error)]
pub enum TrustProblem {
    /// There is no login to the controller.
    #[error("{OPTION} of {CHARM}: {0}")]
    Login(LoginProblem),
    /// The controller refused a call.
    #[error("{OPTION} of {CHARM}: {0}")]
    Controller(#[from] RotationError),
}

impl StatusProblem for TrustProblem {
    fn status(&self) -> Status {
        Status::Blocked
    }
}

/// Makes every oidc-gatekeeper of the model trust these authorities, PEM. `before` has digests of
/// those that an earlier hook added; authorities that others added stay.
pub fn trust(
    unit: &Unit,
    login: &str,
    trusted: &[String],
    before: &[String],
) -> Result<(), TrustProblem> {
    let mut session = ControllerSession::read(unit, Some(login)).map_err(TrustProblem::Login)?;
    let (user, access) = (session.user().to_owned(), format!("write {}", session.namespace()));
    let denied = |error: Error| RotationError::of_grant(&error, &user, &access);
    let model = session.model()?;
    let status = model.status().map_err(denied)?;
    let known = status.applications.into_iter();
    for (name, _) in known.filter(|(_, known)| charm(&known.charm).0 == CHARM) {
        let config = model.application_config(&name).map_err(denied)?;
        if !config.config.contains_key(OPTION) {
            continue;
        }
        let present = config.text(OPTION);
        let present = present.as_ref().map_or("", Password::expose);
        let Some(wanted) = bundle::merge(present, before, trusted) else {
            continue;
        };
        let wanted = Password::new(wanted);
        let set = BTreeMap::from([(OPTION, &wanted)]);
        model.set_application_config(&name, &set).map_err(denied)?;
        info!("{name} trusts {} of the gateway", trusted.len());
    }
    Ok(())
}
