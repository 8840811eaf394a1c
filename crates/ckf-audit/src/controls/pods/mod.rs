//! Pod security: PSS.

mod options;
pub(crate) mod privileges;
pub(crate) mod standards;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[options::CHECKS, privileges::CHECKS, standards::CHECKS];
