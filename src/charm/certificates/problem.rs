//! Problems of issuing a gateway's certificate.

use juju_charm::Status;

use super::authority::OwnError;
use super::upstream::UpstreamProblem;
use crate::charm::enforce::EnforceFailure;
use crate::charm::issue::StatusProblem;
use crate::pki::{AuthorityError, RequestProblem};
use crate::relations::tls_certificates::BadDatabag;

/// Reasons why a gateway has no certificate, or only a former one.
#[derive(Debug, thiserror::Error)]
pub enum CertificateProblem {
    /// The requests in a gateway's databag are malformed.
    #[error("databag of {by}: {problem}")]
    Databag {
        /// Unit or application whose databag it is.
        by: String,
        /// What is malformed.
        problem: BadDatabag,
    },
    /// A request is not permitted.
    #[error("the certificate request of {by} is refused: {problem}")]
    Refused {
        /// Unit or application that requests.
        by: String,
        /// Why it is not permitted.
        problem: RequestProblem,
    },
    /// The names that a request may have are not known.
    #[error("the gateway's addresses could not be read: {0}")]
    Addresses(EnforceFailure),
    /// The charm's own authority cannot sign.
    #[error(transparent)]
    Authority(OwnError),
    /// The charm's own authority failed to sign.
    #[error("no certificate for {by} could be made: {problem}")]
    Sign {
        /// Unit or application that requests.
        by: String,
        /// What failed.
        problem: AuthorityError,
    },
    /// The certificate of a former authority is still valid, and clients trust it.
    #[error(
        "{by} keeps the certificate of a CA that is no longer related, until {until}; then the \
         charm's own CA signs, unless one is related to certificates"
    )]
    FormerAuthority {
        /// Unit or application that has the certificate.
        by: String,
        /// Date on which it is replaced.
        until: String,
    },
    /// The upstream authority issued no certificate, and the gateway has none.
    #[error(transparent)]
    Upstream(UpstreamProblem),
    /// The upstream authority issued no certificate, and the gateway has an earlier one.
    #[error("{problem}; the certificate that it has ends on {end}")]
    NotRenewed {
        /// Why the authority issued none.
        problem: UpstreamProblem,
        /// Last date of the earlier one.
        end: String,
    },
}

impl StatusProblem for CertificateProblem {
    fn status(&self) -> Status {
        match self {
            Self::Databag { .. } | Self::Refused { .. } => Status::Blocked,
            Self::Authority(_) | Self::Sign { .. } => Status::Blocked,
            Self::Addresses(_) => Status::Waiting,
            Self::FormerAuthority { .. } => Status::Active,
            Self::Upstream(problem) | Self::NotRenewed { problem, .. } => problem.status(),
        }
    }
}
