//! Known vulnerabilities, from OSV advisories that the operator provides.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::version;
use crate::facts::dpkg::Packages;

/// An invalid advisory.
#[derive(Debug, thiserror::Error)]
#[error("not an OSV advisory: {0}")]
pub struct AdvisoryError(#[from] serde_json::Error);

/// Advisories, by ecosystem and source package.
#[derive(Debug, Default)]
pub struct Advisories {
    by_package: BTreeMap<(String, String), Vec<Advisory>>,
    number: usize,
}

#[derive(Debug)]
struct Advisory {
    id: String,
    severity: String,
    ranges: Vec<Vec<Event>>,
    versions: Vec<String>,
}

/// A vulnerability that an image has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Vulnerable {
    /// Id of the advisory, for example `UBUNTU-CVE-2026-1234`.
    pub id: String,
    /// Severity, in the terms of the advisory's source.
    pub severity: String,
    /// Source package.
    pub package: String,
    /// Version of the source package in the image.
    pub installed: String,
    /// First fixed version; none if there is no fix yet.
    pub fixed: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<Affected>,
    #[serde(default)]
    severity: Vec<Severity>,
}

#[derive(Deserialize)]
struct Severity {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<PackageWire>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    ecosystem_specific: Specific,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Specific {
    severity: String,
    ubuntu_priority: String,
}

#[derive(Deserialize)]
struct PackageWire {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

impl Advisories {
    /// Takes an advisory, or a list of them.
    pub fn add(&mut self, text: &str) -> Result<(), AdvisoryError> {
        if text.trim_start().starts_with('[') {
            let all: Vec<Wire> = serde_json::from_str(text)?;
            all.into_iter().for_each(|one| self.take(one));
        } else {
            self.take(serde_json::from_str(text)?);
        }
        Ok(())
    }

    /// Number of advisories, without withdrawn ones.
    pub fn len(&self) -> usize {
        self.number
    }

    /// There are no advisories.
    pub fn is_empty(&self) -> bool {
        self.number == 0
    }

    fn take(&mut self, wire: Wire) {
        if wire.withdrawn.is_some() {
            return;
        }
        self.number += 1;
        let ubuntu = wire.severity.iter().find(|severity| severity.kind == "Ubuntu");
        let ubuntu = ubuntu.map(|severity| severity.score.clone()).unwrap_or_default();
        for affected in wire.affected {
            let Some(package) = affected.package else {
                continue;
            };
            let severities = [
                affected.ecosystem_specific.ubuntu_priority,
                affected.ecosystem_specific.severity,
                ubuntu.clone(),
            ];
            let severity = severities.into_iter().find(|text| !text.is_empty());
            // Other kinds of ranges list commits, or use another order of versions.
            let ranges = affected.ranges.into_iter().filter(|range| range.kind == "ECOSYSTEM");
            let advisory = Advisory {
                id: wire.id.clone(),
                severity: severity.unwrap_or_else(|| "unknown".into()).to_lowercase(),
                ranges: ranges.map(|range| range.events).collect(),
                versions: affected.versions,
            };
            let key = (package.ecosystem, package.name);
            self.by_package.entry(key).or_default().push(advisory);
        }
    }

