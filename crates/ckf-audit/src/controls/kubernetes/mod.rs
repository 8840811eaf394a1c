//! Kubernetes: K8S.

mod benchmark;
mod cluster;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[benchmark::CHECKS, cluster::CHECKS];
