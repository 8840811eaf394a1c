//! Registries that stand for others.

use std::str::FromStr;

/// A registry that holds what another one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Prefix that it replaces: a host, or a host with the first parts of a path.
    of: String,
    /// Where that is.
    at: String,
}

/// Problems of a mirror.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no mirror; expected HOST[/PATH]=HOST[/PATH], as docker.io=registry.example.com/hub"
)]
pub struct MirrorError(String);

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        let wrong = || MirrorError(text.to_owned());
        let (of, at) = text.trim().split_once('=').ok_or_else(wrong)?;
        let side = |side: &str| {
            let side = side.trim().trim_end_matches('/').to_owned();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:/[]".contains(c);
            let host = side.split('/').next().unwrap_or_default();
            let is_sound = !host.is_empty() && side.chars().all(is_plain) && !side.contains("//");
            is_sound.then_some(side)
        };
        Ok(Self { of: side(of).ok_or_else(wrong)?, at: side(at).ok_or_else(wrong)? })
    }
}

impl Mirror {
    /// Prefix that it replaces: a host, or a host with the first parts of a path.
    pub fn of(&self) -> &str {
        &self.of
    }

    /// The host, with its port if there is one, that is asked.
    pub fn host(&self) -> &str {
        self.at.split('/').next().unwrap_or(&self.at)
    }
}

/// Where a repository is, by the mirror that stands for the most of its name.
pub(crate) fn resolve(mirrors: &[Mirror], repository: &str) -> String {
    let rest = |mirror: &Mirror| {
        let rest = repository.strip_prefix(&mirror.of)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", mirror.at))
    };
    let best = mirrors
        .iter()
        .filter_map(|mirror| Some((mirror.of.len(), rest(mirror)?)))
        .max_by_key(|(length, _)| *length);
    best.map_or_else(|| repository.to_owned(), |(_, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_mirror_prefix_wins() {
        let mirrors: Vec<Mirror> =
            ["docker.io=mirror.example:5000/hub", "docker.io/ubuntu=ubuntu.example"]
                .map(|text| text.parse().unwrap())
                .into();
        for (repository, expected) in [
            ("docker.io/charmedkubeflow/dex", "mirror.example:5000/hub/charmedkubeflow/dex"),
            ("docker.io/ubuntu/python", "ubuntu.example/python"),
            ("docker.io/ubuntux/python", "mirror.example:5000/hub/ubuntux/python"),
            ("ghcr.io/canonical/envoy", "ghcr.io/canonical/envoy"),
        ] {
            assert_eq!(resolve(&mirrors, repository), expected);
        }
        for text in ["docker.io", "=x", "x=", "a b=c", "x=//y", ""] {
            assert!(text.parse::<Mirror>().is_err(), "{text}");
        }
    }
}
