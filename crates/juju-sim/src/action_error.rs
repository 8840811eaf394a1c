//! Why Juju does not run an action, in Juju's own words.

use serde_json::Value;

/// Why an action is not run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// `actions.yaml` has no such action.
    #[error("action {0:?} not defined on unit")]
    NotDefined(String),
    /// A required parameter is missing.
    #[error(
        "cannot run {action:?} action: validation failed: \
         (root) : \"{parameter}\" property is missing and required, given {given}"
    )]
    Missing {
        /// The action.
        action: String,
        /// The parameter.
        parameter: String,
        /// The parameters that it was run with.
        given: Value,
    },
    /// A parameter is not declared, and additional ones are not allowed.
    #[error(
        "cannot run {action:?} action: validation failed: \
         (root) : additional property \"{parameter}\" is not allowed, given {given}"
    )]
    NotAllowed {
        /// The action.
        action: String,
        /// The parameter.
        parameter: String,
        /// The parameters that it was run with.
        given: Value,
    },
    /// A parameter is of another type.
    #[error(
        "cannot run {action:?} action: validation failed: \
         (root).{parameter} : must be of type {kind}, given {given}"
    )]
    WrongType {
        /// The action.
        action: String,
        /// The parameter.
        parameter: String,
        /// The type that it must have.
        kind: String,
        /// Its value.
        given: Value,
    },
    /// A parameter is none of the values that it may have.
    #[error(
        "cannot run {action:?} action: validation failed: \
         (root).{parameter} : must match one of the enum values {values}, given {given}"
    )]
    NotInEnum {
        /// The action.
        action: String,
        /// The parameter.
        parameter: String,
        /// The values that it may have.
        values: Value,
        /// Its value.
        given: Value,
    },
}
