//! The policy: POL.

mod waivers;

use crate::controls::check::{Entries, Review};

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[waivers::CHECKS];

/// Controls of this family that need the assessments of others.
pub(super) const REVIEWS: &[(&str, Review)] = waivers::REVIEWS;
