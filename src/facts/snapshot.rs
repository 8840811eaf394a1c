//! Snapshots: facts saved to a directory, for audits at another time or place.

use std::io;
use std::path::Path;

use serde_json::value::RawValue;

use super::Facts;
use super::known::Known;
use crate::files;
use ckf_model::with_kinds;

/// Errors of writing or reading a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file could not be opened, read or written.
    #[error("snapshot file {path}: {source}")]
    File {
        /// Path of the file.
        path: String,
        /// Cause.
        source: io::Error,
    },
    /// The file is not what `collect` writes.
    #[error("snapshot file {path}: expected what `ckf-hardening collect` writes: {source}")]
    Content {
        /// Path of the file.
        path: String,
        /// Parse error, with line and column.
        source: serde_json::Error,
    },
}

/// Largest accepted file of a snapshot, in bytes.
const LARGEST_FILE: u64 = 2 << 30;

/// Writes one file per kind into a directory, which is created if missing. Only the owner can
/// read them; symbolic links are not followed.
pub fn write(facts: &Facts, directory: &Path) -> Result<(), SnapshotError> {
    let file_error = |path: &Path| {
        let path = path.display().to_string();
        move |source| SnapshotError::File { path, source }
    };
    files::make_directory(directory).map_err(file_error(directory))?;
    let put = |name: &str, value: &dyn erased::Write| {
        let path = directory.join(format!("{name}.json"));
        files::write(&path, value.json().as_bytes()).map_err(file_error(&path))
    };
    put("about", &facts.about)?;
    if !facts.origin.is_empty() {
        put("origin", &facts.origin)?;
    }
    put("version", &facts.version)?;
    put("access", &facts.access)?;
    let mut juju = facts.juju.clone();
    if let Known::Known(juju) = &mut juju {
        juju.clear_comparisons();
    }
    put("juju", &juju)?;
    put("handshake", &facts.handshake)?;
    put("webhook_servers", &facts.webhook_servers)?;
    put("all_config_maps", &facts.all_config_maps)?;
    put("rotated", &facts.rotated)?;
    put("rocks", &facts.rocks)?;
    put("charmhub", &facts.charmhub)?;
    put("telemetry", &facts.telemetry)?;
    put("ledger", &facts.ledger)?;
    if !facts.others.is_empty() {
        put("others", &facts.others)?;
    }
    macro_rules! put_all {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
            $(put(stringify!($field), &facts.$field)?;)*
        };
    }
    with_kinds!(put_all);
    Ok(())
}

mod erased {
    /// Anything that can be written as JSON.
    pub trait Write {
        /// The JSON text, with a newline at the end.
        fn json(&self) -> String;
    }

    impl<T: serde::Serialize> Write for T {
        fn json(&self) -> String {
            // Facts have string keys only, so this cannot fail.
            let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
            text.push('\n');
            text
        }
    }
}

/// Reads a snapshot. A kind without a file counts as not collected; a kind with a damaged file
/// is unknown and is listed in the returned problems.
pub fn read(directory: &Path) -> Result<(Facts, Vec<SnapshotError>), SnapshotError> {
    let mut problems = Vec::new();
    let about = directory.join("about.json");
    let read = files::read_own(&about, LARGEST_FILE);
    let text =
        read.map_err(|source| SnapshotError::File { path: about.display().to_string(), source })?;
    let mut facts = Facts {
        about: serde_json::from_str(&text).map_err(|source| SnapshotError::Content {
            path: about.display().to_string(),
            source,
        })?,
        ..Facts::default()
    };
    load(directory, "version", &mut facts.version, &mut problems);
    load(directory, "access", &mut facts.access, &mut problems);
    load(directory, "juju", &mut facts.juju, &mut problems);
    load(directory, "handshake", &mut facts.handshake, &mut problems);
    load(directory, "webhook_servers", &mut facts.webhook_servers, &mut problems);
    load(directory, "all_config_maps", &mut facts.all_config_maps, &mut problems);
    load(directory, "rotated", &mut facts.rotated, &mut problems);
    load(directory, "rocks", &mut facts.rocks, &mut problems);
    load(directory, "charmhub", &mut facts.charmhub, &mut problems);
    load(directory, "telemetry", &mut facts.telemetry, &mut problems);
    load(directory, "ledger", &mut facts.ledger, &mut problems);
    match load_file(directory, "origin") {
        Ok(origin) => facts.origin = origin.unwrap_or_default(),
        Err(problem) => problems.push(problem),
    }
    match load_file(directory, "others") {
        Ok(others) => facts.others = others.unwrap_or_default(),
        Err(problem) => problems.push(problem),
    }
    macro_rules! load_all {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
            $(load(directory, stringify!($field), &mut facts.$field, &mut problems);)*
        };
    }
    with_kinds!(load_all);
    Ok((facts, problems))
}

fn load<T: serde::de::DeserializeOwned>(
    directory: &Path,
    name: &str,
    into: &mut super::known::Known<T>,
    problems: &mut Vec<SnapshotError>,
) {
    match load_file(directory, name) {
        Ok(None) => {}
        Ok(Some(fact)) => *into = fact,
        Err(problem) => {
            let why = super::known::Unknown::Failed(problem.to_string());
            *into = super::known::Known::Unknown(why);
            problems.push(problem);
        }
    }
}

/// A file of the snapshot; `None` if it is missing.
fn load_file<T: serde::de::DeserializeOwned>(
    directory: &Path,
    name: &str,
) -> Result<Option<T>, SnapshotError> {
    let path = directory.join(format!("{name}.json"));
    let shown = path.display().to_string();
    let text = match files::read_own(&path, LARGEST_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SnapshotError::File { path: shown, source }),
        Ok(text) => text,
    };
    let raw = serde_json::from_str::<&RawValue>(&text);
    raw.and_then(|raw| serde_json::from_str(raw.get()))
        .map(Some)
        .map_err(|source| SnapshotError::Content { path: shown, source })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn snapshot_is_private_and_follows_no_symlink() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("snapshot");
        write(&Facts::default(), &directory).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        // A symlink planted in the directory, to another user's file.
        let victim = folder.path().join("victim");
        fs::write(&victim, "as it was").unwrap();
        let secrets = directory.join("secrets.json");
        fs::remove_file(&secrets).unwrap();
        symlink(&victim, &secrets).unwrap();
        let why = write(&Facts::default(), &directory).unwrap_err().to_string();
        assert!(why.contains("secrets.json") && why.contains("symbolic link"), "{why}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "as it was");
        let (_, problems) = read(&directory).unwrap();
        assert!(problems.iter().any(|why| why.to_string().contains("symbolic link")));
        let link = folder.path().join("link");
        symlink(&directory, &link).unwrap();
        assert!(write(&Facts::default(), &link).is_err());
    }

    #[test]
    fn deeply_nested_file_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        write(&Facts::default(), folder.path()).unwrap();
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        fs::write(folder.path().join("pods.json"), deep).unwrap();
        let (facts, problems) = read(folder.path()).unwrap();
        assert!(matches!(facts.pods, Known::Unknown(_)));
        assert!(problems[0].to_string().contains("pods.json: expected what"), "{}", problems[0]);
    }
}
