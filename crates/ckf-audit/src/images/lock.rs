//! `rocks.lock`: the images of a platform, for comparing it or another one with them later.

use serde::{Deserialize, Serialize};

use super::{Inventory, Place, Row};

/// Version of the lock format.
const VERSION: u32 = 1;

/// An invalid lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not YAML, or not in this format.
    #[error("not a lock written by `rocks --lock`: {0}")]
    Form(#[from] serde_yaml::Error),
    /// Unsupported format version.
    #[error("lock version {0} is not supported, expected version {VERSION}")]
    Version(u32),
}

/// Images that a platform is expected to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lock {
    /// Format version.
    version: u32,
    /// Images, sorted by application and place.
    images: Vec<Locked>,
}

/// A locked image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Locked {
    /// Application name.
    pub application: String,
    /// Container, option or ConfigMap that names the image.
    pub place: String,
    /// Charm of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charm: Option<String>,
    /// Charm revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Charm resource that the image is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Requested image reference.
    pub reference: String,
    /// Running digest, `sha256:…`; none for an image that is started later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Build time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Distribution and version of its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

impl Lock {
    /// Locks the images of an inventory.
    pub fn of(inventory: &Inventory) -> Self {
        Self { version: VERSION, images: inventory.rows.iter().map(locked).collect() }
    }

    /// Parses a lock.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let versioned: Versioned = serde_yaml::from_str(text)?;
        if versioned.version != VERSION {
            return Err(LockError::Version(versioned.version));
        }
        Ok(serde_yaml::from_str(text)?)
    }

    /// The lock as YAML.
    pub fn text(&self) -> String {
        // Strings and numbers only, so this cannot fail.
        serde_yaml::to_string(self).unwrap_or_default()
    }

    /// Differences of a platform from the lock, one per line: changed, additional and missing
    /// images.
    pub fn differences(&self, inventory: &Inventory) -> Vec<String> {
        let mut lines = Vec::new();
        let current: Vec<Locked> = inventory.rows.iter().map(locked).collect();
        let mut matched = Vec::new();
        for (expected, current) in self.pairs(inventory, &current).into_iter().zip(&current) {
            let name = format!("{} {}", current.application, current.place);
            let Some(expected) = expected else {
                lines.push(format!("{name}: {} is not in the lock", current.reference));
                continue;
            };
            matched.push(expected);
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".into());
            if current.digest != expected.digest {
                let (is, be) = (text(&current.digest), text(&expected.digest));
                lines.push(format!("{name}: runs {is}, locked to {be}"));
            } else if current.reference != expected.reference {
                let (is, be) = (&current.reference, &expected.reference);
                lines.push(format!("{name}: requests {is}, locked to {be}"));
            }
            if let (Some(is), Some(be)) = (current.revision, expected.revision)
                && is != be
            {
                lines.push(format!("{name}: charm revision {is}, locked to {be}"));
            }
        }
        let missing = self.images.iter().filter(|expected| !matched.contains(expected));
        lines.extend(missing.map(|expected| {
            let Locked { application, place, reference, .. } = expected;
            format!("{application} {place}: {reference} is in the lock but not deployed")
        }));
        lines
    }

    /// The locked image of each row. An application may have several containers of one name, in
    /// different pods: the same reference belongs together first, then the same repository, and
    /// what is left of a container's name last. An option or ConfigMap may name several images,
    /// of which none replaces another.
    fn pairs(&self, inventory: &Inventory, current: &[Locked]) -> Vec<Option<&Locked>> {
        let mut pairs: Vec<Option<&Locked>> = vec![None; current.len()];
        let mut left: Vec<&Locked> = self.images.iter().collect();
        type Belongs = fn(&Row, &Locked, &Locked) -> bool;
        let passes: [Belongs; 3] = [
            |_, now, then| now.reference == then.reference,
            |row, now, then| {
                is_container(row) && repository(&now.reference) == repository(&then.reference)
            },
            |row, _, _| is_container(row),
        ];
        for belongs in passes {
            for ((row, now), pair) in inventory.rows.iter().zip(current).zip(&mut pairs) {
                let is_it = |then: &&Locked| {
                    (&then.application, &then.place) == (&now.application, &now.place)
                        && belongs(row, now, then)
                };
                if pair.is_none()
                    && let Some(index) = left.iter().position(is_it)
                {
                    *pair = Some(left.remove(index));
                }
            }
        }
        pairs
    }
}

fn is_container(row: &Row) -> bool {
    matches!(row.place, Some(Place::Container(_)))
}

/// A reference without its tag and digest.
fn repository(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

fn locked(row: &Row) -> Locked {
    Locked {
        application: row.application.clone(),
        place: row.place.as_ref().map(ToString::to_string).unwrap_or_default(),
        charm: row.charm.clone(),
        revision: row.revision,
        resource: row.resource.clone(),
        reference: row.image.clone(),
        digest: row.digest().map(str::to_owned),
        created: row.created.clone(),
        base: row.base.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(digest: &str, revision: u64) -> Inventory {
        Inventory {
            rows: vec![Row {
                application: "dex-auth".into(),
                place: Some(Place::Container("dex".into())),
                charm: Some("dex-auth".into()),
                revision: Some(revision),
                image: "registry.jujucharms.com/charm/x/oci-image@sha256:a".into(),
                running: vec![digest.to_owned()],
                ..Row::default()
            }],
        }
    }

    #[test]
    fn platform_that_differs_from_its_lock_has_differences() {
        let lock = Lock::of(&inventory("sha256:a", 612));
        assert_eq!(Lock::parse(&lock.text()).unwrap(), lock);
        assert_eq!(lock.differences(&inventory("sha256:a", 612)), [""; 0]);
        assert_eq!(
            lock.differences(&inventory("sha256:b", 650)),
            [
                "dex-auth dex: runs sha256:b, locked to sha256:a",
                "dex-auth dex: charm revision 650, locked to 612"
            ]
        );
        let nothing = lock.differences(&Inventory::default());
        assert!(nothing[0].ends_with("is in the lock but not deployed"), "{nothing:?}");
        let other = Lock::of(&Inventory::default()).differences(&inventory("sha256:a", 1));
        assert!(other[0].ends_with("is not in the lock"), "{other:?}");
    }

    #[test]
    fn containers_of_one_name_are_distinguished_by_their_images() {
        let row = |image: &str, digest: &str| Row {
            application: "knative-eventing".into(),
            place: Some(Place::Container("dispatcher".into())),
            image: image.into(),
            running: vec![digest.to_owned()],
            ..Row::default()
        };
        let both = |a: &str, b: &str| Inventory {
            rows: vec![row("docker.io/x/channel:1", a), row("docker.io/x/ping:1", b)],
        };
        let lock = Lock::of(&both("sha256:a", "sha256:b"));
        assert_eq!(lock.differences(&both("sha256:a", "sha256:b")), [""; 0]);
        assert_eq!(
            lock.differences(&both("sha256:a", "sha256:c")),
            ["knative-eventing dispatcher: runs sha256:c, locked to sha256:b"]
        );
    }

    #[test]
    fn lock_of_another_format_is_an_error() {
        for (text, part) in [
            ("version: 2\nimages: []", "version 2"),
            ("hello", "not a lock written by `rocks --lock`"),
            ("version: 1\nimages: [{application: x}]", "not a lock written by `rocks --lock`"),
        ] {
            assert!(Lock::parse(text).unwrap_err().to_string().contains(part), "{text}");
        }
    }
}
