//! Problems of rotating credentials.

use jiff::Timestamp;
use juju_charm::Status;

use super::ledger::LedgerError;
use crate::charm::controller::LoginProblem;
use crate::charm::issue::StatusProblem;
use crate::rotation::Credential;

/// Reasons why no credential is rotated, or one is not.
#[derive(Debug, thiserror::Error)]
pub enum RotationProblem {
    /// The ledger is malformed.
    #[error(transparent)]
    Ledger(LedgerError),
    /// There is no login to the controller.
    #[error(transparent)]
    Login(LoginProblem),
    /// The last attempt failed.
    #[error("rotation of {credential}: {why}; tried again after {again}")]
    Failed {
        /// The credential.
        credential: Credential,
        /// Error message of the attempt.
        why: String,
        /// Time of the next attempt.
        again: Timestamp,
    },
}

impl StatusProblem for RotationProblem {
    fn status(&self) -> Status {
        match self {
            Self::Ledger(_) | Self::Login(_) => Status::Blocked,
            Self::Failed { .. } => Status::Waiting,
        }
    }
}
