//! Image references by the grammar of the distribution project.
//!
//! The library `oci-spec` implements it with a regular expression whose compilation takes six
//! sevenths of the time of an audit of a small cluster, and 15 MB; the tests of this module
//! compare against it instead.

/// A normalised image reference: `docker.io/` is explicit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageReference {
    /// Registry and repository.
    pub repository: String,
    /// Tag, if present.
    pub tag: Option<String>,
    /// Digest, if present, for example `sha256:…`.
    pub digest: Option<String>,
}

/// Longest repository without its registry, in bytes.
const LONGEST_REPOSITORY: usize = 255;
/// Longest tag, in bytes.
const LONGEST_TAG: usize = 128;

impl ImageReference {
    /// Parses a reference; `None` if it is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash precedes the registry's port.
        let (name, tag) = match named.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (named, None),
        };
        let sound = tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        let repository = repository(name).filter(|_| sound)?;
        Some(Self { repository, tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }
}

impl std::fmt::Display for ImageReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn repository(name: &str) -> Option<String> {
    let is_path = |text: &str| text.split('/').all(is_path_component);
    let registry_first = |(first, rest): (&str, &str)| is_registry(first) && is_path(rest);
    if !is_path(name) && !name.split_once('/').is_some_and(registry_first) {
        return None;
    }
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry_by_look(first) => (first, rest),
        _ => ("docker.io", name),
    };
    let registry = match registry {
        "index.docker.io" => "docker.io",
        other => other,
    };
    let library = if registry == "docker.io" && !path.contains('/') { "library/" } else { "" };
    let fits = library.len() + path.len() <= LONGEST_REPOSITORY;
    fits.then(|| format!("{registry}/{library}{path}"))
}

/// Whether the first part of a name is a registry, by the rule of the distribution project;
/// repositories have no upper-case letters.
fn is_registry_by_look(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_label = |label: &str| {
        label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(is_label) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Lower-case letters and digits, separated by one dot, one or two underscores, or any number
/// of dashes.
fn is_path_component(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(is_plain).filter(|part| !part.is_empty());
    text.starts_with(is_plain)
        && text.ends_with(is_plain)
        && separators
            .into_iter()
            .all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(is_word)
        && text.len() <= LONGEST_TAG
        && text.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

fn is_digest(text: &str) -> bool {
    let digits = match text.split_once(':') {
        Some(("sha256", hex)) if hex.len() == 64 => hex,
        Some(("sha384", hex)) if hex.len() == 96 => hex,
        Some(("sha512", hex)) if hex.len() == 128 => hex,
        _ => return false,
    };
    digits.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use oci_spec::distribution::Reference;
    use proptest::prelude::*;

    use super::*;

    /// The reference as the library parses it.
    fn parsed_by_library(text: &str) -> Option<ImageReference> {
        let reference = Reference::from_str(text).ok()?;
        // It reads `NAME/x` as `docker.io/NAME/x`, which it then rejects.
        let again = Reference::from_str(&reference.whole());
        let name = format!("{}/{}", reference.registry(), reference.repository());
        let repository = match again {
            Ok(_) => name,
            Err(_) => reference.repository().to_owned(),
        };
        // The library sets a missing tag to `latest`.
        let named = text.split('@').next().unwrap_or(text);
        let last = named.rsplit('/').next().unwrap_or(named);
        Some(ImageReference {
            repository,
            tag: reference.tag().filter(|_| last.contains(':')).map(str::to_owned),
            digest: reference.digest().map(str::to_owned),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn similar_text_is_parsed_like_the_library(
            registry in "(localhost|index\\.docker\\.io|docker\\.io|[a-z]{1,4}(\\.[A-Z-]{1,3})?(:[0-9]{0,3})?)?",
            path in "/?[a-z0-9._-]{1,6}(/[a-z0-9._-]{0,6}){0,2}",
            tag in "(:[A-Za-z0-9_.-]{0,6})?",
            digest in "(@sha256:[0-9a-fA-F]{64}|@sha256:[0-9a-g]{63,65}|@sha384:[0-9a-f]{96}|@md5:[0-9a-f]{32})?",
        ) {
            let text = format!("{registry}{path}{tag}{digest}");
            prop_assert_eq!(ImageReference::parse(&text), parsed_by_library(&text), "{}", text);
        }

        #[test]
        fn text_of_valid_characters_is_parsed_like_the_library(text in "[a-z0-9A-Z._:/@-]{0,12}") {
            prop_assert_eq!(ImageReference::parse(&text), parsed_by_library(&text), "{}", text);
        }

        #[test]
        fn arbitrary_text_does_not_panic(text: String) {
            let _ = ImageReference::parse(&text);
        }
    }

    #[test]
    fn lengths_are_bounded() {
        for (path, tag) in [(247, 128), (248, 1), (1, 129)] {
            let text = format!("{}:{}", "a".repeat(path), "1".repeat(tag));
            assert_eq!(ImageReference::parse(&text), parsed_by_library(&text), "{path} {tag}");
        }
    }

    #[test]
    fn references_are_normalised() {
        let repository = |text| ImageReference::parse(text).map(|image| image.repository);
        let dex = repository("charmedkubeflow/dex:2.41.1-1d3fe19");
        assert_eq!(dex.as_deref(), Some("docker.io/charmedkubeflow/dex"));
        assert_eq!(repository("localhost:5000/x/y").as_deref(), Some("localhost:5000/x/y"));
        assert_eq!(repository("UPPER CASE"), None);
        assert_eq!(repository("3I/0:xx").as_deref(), Some("3I/0"));
    }
}
