//! Kubernetes: K8S.

mod admission;
mod benchmark;
mod cluster;
mod nodes;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] =
    &[admission::CHECKS, benchmark::CHECKS, cluster::CHECKS, nodes::CHECKS];
