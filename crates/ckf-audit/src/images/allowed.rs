//! Registries that may be queried: those of the releases, those that the policy allows, and mirrors.
//! An image in a pod is no reason to query its registry.

use std::collections::BTreeSet;

use crate::catalog;
use crate::facts::image::ImageReference;

/// Registries that may be queried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Repository prefixes, `HOST/PATH`, of the releases' own images.
    released: BTreeSet<String>,
    /// Prefixes that the operator configures: `HOST` or `HOST/PATH`.
    named: BTreeSet<String>,
}

impl Allowed {
    /// Registries of the releases, and those that the operator configures, in the policy or as a
    /// mirror.
    pub fn new<'a>(named: impl Iterator<Item = &'a str>) -> Self {
        let releases = catalog::releases().iter();
        let images = releases.flat_map(|release| {
            let repositories = release.platform_repositories.iter().map(String::as_str);
            release.images().chain(repositories)
        });
        let released = images.filter_map(|image| {
            let repository = ImageReference::parse(image)?.repository;
            let (home, _) = repository.rsplit_once('/')?;
            Some(home.to_owned())
        });
        let plain = |name: &str| name.trim_end_matches('/').to_owned();
        Self { released: released.collect(), named: named.map(plain).collect() }
    }

    /// The registry of an image may be queried for it. An image that a tenant names must be in a
    /// repository prefix of the releases or of the operator.
    pub fn permits(&self, repository: &str, of_tenant: bool) -> bool {
        let within = |prefix: &String| {
            let rest = repository.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.named.iter().any(within) || self.released.iter().any(within) {
            return true;
        }
        let host = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
        let registry = host(repository);
        !of_tenant && self.released.iter().any(|home| host(home) == registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_outside_releases_and_configuration_is_refused() {
        let allowed = Allowed::new(["registry.corp.example/hub/"].into_iter());
        for (repository, of_platform, of_tenant) in [
            ("docker.io/charmedkubeflow/dex", true, true),
            ("registry.corp.example/hub/dex", true, true),
            ("registry.corp.example/hubs/dex", false, false),
            // Images of the platform's own pods only need a registry that a release uses.
            ("docker.io/mine/dex", true, false),
            ("registry.evil.example/a", false, false),
            ("docker.io.evil.example/charmedkubeflow/dex", false, false),
            ("127.0.0.1:15003/evil/a", false, false),
        ] {
            assert_eq!(allowed.permits(repository, false), of_platform, "{repository}");
            assert_eq!(allowed.permits(repository, true), of_tenant, "{repository}");
        }
    }
}
