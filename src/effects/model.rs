//! The platform's model, as changes of Juju reach it.

use juju_client::{Connection, Error};

use crate::facts::known::Unknown;
use crate::remedies::Remedy;

/// Why there is no connection. Kept, so that it is not tried again for each change.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotConnected(pub String);

/// Why a change by Juju failed.
#[derive(Debug, thiserror::Error)]
pub enum JujuError {
    /// There is no connection to the model or the controller.
    #[error(transparent)]
    NotConnected(#[from] NotConnected),
    /// The controller refused the call.
    #[error(transparent)]
    Api(#[from] Error),
    /// The record of the edit could not be read, written or deleted.
    #[error(transparent)]
    Record(#[from] Unknown),
    /// The record asks for more than its remedy may edit.
    #[error("{0} may not edit it so, and does not revert it")]
    OutOfBounds(Remedy),
}

/// The platform's model at its controller, connected to when the first change needs it.
pub trait Model {
    /// The connection; the same one each time.
    fn connect(&mut self) -> Result<&mut Connection, JujuError>;

    /// The connection to the controller itself; the same one each time.
    fn controller(&mut self) -> Result<&mut Connection, JujuError>;
}
