//! What a check is, and the list of them that a file has.

use crate::finding::Outcome;
use crate::views::{Context, MissingFact};

/// Check of a control.
pub(super) type Check = fn(&Context<'_>) -> Result<Outcome, MissingFact>;

/// Controls of a file: id and check.
pub(super) type Entries = &'static [(&'static str, Check)];
