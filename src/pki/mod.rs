//! Certificates of the gateway: validation of requests, the charm's own certificate authority, and
//! validation of certificates from an upstream CA. Pure except for the system's random source; the
//! time is a parameter.

mod answer;
mod authority;
pub mod bundle;
mod certificate_policy;
mod constraints;
mod keyring;
mod name;
mod pair;
mod request;
#[cfg(test)]
mod tests;

pub use answer::{AnswerProblem, Issued};
pub use authority::{Authority, AuthorityError};
pub use certificate_policy::{
    CertificatePolicy, CertificatePolicyError, CertificatePolicyWire, KeyKind,
};
pub use keyring::{Keyring, Leaf};
pub use name::{InvalidName, Name};
pub use pair::{Fingerprint, PairProblem, judge as judge_pair};
pub use request::{Request, RequestProblem};

/// Time at which to renew a certificate: after two thirds of its lifetime. All in seconds since
/// 1970.
pub fn renewal_time(not_before: i64, not_after: i64) -> i64 {
    not_before + (not_after - not_before) / 3 * 2
}
