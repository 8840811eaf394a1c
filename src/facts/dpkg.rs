//! The packages of an image: the list that rocks carry, or dpkg's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The list that a rock carries: its `os-release`, then a line a package.
const OF_ROCK: &str = "usr/share/rocks/dpkg.query";
/// dpkg's own.
const OF_DPKG: &str = "var/lib/dpkg/status";
const OS_RELEASE: [&str; 2] = ["usr/lib/os-release", "etc/os-release"];

/// Paths that are read of an image's layers.
pub const FILES: [&str; 4] = [OF_ROCK, OF_DPKG, OS_RELEASE[0], OS_RELEASE[1]];

/// What is in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Packages {
    /// Distribution and version, for example `ubuntu` and `24.04`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<(String, String)>,
    /// The packages, by name.
    pub packages: Vec<Package>,
}

/// A Debian package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The source package, which advisories name.
    pub source: String,
    /// Version of that.
    pub source_version: String,
}

impl Packages {
    /// What these files tell, by their paths; `None` if there is no list among them.
    pub fn of(files: &BTreeMap<String, Vec<u8>>) -> Option<Self> {
        let text = |path: &str| Some(String::from_utf8_lossy(files.get(path)?));
        let mut found = match (text(OF_ROCK), text(OF_DPKG)) {
            (Some(list), _) => Self::of_rock(&list),
            (None, Some(list)) => Self::of_dpkg(&list),
            (None, None) => return None,
        };
        if found.base.is_none() {
            let release = OS_RELEASE.iter().find_map(|path| text(path));
            found.base = release.and_then(|text| base(&text));
        }
        found.packages.sort();
        found.packages.dedup();
        Some(found)
    }

    fn of_rock(list: &str) -> Self {
        let (release, rows) = list.split_once("# dpkg-query").unwrap_or(("", list));
        let package = |line: &str| {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let [state, name, version, source, source_version] = fields[..] else {
                return None;
            };
            // The second letter of the state: what is there now.
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
            // `glibc (2.35-1)` where the source has another version than the package.
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
    fn a_rock_s_list_is_read() {
        let list = "# os-release\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nID=ubuntu\nVERSION_ID=\"22.04\"\n# dpkg-query\n\
            ii ,libc6:amd64,2.35-0ubuntu3.8,glibc,2.35-0ubuntu3.8\nrc ,gone,1,gone,1\nbroken\n\
            ii ,zlib1g,1:1.2.11.dfsg-2ubuntu9.2,zlib,1:1.2.11.dfsg-2ubuntu9.2\n";
        let found = of(OF_ROCK, list).unwrap();
        assert_eq!(found.base, Some(("ubuntu".into(), "22.04".into())));
        let names: Vec<_> =
            found.packages.iter().map(|p| (p.name.as_str(), p.source.as_str())).collect();
        assert_eq!(names, [("libc6", "glibc"), ("zlib1g", "zlib")]);
        assert_eq!(found.packages[1].version, "1:1.2.11.dfsg-2ubuntu9.2");
    }

    #[test]
    fn dpkg_s_own_list_is_read_where_there_is_no_other() {
        let status = "Package: libc-bin\nStatus: install ok installed\nSource: glibc (2.36-9)\nVersion: 2.36-9+b1\n\n\
            Package: left\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: bash\nStatus: install ok installed\nVersion: 5.2\n";
        let files = BTreeMap::from([
            (OF_DPKG.to_owned(), status.into()),
            ("etc/os-release".to_owned(), b"ID=debian\nVERSION_ID=12\n".to_vec()),
        ]);
        let found = Packages::of(&files).unwrap();
        assert_eq!(found.base, Some(("debian".into(), "12".into())));
        assert_eq!(found.packages.len(), 2);
        assert_eq!(found.packages[1].source_version, "2.36-9");
        assert_eq!(of("etc/os-release", "ID=ubuntu"), None);
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(text in "[a-zA-Z:=,# \n\"()-]{0,200}") {
            let _ = of(OF_ROCK, &text);
            let _ = of(OF_DPKG, &text);
        }
    }
}
