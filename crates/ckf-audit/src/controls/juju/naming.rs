//! How findings name the controller and its models, and what was read of their configuration.

use crate::facts::known::Known;
use crate::facts::object::ObjectRef;
use crate::views::MissingFact;

/// The controller, as findings name it.
pub(super) fn controller_reference() -> ObjectRef {
    ObjectRef::new("juju", "Controller", "", "controller")
}

/// A model, as findings name it.
pub(super) fn model_reference(name: &str) -> ObjectRef {
    ObjectRef::new("juju", "Model", "", name)
}

/// What was read of a configuration.
pub(super) fn settings_of<'a, T>(known: &'a Known<T>, what: &str) -> Result<&'a T, MissingFact> {
    match known {
        Known::Known(settings) => Ok(settings),
        Known::Unknown(why) => Err(MissingFact(format!("{what}: {why}"))),
    }
}
