//! Suggestions for mistyped names.

use crate::remedies::{Remedy, UnknownRemedy};

/// The known name that is most like this one, if any is like it.
pub(super) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    let distance = |other: &str| strsim::damerau_levenshtein(&lower, &other.to_ascii_lowercase());
    let nearest = known.into_iter().map(|other| (distance(other), other)).min();
    let most = (name.chars().count() / 3).max(1);
    nearest.filter(|(distance, _)| *distance <= most).map(|(_, other)| other)
}

/// `; did you mean X?`, or nothing.
pub(super) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, known).map_or(String::new(), |other| format!("; did you mean {other}?"))
}

/// A remedy's name that is none, with the one that it is most like.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}{hint}")]
pub(super) struct MistypedRemedy {
    error: UnknownRemedy,
    hint: String,
}

/// Parses a remedy's name.
pub(super) fn remedy(text: &str) -> Result<Remedy, MistypedRemedy> {
    text.parse::<Remedy>().map_err(|error| {
        let known = Remedy::ALL.iter().map(|remedy| remedy.name());
        MistypedRemedy { error, hint: hint(text, known) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_name_is_suggested() {
        let known = ["TLS-01", "NET-02", "AUTHN-10"];
        assert_eq!(closest("tls-1", known), Some("TLS-01"));
        assert_eq!(closest("ATUHN-10", known), Some("AUTHN-10"));
        assert_eq!(closest("something", known), None);
        assert!(
            remedy("mutal-tls").unwrap_err().to_string().ends_with("; did you mean mutual-tls?")
        );
    }
}
