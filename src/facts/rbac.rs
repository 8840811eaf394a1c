//! Roles, bindings, and what an account may do.

use serde::{Deserialize, Serialize};

use super::core::wire;
use super::object::{Meta, object};
use super::text::Text;

macro_rules! role {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// What it allows.
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
/// What a role allows.
PolicyRule {
    /// Verbs.
    verbs: Vec<Text>,
    /// API groups.
    api_groups: Vec<Text>,
    /// Resources.
    resources: Vec<Text>,
    /// Names of objects; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] resource_names: Vec<Text>,
}}

impl PolicyRule {
    /// Whether it allows a verb on a resource of a group, on every object.
    pub fn allows(&self, group: &str, resource: &str, verb: &str) -> bool {
        fn has(list: &[Text], wanted: &str) -> bool {
            list.iter().any(|item| *item == "*" || *item == wanted)
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
            /// The role that is given.
            role_ref: RoleRef,
            /// To whom.
            subjects: Vec<Subject>,
        }}
        object!($name, "rbac.authorization.k8s.io/v1", $kind);
    };
}
binding!(/// Gives a role in a namespace.
    RoleBinding, "RoleBinding");
binding!(/// Gives a role in the whole cluster.
    ClusterRoleBinding, "ClusterRoleBinding");

wire! {
/// Names a role.
RoleRef {
    /// `Role` or `ClusterRole`.
    kind: Text,
    /// Name.
    name: Text,
}}

wire! {
/// Who is given a role.
Subject {
    /// `User`, `Group` or `ServiceAccount`.
    kind: Text,
    /// Name.
    name: Text,
    /// Namespace of a service account.
    #[serde(skip_serializing_if = "str::is_empty")] namespace: Text,
}}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = juju_charm::printable::line(&self.name);
        if self.namespace.is_empty() {
            write!(f, "{} {name}", self.kind)
        } else {
            write!(f, "{} {}/{name}", self.kind, self.namespace)
        }
    }
}

/// What an account may do, as the API server answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessReview {
    /// Whose rights were asked for, for example
    /// `system:serviceaccount:kube-system:juju-credential-1` or `this user`.
    pub subject: String,
    /// Whether the account is Juju's own.
    pub is_juju: bool,
    /// The questions and answers.
    pub answers: Vec<Access>,
}

/// One question and its answer.
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
