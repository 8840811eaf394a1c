//! Evidence of a control: findings, outcomes and verdicts, and the words in which they are written.

use serde::{Deserialize, Serialize};

use crate::facts::object::ObjectRef;
use crate::views::owner::Owner;

/// Evidence that a control does not hold.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The object.
    pub object: ObjectRef,
    /// The field of it.
    pub field: String,
    /// What is there.
    pub seen: String,
    /// What should be there.
    pub wanted: String,
    /// What the object belongs to, for a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Texts of findings that were reworded, now and as they were, longer ones first.
const REWORDED: [(&str, &str); 16] = [
    (
        "no subject of a profile, and no group of all users",
        "nobody of a profile, and not everybody",
    ),
    ("a date in the future, or no waiver", "a day to come, or no waiver"),
    ("any client that sends the header", "anybody who sends the header"),
    ("unset: issuer-url replaces it", "unset: issuer-url has taken its place"),
    ("which admits every request", "which admits everybody"),
    ("; created and recreated by ", "; made, and made again, by "),
    ("until its controller changes", "until its maker changes"),
    ("no filter requires login", "no filter asks for login"),
    ("what its tag resolves to", "what its tag leads to"),
    ("a well-known password", "one that everybody tries first"),
    ("admits every client to ", "admits everybody to "),
    ("a time in the future", "a time to come"),
    (", from any client", ", from anybody"),
    ("set by an operator", "set by somebody"),
    (" lacks kubeflow-", " has not kubeflow-"),
    ("not completed in ", "never taken up in "),
];

impl Finding {
    /// What a fingerprint is made of: the finding as it was first worded, so that reports of
    /// earlier versions still compare.
    pub(crate) fn identity(&self) -> String {
        let first = |text: &str| {
            REWORDED.iter().fold(text.to_owned(), |text, (now, before)| text.replace(now, before))
        };
        let seen = match self.seen.strip_suffix("no subject") {
            Some(start) if self.field == "subjects" || start.ends_with(" for ") => {
                format!("{start}nobody")
            }
            _ => first(&self.seen),
        };
        let mut object = self.object.clone();
        if object.kind == "Pod" {
            object.name = lasting_name(&object.name).to_owned();
        }
        let field = lasting(&self.field);
        let (seen, wanted) = (lasting(&seen), lasting(&first(&self.wanted)));
        Self { object, field, seen, wanted, owner: None }.to_string()
    }
}

/// Characters of the suffixes that Kubernetes generates.
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The part of a pod's name that its owner gives it: without the hash of a ReplicaSet, the random
/// suffix of its pods and those of DaemonSets, and the number of a workflow's step.
fn lasting_name(name: &str) -> &str {
    let without = |name: &'_ str, fits: &dyn Fn(&str) -> bool| {
        let (start, end) = name.rsplit_once('-')?;
        fits(end).then_some(start.len())
    };
    let is_generated = |end: &str| end.chars().all(|c| GENERATED.contains(c));
    let is_random = |end: &str| end.len() == 5 && is_generated(end);
    let is_hash = |end: &str| (6..=10).contains(&end.len()) && is_generated(end);
    let is_step = |end: &str| end.len() > 5 && end.chars().all(|c| c.is_ascii_digit());
    if let Some(length) = without(name, &is_step) {
        return &name[..length];
    }
    let Some(length) = without(name, &is_random) else {
        return name;
    };
    let of_set = &name[..length];
    without(of_set, &is_hash).map_or(of_set, |length| &of_set[..length])
}

/// A text without the tags and digests of images and the generated parts of pods' names.
fn lasting(text: &str) -> String {
    let word = |word: &str| {
        let word = word.split("@sha256:").next().unwrap_or_default();
        match word.rsplit_once('/') {
            Some((path, last)) if !word.contains("://") => {
                let last = last.split(':').next().unwrap_or_default();
                format!("{path}/{}", lasting_name(last))
            }
            _ if word.starts_with("sha256:") => "sha256".to_owned(),
            _ => lasting_name(word).to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { object, field, seen, wanted, .. } = self;
        write!(f, "{object}: {field} is {seen}; wanted: {wanted}")
    }
}

/// Outcome of a check.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It holds, by this evidence.
    Pass(String),
    /// It does not hold.
    Fail(Vec<Finding>),
    /// It says nothing about this cluster, for this reason.
    NotApplicable(String),
    /// It could not be assessed, for this reason.
    NotAssessed(String),
}

/// The verdict on a control.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It does not hold, and a waiver accepts the risk.
    Waived,
    /// It says nothing about this cluster.
    NotApplicable,
    /// It could not be assessed.
    NotAssessed,
}

