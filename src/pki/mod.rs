//! Certificates of the gateway: validation of requests, the charm's own certificate authority, and
//! validation of certificates from an upstream CA. Pure except for the system's random source; the
//! time is a parameter.

mod answer;
mod authority;
pub mod bundle;
pub mod chain;
mod constraints;
mod keyring;
mod pair;
mod request;
#[cfg(test)]
mod tests;

pub use answer::{AnswerProblem, Issued};
pub use authority::{Authority, AuthorityError, SUBJECT};
pub use ckf_audit::policy::certificates::{
    CertificatePolicy, CertificatePolicyError, CertificatePolicyWire, KeyKind,
};
pub use ckf_audit::policy::{InvalidName, Name};
pub use ckf_model::certificate::renewal_time;
pub use keyring::{Keyring, Leaf};
pub use pair::{Fingerprint, PairProblem, check as check_pair};
pub use request::{Request, RequestProblem};
