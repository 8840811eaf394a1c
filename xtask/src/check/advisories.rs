//! Known advisories of what is built, by a copy of RustSec's database.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustsec::advisory::Date;
use rustsec::{Database, Lockfile, Report};

use super::rules::Rules;
use crate::run::root;

const NO_DATABASE: &str = "no copy of RustSec's advisory database; clone its repository \
    advisory-db into ~/.cargo/advisory-db, or pass --advisory-db DIR or ADVISORY_DB";

/// Checks the lock file. Without a database the step is skipped, unless it was asked for by name.
pub fn check(folder: Option<PathBuf>, is_required: bool) -> anyhow::Result<()> {
    let is_required = is_required || folder.is_some();
    let folder = folder
        .or_else(|| std::env::var_os("ADVISORY_DB").map(PathBuf::from))
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo/advisory-db")))
        .filter(|folder| folder.join("crates").is_dir());
    let folder = match folder {
        Some(folder) => folder,
        None if is_required => bail!(NO_DATABASE),
        None => {
            eprintln!("warning: advisories not checked: {NO_DATABASE}");
            return Ok(());
        }
    };
    let accepted = Rules::read()?.accepted;
    let (report, day) = report(&folder, &root().join("Cargo.lock"))?;
    eprintln!("RustSec's database of {day}: {} vulnerabilities", report.vulnerabilities.count);
    let found = report.vulnerabilities.list.iter();
    for (id, reason) in &accepted {
        eprintln!("accepted: {id}: {reason}");
    }
    let open: Vec<String> = found
        .filter(|found| !accepted.iter().any(|(id, _)| id == found.advisory.id.as_str()))
        .map(|found| {
            let (package, advisory) = (&found.package, &found.advisory);
            format!("{} {}: {} {}", package.name, package.version, advisory.id, advisory.title)
        })
        .collect();
    for (kind, warnings) in &report.warnings {
        for warning in warnings {
            let id =
                warning.advisory.as_ref().map_or(String::new(), |advisory| advisory.id.to_string());
            let package = &warning.package;
            eprintln!("warning: {} {} is {kind:?} {id}", package.name, package.version);
        }
    }
    match open.is_empty() {
        true => Ok(()),
        false => bail!("{}", open.join("\n")),
    }
}

/// What the database says of a lock file, and the day of its newest advisory.
fn report(folder: &Path, lock_file: &Path) -> anyhow::Result<(Report, Date)> {
    let database = Database::open(folder)
        .with_context(|| format!("advisory database {}", folder.display()))?;
    let lock_file =
        Lockfile::load(lock_file).with_context(|| format!("lock file {}", lock_file.display()))?;
    let newest = database.iter().map(|advisory| &advisory.metadata.date).max();
    let day = newest.context("the advisory database is empty")?.clone();
    Ok((Report::generate(&database, &lock_file, &Default::default()), day))
}
