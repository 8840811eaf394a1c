//! Juju: JUJU.

mod access;
mod controller;
mod grants;
mod model;
mod settings;

use crate::controls::check::Entries;
use crate::facts::istio::reference;
use crate::facts::known::Known;
use crate::facts::object::ObjectRef;
use crate::views::MissingFact;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] =
    &[access::CHECKS, controller::CHECKS, grants::CHECKS, model::CHECKS, settings::CHECKS];

/// The controller, as findings name it.
fn controller_reference() -> ObjectRef {
    reference("juju", "Controller", "", "controller")
}

/// A model, as findings name it.
fn model_reference(name: &str) -> ObjectRef {
    reference("juju", "Model", "", name)
}

/// What was read of a configuration.
fn settings_of<'a, T>(known: &'a Known<T>, what: &str) -> Result<&'a T, MissingFact> {
    match known {
        Known::Known(settings) => Ok(settings),
        Known::Unknown(why) => Err(MissingFact(format!("{what}: {why}"))),
    }
}
