//! Remedies: how findings are fixed. A remedy declares managed objects that exist beside the
//! platform's own, or reversible edits of objects that others manage; a plan is the difference
//! between that desired state and the cluster. Pure.
//!
//! No remedy writes an object that istio-pilot owns: istio-pilot applies its objects without
//! force, and a field owned by another manager puts it into an error state.

mod about;
mod bounds;
mod breaks;
mod configuration;
mod consent;
mod cos_relations;
mod desired;
mod diff;
mod edit;
mod hsts;
mod https_redirect;
mod managed;
mod metadata_egress;
mod mutual_tls;
mod network_policy;
mod own_policy;
mod ownership;
mod plan;
mod platform_network_policies;
mod pod_security_labels;
mod profile_network_policies;
mod profile_users;
mod profiles;
mod record;
mod record_key;
mod registry;
mod remedy;
mod removals;
mod settings;
mod tls_floor;
mod verdicts;

pub use self::about::{About, Risk};
pub use self::breaks::Break;
pub use self::consent::{Consent, Requester, targets};
pub use self::edit::{
    ClusterEdit, Configured, Edit, JujuEdit, Label, Removal, Setting, Target, edited_kind,
};
pub use self::managed::{
    MANAGED_BY, MANAGED_KINDS, ManagedKind, ManagedObject, Scope, differences, is_of_platform,
};
pub use self::ownership::Managed;
pub use self::plan::{
    Change, ClusterOperation, HeldBack, JujuOperation, Operation, Plan, StillEnforced, WithheldFor,
    plan, remove_all, undo, undo_all,
};
pub use self::record::{
    Content, Entry, EntryError, Reading, Record, is_recorded, pending, signature,
};
pub use self::record_key::{KEY_LENGTH, RecordKey};
pub use self::remedy::{Remedy, UnknownRemedy};
