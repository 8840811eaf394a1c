//! Powers, and the ways to them.

/// Power that a right gives its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Power {
    /// Read Secrets, also by answers to writes.
    Secrets,
    /// Run code of their own, and so become each service account of the namespace.
    Code,
    /// Become a service account without running anything.
    Accounts,
    /// Become any user or group.
    Users,
    /// Hold more rights than they have.
    Rights,
    /// Reach pods and Services by the API server, past every policy and with any header.
    Reach,
    /// Decide who else may enter: bindings, policies, labels of namespaces.
    Doors,
    /// Change what the API server admits or whom it asks.
    Admission,
    /// Reach nodes, and with them every pod on them.
    Nodes,
    /// Have certificates signed, and so become whom they name.
    Certificates,
}

/// A way to a power: API group, resource with its subresource, and verbs any of which will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// What it gives.
    pub power: Power,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resource, with its subresource if it has one.
    pub resource: &'static str,
    /// Verbs any of which will do.
    pub verbs: &'static [&'static str],
    /// Whether the object belongs to the cluster, so that only a cluster-wide right gives it.
    pub is_of_cluster: bool,
}
