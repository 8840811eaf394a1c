//! `rocks.lock`: what a platform runs, written down, to hold it or another one to it.

use serde::{Deserialize, Serialize};

use super::{Inventory, Place, Row};

/// The form of a lock, and its version.
const VERSION: u32 = 1;

/// What is wrong with a lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not YAML, or not of this form.
    #[error("it is not what `rocks --lock` writes: {0}")]
    Form(#[from] serde_yaml::Error),
    /// Of another version.
    #[error("it is of version {0}, and this program knows {VERSION}")]
    Version(u32),
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lock {
    /// Version of its form.
    version: u32,
    /// The images, by application and container.
    images: Vec<Locked>,
}

/// An image that is meant to run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Locked {
    /// The application.
    pub application: String,
    /// The container, option or ConfigMap.
    pub place: String,
    /// Its charm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charm: Option<String>,
    /// Revision of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The charm's resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Image as it is asked for.
    pub reference: String,
    /// What runs, `sha256:…`; none for what is started later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When it was built, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

impl Lock {
    /// A lock of what runs now.
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

    /// The text of it.
    pub fn text(&self) -> String {
        // Strings and numbers only, so this cannot fail.
        serde_yaml::to_string(self).unwrap_or_default()
    }

    /// How a platform differs from it, a line each: what runs otherwise, what runs beside it,
    /// and what does not run.
    pub fn differences(&self, inventory: &Inventory) -> Vec<String> {
        let mut lines = Vec::new();
        let of_row = |row: &Row| {
            let own = locked(row);
            let is_it = |wanted: &&Locked| {
                (&wanted.application, &wanted.place) == (&own.application, &own.place)
                    // An option or ConfigMap may name several.
                    && (matches!(row.place, Some(Place::Container(_))) || wanted.reference == own.reference)
            };
            (self.images.iter().find(is_it), own)
        };
        let mut found = Vec::new();
        for row in &inventory.rows {
            let (wanted, own) = of_row(row);
            let name = format!("{} {}", own.application, own.place);
            let Some(wanted) = wanted else {
                lines.push(format!("{name}: {} is not in the lock", own.reference));
                continue;
            };
            found.push(wanted);
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".into());
            if own.digest != wanted.digest {
                let (is, be) = (text(&own.digest), text(&wanted.digest));
                lines.push(format!("{name}: runs {is}, and the lock says {be}"));
            } else if own.reference != wanted.reference {
                let (is, be) = (&own.reference, &wanted.reference);
                lines.push(format!("{name}: asks for {is}, and the lock says {be}"));
            }
            if let (Some(is), Some(be)) = (own.revision, wanted.revision)
                && is != be
            {
                lines.push(format!("{name}: charm revision {is}, and the lock says {be}"));
            }
        }
        let missing = self.images.iter().filter(|wanted| !found.contains(wanted));
        lines.extend(missing.map(|wanted| {
            let Locked { application, place, reference, .. } = wanted;
            format!("{application} {place}: {reference} is in the lock and is not there")
        }));
        lines
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
    fn a_platform_is_held_to_its_lock() {
        let lock = Lock::of(&inventory("sha256:a", 612));
        assert_eq!(Lock::parse(&lock.text()).unwrap(), lock);
        assert_eq!(lock.differences(&inventory("sha256:a", 612)), [""; 0]);
        assert_eq!(
            lock.differences(&inventory("sha256:b", 650)),
            [
                "dex-auth dex: runs sha256:b, and the lock says sha256:a",
                "dex-auth dex: charm revision 650, and the lock says 612"
            ]
        );
        let nothing = lock.differences(&Inventory::default());
        assert!(nothing[0].ends_with("is in the lock and is not there"), "{nothing:?}");
        let other = Lock::of(&Inventory::default()).differences(&inventory("sha256:a", 1));
        assert!(other[0].ends_with("is not in the lock"), "{other:?}");
    }

    #[test]
    fn what_is_no_lock_is_told() {
        for (text, part) in [
            ("version: 2\nimages: []", "version 2"),
            ("hello", "not what `rocks --lock` writes"),
            ("version: 1\nimages: [{application: x}]", "not what `rocks --lock` writes"),
        ] {
            assert!(Lock::parse(text).unwrap_err().to_string().contains(part), "{text}");
        }
    }
}
