//! Allow-lists: objects allowed in addition to those of the release.

use schemars::JsonSchema;
use serde::Deserialize;

/// Allow-lists, by kind; entries are `namespace/name` or `name`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Allow {
    /// EnvoyFilters that may apply to the ingress gateway.
    pub envoyfilters: Vec<String>,
    /// Role bindings allowed in profiles.
    pub rolebindings: Vec<String>,
    /// Cluster roles that may aggregate to Kubeflow's.
    pub clusterroles: Vec<String>,
    /// VirtualServices allowed on the gateway.
    pub virtualservices: Vec<String>,
    /// Services that may be exposed outside the cluster.
    pub services: Vec<String>,
    /// Pods that may be privileged, by `namespace/name-prefix`.
    pub pods: Vec<String>,
    /// Juju users that may have superuser access.
    pub superusers: Vec<String>,
    /// Juju users that may have admin access to the platform's model.
    pub model_admins: Vec<String>,
    /// Registries or repositories that images may be pulled from.
    pub registries: Vec<String>,
}

impl Allow {
    /// Entries with an empty part, which would allow everything or nothing.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        let lists = [
            ("envoyfilters", &self.envoyfilters),
            ("rolebindings", &self.rolebindings),
            ("clusterroles", &self.clusterroles),
            ("virtualservices", &self.virtualservices),
            ("services", &self.services),
            ("pods", &self.pods),
            ("superusers", &self.superusers),
            ("model-admins", &self.model_admins),
            ("registries", &self.registries),
        ];
        lists.into_iter().flat_map(|(list, entries)| {
            // Entries of these two are prefixes.
            let is_prefix = matches!(list, "pods" | "registries");
            let parts = if is_prefix { 1 } else { usize::MAX };
            let wrong = entries.iter().filter(move |entry| {
                let mut named = entry.split('/').take(parts);
                let mut all = entry.split('/');
                named.any(|part| part.trim().is_empty())
                    || (!is_prefix && all.all(|part| part.trim_matches('*').is_empty()))
            });
            wrong.map(move |entry| {
                format!("allow: {list}: {entry:?} is incomplete or allows everything; expected NAME or NAMESPACE/NAME")
            })
        })
    }
}
