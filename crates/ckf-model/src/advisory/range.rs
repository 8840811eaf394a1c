//! Versions that an advisory affects, and how they are left.

use serde::{Deserialize, Serialize};

/// Affected versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRange {
    /// Order of the versions; `ECOSYSTEM` and `SEMVER` are understood.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where being affected begins and ends, oldest first.
    pub events: Vec<Event>,
}

/// Where being affected begins or ends: one of these is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// First affected version; `0` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introduced: Option<String>,
    /// First version with the fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// Last affected version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_affected: Option<String>,
}

/// How an affected version is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedied {
    /// By this version or a later one.
    In(String),
    /// By a version after this one.
    After(String),
    /// By no release that the table knows.
    Nowhere,
}

/// Numbers of a release's version, for comparison: what follows them, such as the commit in a
/// rock's tag, is ignored, so a candidate counts as its release. None if it begins with neither
/// a digit, `v` and a digit, nor MinIO's `RELEASE.`.
pub fn release_numbers(version: &str) -> Option<Vec<u64>> {
    let is_digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if let Some(date) = version.strip_prefix("RELEASE.").filter(|rest| is_digit(rest)) {
        // 2025-10-15T17-29-55Z
        let parts = date.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        return parts.take(6).map(|part| part.parse().ok()).collect();
    }
    let numeric = version.strip_prefix('v').unwrap_or(version);
    let end = numeric.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(numeric.len());
    let numeric = numeric.get(..end)?.trim_end_matches('.');
    is_digit(numeric).then(|| numeric.split('.').map(|part| part.parse().ok()).collect())?
}

impl VersionRange {
    pub(super) fn remedy(&self, version: &[u64]) -> Option<Remedied> {
        let numbers = |text: &String| release_numbers(text).unwrap_or_default();
        let mut is_in = false;
        for event in &self.events {
            if let Some(from) = &event.introduced {
                is_in = from == "0" || *version >= *numbers(from);
            }
            if let Some(fixed) = event.fixed.as_ref().filter(|_| is_in) {
                if *version < *numbers(fixed) {
                    return Some(Remedied::In(fixed.clone()));
                }
                is_in = false;
            }
            if let Some(last) = event.last_affected.as_ref().filter(|_| is_in) {
                if *version <= *numbers(last) {
                    return Some(Remedied::After(last.clone()));
                }
                is_in = false;
            }
        }
        is_in.then_some(Remedied::Nowhere)
    }

    /// Something is wrong with its events.
    pub(super) fn problem(&self) -> bool {
        let mut last: Vec<u64> = Vec::new();
        let mut is_open = false;
        for event in &self.events {
            let (text, opens) = match (&event.introduced, &event.fixed, &event.last_affected) {
                (Some(text), None, None) => (text, true),
                (None, Some(text), None) | (None, None, Some(text)) => (text, false),
                _ => return true,
            };
            let Some(numbers) = release_numbers(text) else { return true };
            if opens == is_open || numbers < last {
                return true;
            }
            (last, is_open) = (numbers, opens);
        }
        self.events.is_empty()
    }
}
