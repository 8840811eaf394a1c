//! Secrets of Juju: `secret-add`, `secret-get`, `secret-set`, `secret-info-get`,
//! `secret-ids`, `secret-grant`, `secret-revoke`, `secret-remove`.
//!
//! Values go to the tools by files in a private directory, never by arguments,
//! which every process of the container may see; the files are overwritten and
//! removed afterwards. Values in memory are wiped when they go.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize as _, Zeroizing};

use crate::relation::Relation;
use crate::tool::{self, ToolError};

/// A secret value, which does not print and is wiped when it goes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Value(Zeroizing<String>);

impl Value {
    /// Takes a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// Shows it, to be used and not to be kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Keys and values of a secret. A key is lower case with digits and inner
/// hyphens, three characters at least.
pub type Content = BTreeMap<String, Value>;

/// Rotation policy: the interval of Juju's `secret-rotate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are Juju's")]
pub enum Rotate {
    Never,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Quarterly,
    Yearly,
}

impl Rotate {
    fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }
}

/// Owner of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The application; only its leader may write it.
    Application,
    /// The unit.
    Unit,
}

/// Attributes of a secret.
#[derive(Clone, Debug, Default)]
pub struct Attributes<'a> {
    /// Name for the owner, unique for it.
    pub label: Option<&'a str>,
    /// Description.
    pub description: Option<&'a str>,
    /// Rotation policy: the interval of Juju's `secret-rotate`.
    pub rotate: Option<Rotate>,
    /// When it ends, RFC 3339; Juju reports it and does not enforce it.
    pub expire: Option<&'a str>,
    /// Owner; the application if none is named.
    pub owner: Option<Owner>,
}

impl Attributes<'_> {
    fn arguments(&self) -> Vec<String> {
        let owner = self.owner.map(|owner| match owner {
            Owner::Application => "application",
            Owner::Unit => "unit",
        });
        [
            ("label", self.label),
            ("description", self.description),
            ("rotate", self.rotate.map(Rotate::name)),
            ("expire", self.expire),
            ("owner", owner),
        ]
        .into_iter()
        .filter_map(|(flag, value)| Some(format!("--{flag}={}", value?)))
        .collect()
    }
}

/// Metadata of a secret that this unit owns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Info {
    /// Newest revision.
    pub revision: u64,
    /// Label.
    #[serde(default)]
    pub label: Option<String>,
    /// Owner.
    pub owner: Owner,
    /// Rotation policy: the interval of Juju's `secret-rotate`.
    #[serde(default)]
    pub rotation: Option<Rotate>,
    /// When it ends, RFC 3339.
    #[serde(default)]
    pub expiry: Option<String>,
    /// When it is to be rotated, RFC 3339; not in the hook that made it.
    #[serde(default)]
    pub rotates: Option<String>,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// Grants to others.
    #[serde(default)]
    pub access: Vec<Access>,
}

/// Leave to read a secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Access {
    /// For example `application-pg` or `unit-pg-0`.
    pub target: String,
    /// The relation that it is tied to, for example `relation-self.db#pg.db`.
    pub scope: String,
}

/// Which revision is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The one that was read first, until it is refreshed.
    #[default]
    Pinned,
    /// The newest, this once.
    Peek,
    /// The newest, from now on.
    Refresh,
}

/// Adds a secret and returns its URI, `secret:ID`. Buffered.
pub fn add(content: &Content, attributes: &Attributes<'_>) -> Result<String, SecretError> {
    let files = Files::write(content)?;
    let mut arguments = attributes.arguments();
    arguments.extend(files.arguments());
    let printed = tool::run("secret-add", &arguments)?;
    Ok(String::from_utf8_lossy(&printed).trim().to_owned())
}

/// Gives a secret new content, and new attributes where they are named. With
/// the content that it has it makes no new revision. Buffered.
///
/// A secret that this unit does not manage is [`ToolError::NotFound`]. `secret-set` would accept
/// it, and the unit's agent would try for four minutes to store it before it fails the hook.
pub fn set(id: &str, content: &Content, attributes: &Attributes<'_>) -> Result<(), SecretError> {
    let _: BTreeMap<String, Info> = tool::json("secret-info-get", &[id])?;
    let files = Files::write(content)?;
    let mut arguments = vec![id.to_owned()];
    arguments.extend(attributes.arguments());
    arguments.extend(files.arguments());
    tool::run("secret-set", &arguments)?;
    Ok(())
}

/// Reads a secret by its URI.
pub fn get(id: &str, which: Which) -> Result<Content, ToolError> {
    read(&[id], which)
}

/// Reads a secret by its label.
pub fn get_by_label(label: &str, which: Which) -> Result<Content, ToolError> {
    read(&[&format!("--label={label}")], which)
}

/// Reads a secret by its URI and gives it a label of this unit's own.
pub fn get_and_label(id: &str, label: &str, which: Which) -> Result<Content, ToolError> {
    read(&[id, &format!("--label={label}")], which)
}

