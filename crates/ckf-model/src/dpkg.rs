//! Packages of an image, from the list that rocks contain or from dpkg's status file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Package list of a rock: its `os-release`, then one line per package.
const ROCK_LIST: &str = "usr/share/rocks/dpkg.query";
/// dpkg's status file.
const DPKG_STATUS: &str = "var/lib/dpkg/status";
const OS_RELEASE: [&str; 2] = ["usr/lib/os-release", "etc/os-release"];

/// Paths to read from an image's layers.
pub const FILES: [&str; 4] = [ROCK_LIST, DPKG_STATUS, OS_RELEASE[0], OS_RELEASE[1]];

/// Operating system and packages of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Packages {
    /// `ID` and `VERSION_ID` of os-release, for example `ubuntu` and `24.04`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<(String, String)>,
    /// Installed packages, sorted by name.
    pub packages: Vec<Package>,
}

/// A Debian package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Package {
    /// Name of the binary package.
    pub name: String,
    /// Version of the binary package.
    pub version: String,
    /// Name of the source package, to which advisories refer.
    pub source: String,
    /// Version of the source package.
    pub source_version: String,
}

impl Packages {
    /// Parses files by path; `None` if none of them is a package list.
    pub fn of(files: &BTreeMap<String, Vec<u8>>) -> Option<Self> {
        let text = |path: &str| Some(String::from_utf8_lossy(files.get(path)?));
        let mut parsed = match (text(ROCK_LIST), text(DPKG_STATUS)) {
            (Some(list), _) => Self::of_rock(&list),
            (None, Some(list)) => Self::of_dpkg(&list),
            (None, None) => return None,
        };
        if parsed.base.is_none() {
            let release = OS_RELEASE.iter().find_map(|path| text(path));
            parsed.base = release.and_then(|text| base(&text));
        }
        parsed.packages.sort();
        parsed.packages.dedup();
        Some(parsed)
    }

    fn of_rock(list: &str) -> Self {
        let (release, rows) = list.split_once("# dpkg-query").unwrap_or(("", list));
        let package = |line: &str| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let [state, name, version, source, source_version] = fields[..] else {
                return None;
            };
            // The second letter of the state is the current state.
            let is_installed = state.chars().nth(1) == Some('i');
            is_installed.then(|| Package {
                name: name.split(':').next().unwrap_or(name).to_owned(),
                version: version.to_owned(),
                source: source.to_owned(),
                source_version: source_version.to_owned(),
            })
        };
        Self { base: base(release), packages: rows.lines().filter_map(package).collect() }
    }

    fn of_dpkg(list: &str) -> Self {
        let package = |paragraph: &str| {
            let field = |name: &str| {
                let mut lines = paragraph.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
            };
            if !field("Status")?.ends_with(" installed") {
                return None;
            }
            let (name, version) = (field("Package")?, field("Version")?);
            // `glibc (2.35-1)` where the versions of source and binary package differ.
            let source = field("Source").unwrap_or(name);
            let (source, source_version) =
                source.split_once(" (").map_or((source, version), |(source, version)| {
                    (source, version.trim_end_matches(')'))
                });
            Some(Package {
                name: name.to_owned(),
                version: version.to_owned(),
                source: source.to_owned(),
                source_version: source_version.to_owned(),
            })
        };
        Self { base: None, packages: list.split("\n\n").filter_map(package).collect() }
    }
}

fn base(release: &str) -> Option<(String, String)> {
    let field = |name: &str| {
        let value = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim().trim_matches('"').to_owned())
    };
    Some((field("ID")?, field("VERSION_ID")?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(path: &str, text: &str) -> Option<Packages> {
        Packages::of(&BTreeMap::from([(path.to_owned(), text.into())]))
    }

    #[test]
    fn rock_list_is_parsed() {
        let list = "# os-release\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nID=ubuntu\nVERSION_ID=\"22.04\"\n# dpkg-query\n\
            ii ,libc6:amd64,2.35-0ubuntu3.8,glibc,2.35-0ubuntu3.8\nrc ,gone,1,gone,1\nbroken\n\
            ii ,zlib1g,1:1.2.11.dfsg-2ubuntu9.2,zlib,1:1.2.11.dfsg-2ubuntu9.2\n";
        let parsed = of(ROCK_LIST, list).unwrap();
        assert_eq!(parsed.base, Some(("ubuntu".into(), "22.04".into())));
        let names: Vec<_> =
            parsed.packages.iter().map(|p| (p.name.as_str(), p.source.as_str())).collect();
        assert_eq!(names, [("libc6", "glibc"), ("zlib1g", "zlib")]);
        assert_eq!(parsed.packages[1].version, "1:1.2.11.dfsg-2ubuntu9.2");
    }

    #[test]
    fn dpkg_status_is_parsed_without_rock_list() {
        let status = "Package: libc-bin\nStatus: install ok installed\nSource: glibc (2.36-9)\nVersion: 2.36-9+b1\n\n\
            Package: left\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: bash\nStatus: install ok installed\nVersion: 5.2\n";
        let files = BTreeMap::from([
            (DPKG_STATUS.to_owned(), status.into()),
            ("etc/os-release".to_owned(), b"ID=debian\nVERSION_ID=12\n".to_vec()),
        ]);
        let parsed = Packages::of(&files).unwrap();
        assert_eq!(parsed.base, Some(("debian".into(), "12".into())));
        assert_eq!(parsed.packages.len(), 2);
        assert_eq!(parsed.packages[1].source_version, "2.36-9");
        assert_eq!(of("etc/os-release", "ID=ubuntu"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_list_does_not_panic(text in "[a-zA-Z:=,# \n\"()-]{0,200}") {
            let _ = of(ROCK_LIST, &text);
            let _ = of(DPKG_STATUS, &text);
        }
    }
}
