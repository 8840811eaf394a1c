//! Why something could not be read from a registry.

use crate::Digest;

/// Why something could not be read from a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry has no such image, tag or blob.
    #[error("{0} is not in the registry")]
    NotFound(String),
    /// It requires a login, or refuses the one that was sent.
    #[error("registry {host} refuses {what}: {why}")]
    Denied {
        /// The registry.
        host: String,
        /// The requested object.
        what: String,
        /// Its message.
        why: String,
    },
    /// It, or what it leads to, is nowhere that is asked.
    #[error("registry {host} is not asked: {why}")]
    Refused {
        /// The registry.
        host: String,
        /// Why.
        why: String,
    },
    /// It does not speak TLS, and is not among those that are asked without.
    #[error(
        "registry {host} does not speak TLS, and is asked without it only if an option lists it as such"
    )]
    WithoutTls {
        /// The registry.
        host: String,
    },
    /// Too much was asked of it.
    #[error("registry {host} limits how often it is asked; {}", again(*.retry_after))]
    RateLimited {
        /// The registry.
        host: String,
        /// When it may be asked again, in seconds.
        retry_after: Option<u64>,
    },
    /// It failed, twice.
    #[error("registry {host} failed with status {status}")]
    Server {
        /// The registry.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// No answer, or a broken one.
    #[error("registry {host} could not be reached: {why}")]
    Unreachable {
        /// The registry.
        host: String,
        /// Why.
        why: String,
    },
    /// No answer in time.
    #[error("registry {host} did not answer in time")]
    TimedOut {
        /// The registry.
        host: String,
    },
    /// More than is read.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// The requested object.
        what: String,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// The content does not match its digest.
    #[error("{what} has the digest {seen}, and {wanted} was asked for")]
    OtherDigest {
        /// The requested object.
        what: String,
        /// Its digest.
        seen: Digest,
        /// The digest asked for.
        wanted: Digest,
    },
    /// It is malformed.
    #[error("{what} is not understood: {why}")]
    Malformed {
        /// The requested object.
        what: String,
        /// The problem.
        why: String,
    },
    /// It has no image for this platform.
    #[error("{what} has no image for {platform}")]
    NoPlatform {
        /// The requested object.
        what: String,
        /// The platform.
        platform: String,
    },
}

fn again(seconds: Option<u64>) -> String {
    match seconds {
        Some(seconds) => format!("ask again in {seconds} s"),
        None => "ask again later, or log in".into(),
    }
}
