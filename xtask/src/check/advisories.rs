//! Known advisories of what is built, by a copy of RustSec's database.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustsec::advisory::Date;
use rustsec::{Database, Lockfile, Report};

use crate::run::root;

/// Advisories that are accepted, with the reason.
const ACCEPTED: [(&str, &str); 1] = [(
    "RUSTSEC-2023-0071",
    "rsa makes keys here; nothing is decrypted or signed with it, so no timing can be observed",
)];

/// Checks the lock file. Without a database nothing is known, and that is a failure.
pub fn check(folder: Option<PathBuf>) -> anyhow::Result<()> {
    let folder = folder
        .or_else(|| std::env::var_os("ADVISORY_DB").map(PathBuf::from))
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo/advisory-db")))
        .filter(|folder| folder.join("crates").is_dir())
        .context(
            "there is no copy of RustSec's advisory database; clone its repository advisory-db \
             into ~/.cargo/advisory-db, or name a copy with --advisory-db DIR or ADVISORY_DB",
        )?;
    let (report, day) = report(&folder, &root().join("Cargo.lock"))?;
    eprintln!("RustSec's database of {day}: {} vulnerabilities", report.vulnerabilities.count);
    let found = report.vulnerabilities.list.iter();
    for (id, reason) in ACCEPTED {
        eprintln!("accepted: {id}: {reason}");
    }
    let open: Vec<String> = found
        .filter(|found| !is_accepted(found.advisory.id.as_str()))
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

fn is_accepted(id: &str) -> bool {
    ACCEPTED.iter().any(|(accepted, _)| *accepted == id)
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
