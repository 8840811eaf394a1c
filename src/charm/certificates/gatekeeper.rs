//! Has oidc-gatekeeper trust who signs the gateway's certificate: it asks Dex by the
//! gateway's name, and lets nobody log in if it does not.

use std::collections::BTreeMap;

use juju_charm::{Status, Unit};
use juju_client::Password;
use log::info;

use super::Hindrance;
use crate::charm::login::Access;
use crate::facts::juju::charm;
use crate::pki::bundle;
use crate::rotation::owner::{Owners as _, Refusal};

/// The charm that asks.
const CHARM: &str = "oidc-gatekeeper";
/// Its option, certificates in PEM.
const OPTION: &str = "ca-bundle";

/// Has every oidc-gatekeeper of the model trust these authorities, PEM. `before` marks
/// those that were put there before; what somebody else put there stays.
pub fn trust(
    unit: &Unit,
    login: &str,
    trusted: &[String],
    before: &[String],
) -> Result<(), Hindrance> {
    let blocked = |why: String| (Status::Blocked, format!("{OPTION} of {CHARM}: {why}"));
    let mut access = Access::read(unit, Some(login)).map_err(|why| blocked(why.to_string()))?;
    carry_out(&mut access, trusted, before).map_err(|why| blocked(why.0))
}

fn carry_out(access: &mut Access, trusted: &[String], before: &[String]) -> Result<(), Refusal> {
    let model = access.model()?;
    let status = model.status()?;
    let known = status.applications.into_iter();
    for (name, _) in known.filter(|(_, known)| charm(&known.charm).0 == CHARM) {
        let config = model.application_config(&name)?;
        if !config.config.contains_key(OPTION) {
            continue;
        }
        let present = config.text(OPTION);
        let present = present.as_ref().map_or("", Password::expose);
        let Some(wanted) = bundle::merge(present, before, trusted) else {
            continue;
        };
        model.set_application_config(&name, &BTreeMap::from([(OPTION, &Password::new(wanted))]))?;
        info!("{name} trusts {} of the gateway", trusted.len());
    }
    Ok(())
}
