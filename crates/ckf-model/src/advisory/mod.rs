//! Published vulnerabilities of the platform's own parts, as a dated table of advisories in OSV's format.

mod range;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use self::range::{Event, Remedied, VersionRange, release_numbers};

/// A table that cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is not a table of advisories.
    #[error("not a table of advisories: {0}")]
    Form(#[from] serde_json::Error),
    /// An advisory is not usable.
    #[error("advisory {id:?}: {what}")]
    Advisory {
        /// Its id.
        id: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Advisories, and what was read to write them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdvisoryTable {
    /// When it was last compared with its sources.
    pub reviewed: Date,
    /// Until when it may be relied on.
    pub review_by: Date,
    /// What was read.
    pub sources: Vec<TableSource>,
    /// Lines of releases, `major.minor`, that the sources were read for, by package; an empty list
    /// stands for every line.
    pub covers: BTreeMap<String, Vec<String>>,
    /// The advisories.
    pub advisories: Vec<Advisory>,
}

/// A source of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSource {
    /// Its name.
    pub name: String,
    /// Its commit; empty if it has none.
    pub revision: String,
    /// How old what was read is.
    pub date: Date,
}

/// An advisory, as far as it is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    /// Id.
    pub id: String,
    /// Other ids of the same vulnerability.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// When this entry was last changed, RFC 3339.
    #[serde(default)]
    pub modified: String,
    /// When it was withdrawn; it then counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// What it is.
    #[serde(default)]
    pub summary: String,
    /// What it affects.
    pub affected: Vec<Affected>,
    /// Its severity.
    #[serde(default)]
    pub database_specific: Rating,
    /// Where it is published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
}

/// Severity of an advisory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// `CRITICAL`, `HIGH`, `MEDIUM` (or `MODERATE`), `LOW`; anything else is unknown.
    #[serde(default)]
    pub severity: String,
}

/// A published page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is, for example `ADVISORY`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its address.
    pub url: String,
}

/// A package that an advisory affects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Affected {
    /// The package.
    pub package: Package,
    /// Its affected versions.
    #[serde(default)]
    pub ranges: Vec<VersionRange>,
    /// Which images have the affected code.
    #[serde(default)]
    pub ecosystem_specific: Carriers,
}

/// A package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// OSV's name of where it is from.
    pub ecosystem: String,
    /// Its name there.
    pub name: String,
}

/// Images that have a package's affected code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carriers {
    /// Ends of their repositories.
    #[serde(default)]
    pub images: Vec<String>,
}

impl Affected {
    /// How this version is left, if it is affected; None if it is not.
    pub fn remedy(&self, version: &[u64]) -> Option<Remedied> {
        self.ranges.iter().find_map(|range| range.remedy(version))
    }
}

impl Advisory {
    /// Its names: the id, then the aliases.
    pub fn names(&self) -> String {
        match &self.aliases[..] {
            [] => self.id.clone(),
            aliases => format!("{} ({})", self.id, aliases.join(", ")),
        }
    }

    /// It is to be fixed soon: critical, high, or of unknown severity.
    pub fn is_severe(&self) -> bool {
        !matches!(&*self.severity(), "medium" | "moderate" | "low")
    }

    /// Its severity, in lower case.
    pub fn severity(&self) -> String {
        self.database_specific.severity.to_ascii_lowercase()
    }
}

impl AdvisoryTable {
    /// Parses a table, and checks it.
    pub fn parse(json: &str) -> Result<Self, TableError> {
        let table: Self = serde_json::from_str(json)?;
        table.check()?;
        Ok(table)
    }

    /// Checks it: what is not understood must not count as not affected.
    pub fn check(&self) -> Result<(), TableError> {
        let mut ids = BTreeSet::new();
        for advisory in &self.advisories {
            let wrong = |what: &str| {
                let (id, what) = (advisory.id.clone(), what.to_owned());
                Err(TableError::Advisory { id, what })
            };
            if advisory.id.is_empty() || !ids.insert(&advisory.id) {
                return wrong("its id is empty, or another's");
            }
            for affected in &advisory.affected {
                if !self.covers.contains_key(&affected.package.name) {
                    return wrong("covers does not name its package");
                }
                if affected.ranges.is_empty() {
                    return wrong("it has no range of versions");
                }
                for range in &affected.ranges {
                    if !matches!(range.kind.as_str(), "ECOSYSTEM" | "SEMVER") {
                        return wrong("its range is neither ECOSYSTEM nor SEMVER");
                    }
                    if range.problem() {
                        return wrong("its events are not versions, oldest first");
                    }
                }
            }
        }
        Ok(())
    }

    /// Advisories on a package, without withdrawn ones.
    pub fn of<'a>(
        &'a self,
        package: &'a str,
    ) -> impl Iterator<Item = (&'a Advisory, &'a Affected)> {
        let valid = self.advisories.iter().filter(|advisory| advisory.withdrawn.is_none());
        valid.flat_map(move |advisory| {
            let affected = advisory.affected.iter().filter(move |it| it.package.name == package);
            affected.map(move |affected| (advisory, affected))
        })
    }

    /// The sources were read for the line of releases that a version is of.
    pub fn covers(&self, package: &str, version: &[u64]) -> bool {
        let lines = self.covers.get(package);
        lines.is_some_and(|lines| {
            let is_of = |line: &String| {
                release_numbers(line).is_some_and(|line| version.starts_with(&line))
            };
            lines.is_empty() || lines.iter().any(is_of)
        })
    }
}

#[cfg(test)]
mod tests;
