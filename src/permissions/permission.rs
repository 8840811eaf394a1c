//! A permission on the Kubernetes API.

/// Scope of a permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The whole cluster: a ClusterRole.
    Cluster,
    /// The platform's namespace: a Role.
    Platform,
    /// `kube-system`: a Role.
    System,
}

/// A permission with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Scope.
    pub reach: Reach,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resource in the plural, with the subresource if any.
    pub resource: &'static str,
    /// Names of objects; empty for all.
    pub names: Vec<String>,
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Reason, as the comment in the manifest.
    pub reason: String,
}

impl Permission {
    pub(super) fn new(
        reach: Reach,
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
        reason: impl Into<String>,
    ) -> Self {
        Self { reach, group, resource, names: Vec::new(), verbs, reason: reason.into() }
    }

    pub(super) fn named(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.names = names.into_iter().collect();
        self
    }
}