impl Verdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Waived => "waived",
            Self::NotApplicable => "not-applicable",
            Self::NotAssessed => "not-assessed",
        }
    }
}

/// Longest text of a finding, in characters: one object of a tenant must not fill a report.
const LONGEST_TEXT: usize = 300;

/// Longest reason of a verdict, in characters.
pub(crate) const LONGEST_REASON: usize = 800;

/// Makes a finding.
pub(crate) fn finding(
    object: ObjectRef,
    field: &str,
    seen: impl Into<String>,
    wanted: impl Into<String>,
) -> Finding {
    Finding {
        object,
        field: bounded(field.into(), LONGEST_TEXT),
        seen: bounded(seen.into(), LONGEST_TEXT),
        wanted: bounded(wanted.into(), LONGEST_TEXT),
        owner: None,
    }
}

/// A text of so many characters at most, and how many more there were.
pub(crate) fn bounded(mut text: String, longest: usize) -> String {
    // Bytes are never fewer than characters.
    if text.len() > longest
        && let Some((end, _)) = text.char_indices().nth(longest)
    {
        let more = text[end..].chars().count();
        text.truncate(end);
        text.push_str(&format!("… and {more} more characters"));
    }
    text
}

/// How many of a list are named.
const NAMED: usize = 5;

/// Longest list of names, in bytes: what a finding says behind it must have room.
const LONGEST_NAMED: usize = 240;

/// A list in words: the first of it, and how many more there are.
pub(crate) fn named<T: std::fmt::Display>(all: &[T]) -> String {
    let mut first = String::new();
    let mut number = 0;
    for one in all.iter().take(NAMED) {
        let one = bounded(one.to_string(), LONGEST_NAMED / 2);
        if number > 0 {
            if first.len() + one.len() > LONGEST_NAMED {
                break;
            }
            first.push_str(", ");
        }
        first.push_str(&one);
        number += 1;
    }
    match all.len() - number {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// `Fail` if there are findings, else `Pass` with this evidence.
pub(crate) fn outcome(findings: Vec<Finding>, evidence: impl Into<String>) -> Outcome {
    if findings.is_empty() { Outcome::Pass(evidence.into()) } else { Outcome::Fail(findings) }
}

/// A count with its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ay") => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_of_reworded_finding_is_that_of_the_first_words() {
        let object = ObjectRef::new("v1", "Pod", "kubeflow", "a");
        let of = |seen: &str, wanted: &str| finding(object.clone(), "subjects", seen, wanted);
        for (now, before) in REWORDED {
            assert_eq!(of(now, now).identity(), of(before, before).to_string());
        }
        assert_eq!(of("no subject", "x").identity(), of("nobody", "x").to_string());
        let unchanged = of("ClusterRole edit for User eve", "contributors by KFAM only");
        assert_eq!(unchanged.identity(), unchanged.to_string());
    }

    #[test]
    fn identity_outlasts_a_rollout() {
        for (name, lasting) in [
            ("istiod-6d4cf56db6-x2x9z", "istiod"),
            ("istio-cni-node-8xk2p", "istio-cni-node"),
            ("train-x1-system-container-impl-2047361", "train-x1-system-container-impl"),
            ("minio-0", "minio-0"),
            ("kubeflow-dashboard", "kubeflow-dashboard"),
        ] {
            assert_eq!(lasting_name(name), lasting);
        }
        for (text, without) in [
            ("docker.io/istio/pilot:1.28.0", "docker.io/istio/pilot"),
            ("ghcr.io/a/b@sha256:0123, pulled", "ghcr.io/a/b pulled"),
            ("localhost:5000/a:1 with imagePullPolicy", "localhost:5000/a with imagePullPolicy"),
            ("https://example.com:8443/a:b", "https://example.com:8443/a:b"),
            ("HTTP on port 8080, reached from outside", "HTTP on port 8080, reached from outside"),
        ] {
            assert_eq!(lasting(text), without);
        }
    }

    #[test]
    fn text_and_list_of_any_length_are_shortened() {
        let text = bounded("é".repeat(7_500), LONGEST_TEXT);
        assert_eq!(text.chars().count(), 300 + "… and 7200 more characters".chars().count());
        assert!(text.ends_with("é… and 7200 more characters"), "{text}");
        assert_eq!(bounded("é".repeat(300), LONGEST_TEXT), "é".repeat(300));
        assert_eq!(named(&[1, 2, 3, 4, 5]), "1, 2, 3, 4, 5");
        assert_eq!(named(&[1, 2, 3, 4, 5, 6, 7]), "1, 2, 3, 4, 5 and 2 more");
    }
}
