//! Kubernetes: K8S.

mod cluster;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[cluster::CHECKS];
