//! What to know before a fix is followed: what it breaks, where it works, what shows that it does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What to know before a fix is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Advice {
    /// What following the fix may break.
    pub breaks: String,
    /// Where it works.
    pub works_on: WorksOn,
    /// What shows that it does, and does no other harm.
    pub proof: FixProof,
}

/// Where a fix works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorksOn {
    /// Releases of Charmed Kubeflow, by name.
    pub releases: Vec<String>,
    /// Modes of the mesh.
    pub meshes: Vec<Mesh>,
    /// Condition under which it works; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when: String,
}

impl fmt::Display for WorksOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.releases.is_empty() || self.meshes.is_empty() {
            return f.write_str("no release");
        }
        let meshes: Vec<&str> = self.meshes.iter().map(|mesh| mesh.name()).collect();
        write!(f, "{}; {}", self.releases.join(", "), meshes.join(", "))?;
        match self.when.trim() {
            "" => Ok(()),
            when => write!(f, "; condition: {when}"),
        }
    }
}

/// Mode of Istio's data plane.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mesh {
    /// A proxy in each pod.
    Sidecar,
    /// A proxy on each node, and waypoints.
    Ambient,
}

impl fmt::Display for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Mesh {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Ambient => "ambient",
        }
    }
}

/// What shows that a fix does what it says, and no other harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum FixProof {
    /// A test of this repository.
    Test {
        /// File and function, as `tests/gateway/remedies.rs::remedies_change_what_clients_of_the_gateway_see`.
        name: String,
        /// What the test shows of the fix.
        shows: String,
    },
    /// Code or documentation of the charm or of what it is made of.
    Source {
        /// Owner and name on GitHub.
        repository: String,
        /// Commit.
        revision: String,
        /// File, with a line where one says it: `src/charm.py:137`.
        path: String,
        /// What that code says of the fix.
        shows: String,
    },
    /// Nothing: there is no good fix, and `fix` gives the mitigation.
    None {
        /// Why there is none.
        reason: String,
    },
}

impl FixProof {
    /// Refuses a proof that cannot be looked up, and none without a mitigation in the fix.
    pub(super) fn check(&self, fix: &str) -> Result<(), AdviceError> {
        match self {
            Self::Test { name, shows } => {
                is_said("fix-proof.shows", shows)?;
                let named = name.split_once("::");
                if !named.is_some_and(|(file, test)| file.ends_with(".rs") && !test.is_empty()) {
                    return Err(AdviceError::NoTest(name.clone()));
                }
            }
            Self::Source { repository, revision, path, shows } => {
                is_said("fix-proof.shows", shows)?;
                is_said("fix-proof.path", path)?;
                let is_hexadecimal = revision.bytes().all(|byte| byte.is_ascii_hexdigit());
                if revision.len() < 7 || !is_hexadecimal {
                    return Err(AdviceError::NoCommit(revision.clone()));
                }
                if repository.split('/').filter(|part| !part.is_empty()).count() != 2 {
                    return Err(AdviceError::NoRepository(repository.clone()));
                }
            }
            Self::None { reason } => {
                is_said("fix-proof.reason", reason)?;
                if !(fix.starts_with("There is no good fix") && fix.contains("Mitigation: ")) {
                    return Err(AdviceError::NoMitigation);
                }
            }
        }
        Ok(())
    }

    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Test { .. } => "test",
            Self::Source { .. } => "source",
            Self::None { .. } => "none",
        }
    }
}

impl fmt::Display for FixProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test { name, shows } => write!(f, "test {name}: {}", shows.trim()),
            Self::Source { repository, revision, path, shows } => {
                write!(f, "{repository} at {revision}, {path}: {}", shows.trim())
            }
            Self::None { reason } => write!(f, "nothing: {}", reason.trim()),
        }
    }
}

/// A limit of the platform: what its charms' newest revisions do by themselves, so that no operator
/// can fix it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Field of the findings that it covers; `*` stands for any characters.
    pub field: String,
    /// What is seen there, in the same way.
    pub seen: String,
    /// Why an operator cannot fix it.
    pub why: String,
    /// URL of the issue or advisory upstream.
    pub issue: String,
    /// What keeps the harm small meanwhile.
    pub mitigation: String,
}

impl Limit {
    /// Refuses one that is incomplete, or that excuses what can be fixed.
    pub(super) fn check(&self) -> Result<(), AdviceError> {
        let Self { field, seen, why, issue, mitigation } = self;
        let all = [field, seen, why, issue, mitigation];
        if all.iter().any(|text| text.trim().is_empty()) {
            return Err(AdviceError::LimitWithoutText);
        }
        if [field, seen].iter().all(|pattern| pattern.trim_matches('*').is_empty()) {
            return Err(AdviceError::LimitOfEverything);
        }
        if !issue.starts_with("https://") {
            return Err(AdviceError::LimitWithoutIssue(issue.clone()));
        }
        Ok(())
    }
}

/// Why the advice of a control is refused: half of what has to be known is as bad as none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdviceError {
    /// A text is missing.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The fix works in no release or in no mode of the mesh.
    #[error("fix-works-on names no release or no mesh")]
    WorksNowhere,
    /// Not a function of a file.
    #[error("fix-proof.name {0:?} is not FILE.rs::TEST")]
    NoTest(String),
    /// Not the hash of a commit.
    #[error("fix-proof.revision {0:?} is no commit")]
    NoCommit(String),
    /// Not a repository's name.
    #[error("fix-proof.repository {0:?} is not OWNER/NAME")]
    NoRepository(String),
    /// There is no proof, and no mitigation either.
    #[error(
        "fix-proof is none, so fix has to begin with \"There is no good fix\" and to give a \
         \"Mitigation: \""
    )]
    NoMitigation,
    /// A limit lacks a text.
    #[error("limits: a field of a limit is empty")]
    LimitWithoutText,
    /// A limit would excuse what can be fixed.
    #[error("limits: a limit covers every finding")]
    LimitOfEverything,
    /// A limit's issue cannot be opened.
    #[error("limits: issue {0:?} is no https URL")]
    LimitWithoutIssue(String),
}

/// Refuses an empty text.
pub(super) fn is_said(field: &'static str, text: &str) -> Result<(), AdviceError> {
    if text.trim().is_empty() { Err(AdviceError::Empty(field)) } else { Ok(()) }
}
