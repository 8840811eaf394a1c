//! Options of the mesh that decide about policies, from istiod's MeshConfig.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::matcher::matches;
use crate::views::mesh_options::mesh_options;
use crate::views::{Context, MissingFact};

/// Options of the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// Namespace whose policies hold in all namespaces.
    pub root_namespace: String,
    /// The trust domain, then its aliases.
    pub trust_domains: Vec<String>,
    /// Names of external authorisers; `None` if they are not known.
    pub providers: Option<BTreeSet<String>>,
}

/// Trust domain in policies that stands for the mesh's own.
const OWN_DOMAIN: &str = "cluster.local";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MeshConfig {
    root_namespace: String,
    trust_domain: String,
    trust_domain_aliases: Vec<String>,
    extension_providers: Vec<Provider>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Provider {
    name: String,
}

impl Mesh {
    /// A mesh with Istio's defaults and this root namespace.
    pub fn new(root_namespace: &str) -> Self {
        Self {
            root_namespace: root_namespace.into(),
            trust_domains: vec![OWN_DOMAIN.into()],
            providers: None,
        }
    }

    /// The platform's mesh: the options in the ConfigMap `istio`, which istioctl writes.
    pub fn of(context: &Context<'_>) -> Result<Self, MissingFact> {
        let mut mesh = Self::new(context.namespace());
        let Some(config) = mesh_options::<MeshConfig>(context)? else {
            return Ok(mesh);
        };
        if !config.root_namespace.is_empty() {
            mesh.root_namespace = config.root_namespace;
        }
        if !config.trust_domain.is_empty() {
            mesh.trust_domains = vec![config.trust_domain];
        }
        mesh.trust_domains.extend(config.trust_domain_aliases);
        mesh.providers = Some(config.extension_providers.into_iter().map(|p| p.name).collect());
        Ok(mesh)
    }

    /// The identity of a service account of this mesh.
    pub fn identity(&self, namespace: &str, account: &str) -> String {
        let domain = self.trust_domains.first().map_or(OWN_DOMAIN, String::as_str);
        format!("spiffe://{domain}/ns/{namespace}/sa/{account}")
    }

    /// A principal of a policy under each of the mesh's trust domains, if it names one of them:
    /// `cluster.local` stands for the mesh's own.
    pub(super) fn principals(&self, principal: &str) -> Vec<String> {
        let as_it_is = || vec![principal.to_owned()];
        let parts: Vec<&str> = principal.split('/').collect();
        let [domain, _, _, _, _] = parts[..] else {
            return as_it_is();
        };
        let is_of_mesh = || self.trust_domains.iter().any(|own| overlap(domain, own));
        if domain == "*" || (domain != OWN_DOMAIN && !is_of_mesh()) {
            return as_it_is();
        }
        let rest = &principal[domain.len()..];
        let mut all = Vec::new();
        for own in &self.trust_domains {
            let is_suffix = domain.starts_with('*') && own.ends_with(&domain[1..]);
            let moved = if is_suffix { principal.to_owned() } else { format!("{own}{rest}") };
            if !all.contains(&moved) {
                all.push(moved);
            }
        }
        all
    }

    /// A trust domain of a policy with its aliases, if it is one of the mesh's.
    pub(super) fn domains(&self, domain: &str) -> Vec<String> {
        match self.trust_domains.iter().any(|own| own == domain) {
            true => self.trust_domains.clone(),
            false => vec![domain.to_owned()],
        }
    }
}

/// Whether one of two trust domains, each perhaps with a star, matches the other.
fn overlap(one: &str, other: &str) -> bool {
    one == other || other == "*" || has_star(other, one) || has_star(one, other)
}

fn has_star(pattern: &str, text: &str) -> bool {
    let is_pattern = pattern.starts_with('*') || pattern.ends_with('*');
    is_pattern && (pattern == "*" || matches(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_known_under_every_trust_domain() {
        let mut mesh = Mesh::new("kubeflow");
        mesh.trust_domains = vec!["new-td".into(), "old-td".into()];
        let of = |principal: &str| mesh.principals(principal).join(" ");
        let both = "new-td/ns/a/sa/b old-td/ns/a/sa/b";
        assert_eq!(of("cluster.local/ns/a/sa/b"), both);
        assert_eq!(of("old-td/ns/a/sa/b"), both);
        assert_eq!(of("*-td/ns/a/sa/b"), "*-td/ns/a/sa/b");
        assert_eq!(of("*old-td/ns/a/sa/b"), "new-td/ns/a/sa/b *old-td/ns/a/sa/b");
        assert_eq!(of("other/ns/a/sa/b"), "other/ns/a/sa/b");
        assert_eq!(of("*/ns/a/sa/b"), "*/ns/a/sa/b");
        assert_eq!(of("cluster.local/*"), "cluster.local/*");
    }
}
