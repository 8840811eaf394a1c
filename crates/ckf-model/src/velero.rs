//! Backups and their schedules, if Velero is installed.

use serde::{Deserialize, Serialize};

use super::object::{Meta, object};
use super::text::Interned;
use super::wire::wire;

wire! {
/// A backup of Velero.
VeleroBackup {
    /// Metadata.
    metadata: Meta,
    /// What is saved.
    spec: BackupSpec,
    /// How it went.
    status: BackupStatus,
}}
object!(VeleroBackup, "velero.io/v1", "Backup");

wire! {
/// What a backup saves.
BackupSpec {
    /// Namespaces; all if empty.
    included_namespaces: Vec<Interned>,
    /// Namespaces that are left out.
    excluded_namespaces: Vec<Interned>,
}}

wire! {
/// How a backup went.
BackupStatus {
    /// `Completed`, `PartiallyFailed`, `Failed` and others.
    phase: Interned,
    /// When it ended, RFC 3339.
    completion_timestamp: String,
}}

wire! {
/// A schedule of Velero.
VeleroSchedule {
    /// Metadata.
    metadata: Meta,
    /// When, and of what, backups are made.
    spec: ScheduleSpec,
}}
object!(VeleroSchedule, "velero.io/v1", "Schedule");

wire! {
/// When, and of what, backups are made.
ScheduleSpec {
    /// No backups are made for now.
    paused: bool,
    /// What is saved.
    template: BackupSpec,
}}

impl BackupSpec {
    /// This namespace is saved.
    pub fn includes(&self, namespace: &str) -> bool {
        let is = |pattern: &Interned| &**pattern == "*" || &**pattern == namespace;
        (self.included_namespaces.is_empty() || self.included_namespaces.iter().any(is))
            && !self.excluded_namespaces.iter().any(is)
    }
}
