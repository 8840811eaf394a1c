//! Roles, bindings and access reviews.

use serde::{Deserialize, Serialize};

use super::core::wire;
use super::object::{Meta, object};
use super::text::Interned;

macro_rules! role {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// Allowed operations.
            rules: Vec<PolicyRule>,
        }}
        object!($name, "rbac.authorization.k8s.io/v1", $kind);
    };
}
role!(/// A role in a namespace.
    Role, "Role");
role!(/// A role for the cluster, or for use in any namespace.
    ClusterRole, "ClusterRole");

wire! {
/// A rule of a role.
PolicyRule {
    /// Verbs.
    verbs: Vec<Interned>,
    /// API groups.
    api_groups: Vec<Interned>,
    /// Resources.
    resources: Vec<Interned>,
    /// Names of objects; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] resource_names: Vec<Interned>,
}}

impl PolicyRule {
    /// Whether it allows a verb on all objects of a resource.
    pub fn allows(&self, group: &str, resource: &str, verb: &str) -> bool {
        fn has(list: &[Interned], value: &str) -> bool {
            list.iter().any(|item| *item == "*" || *item == value)
        }
        self.resource_names.is_empty()
            && has(&self.verbs, verb)
            && has(&self.api_groups, group)
            && has(&self.resources, resource)
    }
}

macro_rules! binding {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// The granted role.
            role_ref: RoleRef,
            /// Subjects to which it is granted.
            subjects: Vec<Subject>,
        }}
        object!($name, "rbac.authorization.k8s.io/v1", $kind);
    };
}
binding!(/// A grant of a role in a namespace.
    RoleBinding, "RoleBinding");
binding!(/// A grant of a role in the whole cluster.
    ClusterRoleBinding, "ClusterRoleBinding");

wire! {
/// Reference to a role.
RoleRef {
    /// `Role` or `ClusterRole`.
    kind: Interned,
    /// Name.
    name: Interned,
}}

wire! {
/// Subject of a binding.
Subject {
    /// `User`, `Group` or `ServiceAccount`.
    kind: Interned,
    /// Name.
    name: Interned,
    /// Namespace of a service account.
    #[serde(skip_serializing_if = "str::is_empty")] namespace: Interned,
}}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = printable::line(&self.name);
        if self.namespace.is_empty() {
            write!(f, "{} {name}", self.kind)
        } else {
            write!(f, "{} {}/{name}", self.kind, self.namespace)
        }
    }
}

/// Permissions of an account, from access reviews.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessReview {
    /// Account under review, for example
    /// `system:serviceaccount:kube-system:juju-credential-1` or `this user`.
    pub subject: String,
    /// Whether the account is that of Juju's cloud credential.
    pub is_juju: bool,
    /// Results, one per permission.
    pub answers: Vec<Access>,
}

/// Result of an access review.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// API group; empty for the core group.
    pub group: String,
    /// Resource, for example `pods`.
    pub resource: String,
    /// Verb.
    pub verb: String,
    /// Whether it is allowed.
    pub allowed: bool,
}