fn read(name: &[&str], which: Which) -> Result<Content, ToolError> {
    let mut arguments = match which {
        Which::Pinned => Vec::new(),
        Which::Peek => vec!["--peek"],
        Which::Refresh => vec!["--refresh"],
    };
    arguments.push("--format=json");
    arguments.extend(name);
    let printed = Zeroizing::new(tool::read("secret-get", &arguments)?);
    serde_json::from_slice(&printed)
        .map_err(|source| ToolError::Output { tool: "secret-get".into(), source })
}

/// Metadata of the secret with a label that this unit owns.
pub fn info_by_label(label: &str) -> Result<(String, Info), ToolError> {
    let label_flag = format!("--label={label}");
    let all: BTreeMap<String, Info> = tool::json("secret-info-get", &[&label_flag])?;
    all.into_iter().next().ok_or_else(|| ToolError::NotFound {
        tool: "secret-info-get".into(),
        message: format!("secret {label:?} not found"),
    })
}

/// Ids of the secrets that this application owns, without `secret:`, in no order.
pub fn ids() -> Result<Vec<String>, ToolError> {
    tool::json("secret-ids", &[])
}

/// Lets the application at the other side of a relation read a secret, or one
/// unit of it. Buffered.
pub fn grant(id: &str, relation: &Relation, unit: Option<&str>) -> Result<(), ToolError> {
    change_access("secret-grant", id, relation, unit)
}

/// Takes it back. A unit that may read because its application may keeps reading. Buffered.
pub fn revoke(id: &str, relation: &Relation, unit: Option<&str>) -> Result<(), ToolError> {
    change_access("secret-revoke", id, relation, unit)
}

fn change_access(
    tool: &str,
    id: &str,
    relation: &Relation,
    unit: Option<&str>,
) -> Result<(), ToolError> {
    let mut arguments = vec![format!("--relation={}", relation.id())];
    arguments.extend(unit.map(|unit| format!("--unit={unit}")));
    arguments.push(id.to_owned());
    tool::run(tool, &arguments).map(drop)
}

/// Removes a revision, or the whole secret. Buffered; never together with
/// [`set`] of the same secret in one hook.
pub fn remove(id: &str, revision: Option<u64>) -> Result<(), ToolError> {
    let mut arguments = vec![id.to_owned()];
    arguments.extend(revision.map(|revision| format!("--revision={revision}")));
    tool::run("secret-remove", &arguments).map(drop)
}

/// Why a secret could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The tool refused.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The private files could not be written.
    #[error("private files for a secret: {0}")]
    Files(#[from] std::io::Error),
    /// A key that Juju does not take.
    #[error("secret key {0:?}: expected three or more of a-z, 0-9 and inner hyphens")]
    Key(String),
}

/// The values in files that only this user may read.
struct Files {
    directory: tempfile::TempDir,
    keys: Vec<(String, usize)>,
}

impl Files {
    fn write(content: &Content) -> Result<Self, SecretError> {
        if let Some(key) = content.keys().find(|key| !is_key(key)) {
            return Err(SecretError::Key(key.clone()));
        }
        // In memory where there is such a place, so that nothing reaches a disk.
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let directory = tempfile::Builder::new()
            .prefix("juju-secret-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .tempdir_in(&place)
            .or_else(|_| tempfile::Builder::new().prefix("juju-secret-").tempdir())?;
        let mut files = Self { directory, keys: Vec::new() };
        for (key, value) in content {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(files.directory.path().join(key))?;
            // Noted first, so that it is wiped even if writing fails.
            files.keys.push((key.clone(), value.expose().len()));
            file.write_all(value.expose().as_bytes())?;
        }
        Ok(files)
    }

    fn arguments(&self) -> Vec<String> {
        let path = |key: &str| self.directory.path().join(key).display().to_string();
        self.keys.iter().map(|(key, _)| format!("{key}#file={}", path(key))).collect()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for (key, length) in &self.keys {
            let mut zeros = vec![0_u8; *length];
            // What cannot be overwritten is removed all the same.
            if let Ok(mut file) =
                OpenOptions::new().write(true).open(self.directory.path().join(key))
            {
                let _ = file.write_all(&zeros);
            }
            zeros.zeroize();
        }
    }
}

/// Juju's rule: `^[a-z](-?[a-z0-9]){2,}$`.
fn is_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && !key.contains("--")
        && !key.ends_with('-')
        && bytes.iter().filter(|b| **b != b'-').count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_juju_takes() {
        for key in ["abc", "a-b-c", "tls-crt", "a1b2"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "ab", "a-b", "Abc", "1ab", "a_bc", "a--bc", "abc-", "tls.crt"] {
            assert!(!is_key(key), "{key}");
        }
    }

    #[test]
    fn secret_value_does_not_print() {
        assert_eq!(format!("{:?}", Value::new("hunter2")), "Value(..)");
    }

    #[test]
    fn values_are_in_private_files_that_go() {
        use std::os::unix::fs::PermissionsExt as _;
        let content: Content = [("password".to_owned(), Value::new("hunter2"))].into();
        let files = Files::write(&content).unwrap();
        let [argument] = files.arguments().try_into().unwrap();
        assert!(!argument.contains("hunter2"));
        let path = PathBuf::from(argument.split_once("#file=").unwrap().1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "hunter2");
        let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        drop(files);
        assert!(!path.exists() && !path.parent().unwrap().exists());
    }
}
