//! Types of checks, and the list of them that a file has.

use super::assessment::Assessment;
use crate::finding::Outcome;
use crate::views::{Context, MissingFact};

/// Check of a control.
pub(super) type Check = fn(&Context<'_>) -> Result<Outcome, MissingFact>;

/// Check of a control that needs the assessments of others, by their ids.
pub(super) type Review =
    fn(&Context<'_>, &dyn Fn(&str) -> Assessment) -> Result<Outcome, MissingFact>;

/// Controls of a file: id and check.
pub(super) type Entries = &'static [(&'static str, Check)];
