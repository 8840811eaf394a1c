//! Effects: how a change is applied, by the Kubernetes API server or by Juju's controller.

mod configuration;
mod juju;
pub mod kubernetes;
mod model;
mod recorded;

pub use self::kubernetes::{Cluster, Hold, Holder};
pub use self::model::{JujuError, Model, NotConnected};

use crate::facts::known::Unknown;
use crate::remedies::{Change, Operation};

/// Why a change could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server refused it, or did not answer.
    #[error(transparent)]
    Cluster(#[from] Unknown),
    /// The controller refused it, or cannot be reached.
    #[error("{target}: {source}")]
    Juju {
        /// The application or relation.
        target: String,
        /// What failed.
        source: JujuError,
    },
    /// This process ends and begins no write.
    #[error("shutting down")]
    ShuttingDown,
}

/// Applies changes, each by the API that has its object.
pub struct Executor<'a> {
    /// The API server.
    pub cluster: &'a Cluster,
    /// The platform's model at its controller.
    pub model: &'a mut dyn Model,
}

impl Executor<'_> {
    /// Applies a change. Applying it twice is harmless.
    pub fn apply(&mut self, change: &Change) -> Result<(), ApplyError> {
        let target = change.target().to_string();
        match &change.operation {
            Operation::Cluster(operation) => {
                let applied = self.cluster.apply_operation(change.remedy, operation);
                Ok(applied.map_err(|why| kubernetes::within(&target, why))?)
            }
            Operation::Juju(operation) => {
                juju::apply(self.cluster, self.model, change.remedy, operation)
                    .map_err(|source| ApplyError::Juju { target, source })
            }
        }
    }
}
