//! Kubernetes: K8S.

mod cluster;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[cluster::CHECKS];
