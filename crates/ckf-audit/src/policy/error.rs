//! Errors of the policy's entries.

use crate::catalog::UnknownSeverity;

/// Largest number of custom controls of a policy.
pub(super) const MAX_CONTROLS: usize = 100;
/// Largest expression in bytes: a longer one could nest too deeply for the stack.
pub(super) const MAX_LENGTH: usize = 1000;
/// Largest depth of nested loops: each level multiplies the cost by the size of an object.
pub(super) const MAX_DEPTH: usize = 3;

/// A text that is not a host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name; expected for example kubeflow.example.com")]
pub struct HostnameError(pub String);

/// Errors of parsing the expression of a custom control.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It is too long; holds its length in bytes.
    #[error("expression has {0} bytes; at most {MAX_LENGTH} are allowed")]
    TooLong(usize),
    /// It is not CEL; holds the first error of the parser, with line and column.
    #[error("expression is not CEL: {0}")]
    Syntax(String),
    /// Its loops nest too deeply; holds their depth.
    #[error("expression nests {0} loops; at most {MAX_DEPTH} are allowed")]
    TooDeep(usize),
}

/// Errors of a custom control, severity, waiver or attestation.
#[derive(Debug, thiserror::Error)]
pub(super) enum EntryError {
    /// It lacks the expected structure.
    #[error("{source}; expected a map with {fields}")]
    Malformed { source: serde_yaml::Error, fields: &'static str },
    /// A required field is missing or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A date is malformed.
    #[error("{field} {text:?} is not a date; expected for example 2027-03-31")]
    Date { field: &'static str, text: String },
    /// Neither the catalogue nor the policy has the control.
    #[error("no control {0:?}; `ckf-hardening controls` lists them")]
    UnknownControl(String),
    /// Controls on waivers cannot be waived.
    #[error("{0} is about waivers, and cannot be waived")]
    NotWaivable(String),
    /// The object of a waiver can match no finding.
    #[error("it can never match: {0}")]
    MatchesNothing(String),
    /// The control is not one to attest.
    #[error("{0} is assessed by ckf-hardening; waive its findings under waivers instead")]
    NotAttestable(String),
    /// The policy has too many custom controls.
    #[error("a policy may have at most {MAX_CONTROLS} controls")]
    TooMany,
    /// The id of a custom control is malformed.
    #[error(
        "id {0:?} is malformed; expected upper-case letters, a dash and a number, as in ORG-01"
    )]
    MalformedId(String),
    /// The prefix of the id is one of the catalogue's.
    #[error("the prefix of id {0:?} is reserved; choose another")]
    ReservedId(String),
    /// The policy has another control of this id.
    #[error("there is another control {0:?}")]
    DuplicateId(String),
    /// The apiVersion is malformed.
    #[error("apiVersion {0:?} is not a version or group/version")]
    ApiVersion(String),
    /// The severity is unknown.
    #[error("{0}")]
    Severity(#[from] UnknownSeverity),
    /// The expression is invalid.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// An invalid part of the policy; the rest applies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy: {0}")]
pub struct PolicyProblem(pub String);