    /// Vulnerabilities of an image by these advisories, sorted.
    pub fn of(&self, packages: &Packages) -> Vec<Vulnerable> {
        let Some((distribution, release)) = &packages.base else {
            return Vec::new();
        };
        // `Ubuntu:22.04:LTS` for Ubuntu, `Debian:12` for Debian.
        let ecosystems = match distribution.as_str() {
            "ubuntu" => vec![format!("Ubuntu:{release}:LTS"), format!("Ubuntu:{release}")],
            "debian" => vec![format!("Debian:{release}")],
            _ => Vec::new(),
        };
        let mut vulnerable = Vec::new();
        for package in &packages.packages {
            for ecosystem in &ecosystems {
                let key = (ecosystem.clone(), package.source.clone());
                for advisory in self.by_package.get(&key).into_iter().flatten() {
                    if let Some(fixed) = advisory.affects(&package.source_version) {
                        vulnerable.push(Vulnerable {
                            id: advisory.id.clone(),
                            severity: advisory.severity.clone(),
                            package: package.source.clone(),
                            installed: package.source_version.clone(),
                            fixed,
                        });
                    }
                }
            }
        }
        vulnerable.sort();
        vulnerable.dedup();
        vulnerable
    }
}

impl Advisory {
    /// The first fixed version (inner, if there is one) if this version is affected.
    fn affects(&self, installed: &str) -> Option<Option<String>> {
        let is_before = |version: &str| version::compare(installed, version) == Ordering::Less;
        for events in &self.ranges {
            let mut is_in = false;
            for event in events {
                if let Some(from) = &event.introduced {
                    is_in = from == "0" || !is_before(from);
                }
                if let Some(fixed) = event.fixed.as_ref().filter(|fixed| is_in && is_before(fixed))
                {
                    return Some(Some(fixed.clone()));
                }
                let past = |last: &String| version::compare(installed, last) == Ordering::Greater;
                if event.fixed.is_some() || event.last_affected.as_ref().is_some_and(past) {
                    is_in = false;
                }
            }
            if is_in {
                return Some(None);
            }
        }
        let is_listed = self.ranges.is_empty() && self.versions.iter().any(|v| v == installed);
        is_listed.then_some(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::dpkg::Package;

    fn image(base: (&str, &str), source: &str, version: &str) -> Packages {
        Packages {
            base: Some((base.0.into(), base.1.into())),
            packages: vec![Package {
                name: format!("lib{source}"),
                version: version.into(),
                source: source.into(),
                source_version: version.into(),
            }],
        }
    }

    const OPENSSL: &str = r#"{"schema_version": "1.7.0", "id": "UBUNTU-CVE-2026-1", "severity": [{"type": "Ubuntu", "score": "high"}],
        "affected": [
          {"package": {"ecosystem": "Ubuntu:22.04:LTS", "name": "openssl"}, "ranges": [{"type": "ECOSYSTEM",
            "events": [{"introduced": "0"}, {"fixed": "3.0.2-0ubuntu1.19"}]}]},
          {"package": {"ecosystem": "Ubuntu:24.04:LTS", "name": "openssl"}, "ranges": [{"type": "ECOSYSTEM",
            "events": [{"introduced": "3.0.10-1"}]}]},
          {"package": {"ecosystem": "Debian:12", "name": "openssl"}, "versions": ["3.0.15-1"]}]}"#;

    #[test]
    fn image_below_the_fix_of_its_release_is_vulnerable() {
        let mut advisories = Advisories::default();
        advisories.add(OPENSSL).unwrap();
        advisories.add(r#"[{"id": "X", "withdrawn": "2026-01-01T00:00:00Z"}]"#).unwrap();
        assert_eq!(advisories.len(), 1);
        let vulnerable = advisories.of(&image(("ubuntu", "22.04"), "openssl", "3.0.2-0ubuntu1.9"));
        assert_eq!(vulnerable.len(), 1);
        assert_eq!(
            (vulnerable[0].severity.as_str(), vulnerable[0].fixed.as_deref()),
            ("high", Some("3.0.2-0ubuntu1.19"))
        );
        assert_eq!(
            advisories.of(&image(("ubuntu", "24.04"), "openssl", "3.0.13-0ubuntu3")).len(),
            1
        );
        assert_eq!(advisories.of(&image(("debian", "12"), "openssl", "3.0.15-1")).len(), 1);
        for (base, version) in [
            (("ubuntu", "22.04"), "3.0.2-0ubuntu1.19"),
            (("ubuntu", "24.04"), "3.0.9-1"),
            (("debian", "12"), "3.0.16-1"),
            (("fedora", "40"), "1"),
        ] {
            assert_eq!(advisories.of(&image(base, "openssl", version)), [], "{base:?} {version}");
        }
        assert!(advisories.add("{}").is_err());
    }
}
