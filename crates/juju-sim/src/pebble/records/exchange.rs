//! A request and its answer, for tests to look at.

use serde_json::Value;

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What was sent, if it is JSON; of several parts, the request.
    pub body: Option<Value>,
    /// Status of HTTP.
    pub status: u16,
    /// What was answered, if it is JSON; of several parts, the last.
    pub answer: Option<Value>,
}
