//! Which registries are asked: those of the releases, of the policy, and those that a mirror
//! stands for. What a pod names is no reason to ask a registry.

use std::collections::BTreeSet;

use crate::catalog;
use crate::facts::image::ImageReference;

/// Registries that are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Hosts and first parts of the path of the releases' own images.
    released: BTreeSet<String>,
    /// What the operator names: hosts, or hosts with the first parts of a path.
    named: BTreeSet<String>,
}

impl Allowed {
    /// Those of the releases, and what an operator names: in the policy, or by a mirror.
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

    /// Whether the registry of an image is asked for it. Of what a tenant names only what is at
    /// home where the releases' images are, or where the operator says.
    pub fn permits(&self, repository: &str, of_tenant: bool) -> bool {
        let within = |prefix: &String| {
            let rest = repository.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.named.iter().any(within) || self.released.iter().any(within) {
            return true;
        }
        let host = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
        let own = host(repository);
        !of_tenant && self.released.iter().any(|home| host(home) == own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_those_of_the_releases_and_of_the_operator() {
        let allowed = Allowed::new(["registry.corp.example/hub/"].into_iter());
        for (repository, of_platform, of_tenant) in [
            ("docker.io/charmedkubeflow/dex", true, true),
            ("registry.corp.example/hub/dex", true, true),
            ("registry.corp.example/hubs/dex", false, false),
            // The platform's own pods may run anything of a registry that a release uses.
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
