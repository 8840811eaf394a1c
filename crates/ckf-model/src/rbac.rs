//! Roles, bindings and access reviews.

use serde::{Deserialize, Serialize};

use super::labels::LabelSelector;
use super::object::{Meta, object};
use super::text::Interned;
use super::wire::wire;

wire! {
/// A role in a namespace.
Role {
    /// Metadata.
    metadata: Meta,
    /// Allowed operations.
    rules: Vec<PolicyRule>,
}}
object!(Role, "rbac.authorization.k8s.io/v1", "Role");

wire! {
/// A role for the cluster, or for use in any namespace.
ClusterRole {
    /// Metadata.
    metadata: Meta,
    /// Allowed operations; filled by Kubernetes if it aggregates others.
    rules: Vec<PolicyRule>,
    /// Roles whose rules it takes.
    #[serde(skip_serializing_if = "Option::is_none")] aggregation_rule: Option<AggregationRule>,
}}
object!(ClusterRole, "rbac.authorization.k8s.io/v1", "ClusterRole");

wire! {
/// Which roles' rules a role takes.
AggregationRule {
    /// Roles by label; those of any selector count.
    cluster_role_selectors: Vec<LabelSelector>,
}}

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

/// What is asked of rules: as the API server asks about a request.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Verb.
    pub verb: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Resource, with its subresource if it has one.
    pub resource: &'a str,
    /// Name of the object; empty if the request names none.
    pub name: &'a str,
}

fn has(list: &[Interned], value: &str) -> bool {
    list.iter().any(|item| *item == "*" || *item == value)
}

/// Whether resources of a rule include one: by name, `*`, or `*/SUBRESOURCE`.
fn has_resource(list: &[Interned], resource: &str) -> bool {
    has(list, resource)
        || resource.split_once('/').is_some_and(|(_, subresource)| {
            list.iter().any(|item| item.strip_prefix("*/") == Some(subresource))
        })
}

impl PolicyRule {
    /// Whether it permits a request, as Kubernetes' RBAC authoriser decides.
    pub fn permits(&self, asked: &Attributes<'_>) -> bool {
        let is_named = |name: &Interned| !asked.name.is_empty() && *name == *asked.name;
        has(&self.verbs, asked.verb)
            && has(&self.api_groups, asked.group)
            && has_resource(&self.resources, asked.resource)
            && (self.resource_names.is_empty() || self.resource_names.iter().any(is_named))
    }

    /// Whether it allows a verb on all objects of a resource.
    pub fn allows(&self, group: &str, resource: &str, verb: &str) -> bool {
        self.permits(&Attributes { verb, group, resource, name: "" })
    }

    /// Whether it allows a verb on any object of a resource, be it one that it names. A request
    /// to create an object, or to delete many, names none.
    pub fn touches(&self, group: &str, resource: &str, verb: &str) -> bool {
        let is_nameless =
            verb == "deletecollection" || (verb == "create" && !resource.contains('/'));
        match self.resource_names.first() {
            Some(name) if !is_nameless => self.permits(&Attributes { verb, group, resource, name }),
            _ => self.allows(group, resource, verb),
        }
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
