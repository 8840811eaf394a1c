//! Certificates that are made or passed on: which may be asked for, the charm's own
//! certificate authority, and what an upstream one answers. Pure but for the system's
//! random source; the time is given.

mod answer;
mod authority;
pub mod bundle;
mod constraints;
mod keyring;
mod name;
mod pair;
mod request;
mod terms;
#[cfg(test)]
mod tests;

pub use answer::{AnswerProblem, Issued};
pub use authority::{Authority, AuthorityError};
pub use keyring::{Keyring, Wanted};
pub use name::Name;
pub use pair::{Fingerprint, PairProblem, judge as judge_pair};
pub use request::{Refusal, Request};
pub use terms::{KeyKind, Terms, TermsWire};

/// When a certificate is to be replaced: two thirds of its life after its start. All in
/// seconds since 1970.
pub fn renewal_time(not_before: i64, not_after: i64) -> i64 {
    not_before + (not_after - not_before) / 3 * 2
}
