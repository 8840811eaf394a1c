//! Pod security: PSS.

mod options;
pub(crate) mod privileges;
pub(crate) mod standards;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[options::CHECKS, privileges::CHECKS, standards::CHECKS];
