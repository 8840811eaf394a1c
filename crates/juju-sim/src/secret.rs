//! Secrets as the model holds them: revisions, grants and who has read what.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _};

/// Who owns a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An application; its leader manages the secret.
    Application(String),
    /// A unit.
    Unit(String),
    /// A user of the model; no charm manages the secret.
    Model,
}

impl Owner {
    /// Whether it is a unit, or the unit's application.
    pub fn is_of(&self, unit: &str) -> bool {
        match self {
            Self::Application(name) => name == application(unit),
            Self::Unit(name) => name == unit,
            Self::Model => false,
        }
    }
}

/// How often a secret is to be given new content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotate {
    /// Never.
    #[default]
    Never,
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
    /// Each month.
    Monthly,
    /// Each quarter of a year.
    Quarterly,
    /// Each year.
    Yearly,
}

impl Rotate {
    const NAMES: [(Self, &'static str); 7] = [
        (Self::Never, "never"),
        (Self::Hourly, "hourly"),
        (Self::Daily, "daily"),
        (Self::Weekly, "weekly"),
        (Self::Monthly, "monthly"),
        (Self::Quarterly, "quarterly"),
        (Self::Yearly, "yearly"),
    ];

    /// The policy of a name.
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::NAMES.into_iter().find(|(_, known)| *known == name);
        found.map(|(policy, _)| policy)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.into_iter().find(|(policy, _)| *policy == self);
        found.map_or("never", |(_, name)| name)
    }

    /// When it is due after a time.
    pub fn after(self, time: Timestamp) -> Option<Timestamp> {
        let months = match self {
            Self::Never => return None,
            Self::Hourly => return time.checked_add(1.hour()).ok(),
            Self::Daily => return time.checked_add(24.hours()).ok(),
            Self::Weekly => return time.checked_add((7 * 24).hours()).ok(),
            Self::Monthly => 1,
            Self::Quarterly => 3,
            Self::Yearly => 12,
        };
        let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
        let due = zoned.checked_add(months.months()).ok()?;
        Some(due.timestamp())
    }
}

/// Values of a revision, in base64 as they are stored.
pub type Content = BTreeMap<String, String>;

/// Leave to read a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The relation that it is tied to; a user's grant is tied to none.
    pub relation: Option<u32>,
    /// An application, or a unit.
    pub to: String,
}

/// A unit that has read a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Its own label of the secret.
    pub label: String,
    /// The revision that it keeps reading.
    pub revision: u32,
    /// The latest revision that it was notified of.
    pub notified: u32,
}

/// A secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Twenty characters.
    pub id: String,
    /// Owner.
    pub owner: Owner,
    /// The owner's label.
    pub label: String,
    /// Description.
    pub description: String,
    /// Rotation policy, if one was ever set.
    pub rotate: Option<Rotate>,
    /// When `secret-rotate` is due.
    pub rotates: Option<Timestamp>,
    /// When `secret-expired` is due for the latest revision.
    pub expires: Option<Timestamp>,
    /// When `secret-expired` was last fired for it.
    pub expired: Option<Timestamp>,
    /// Content by revision.
    pub revisions: BTreeMap<u32, Content>,
    /// Revisions whose `secret-remove` was fired.
    pub offered: BTreeSet<u32>,
    /// Who may read it beside its owner.
    pub grants: Vec<Grant>,
    /// Who has read it.
    pub consumers: BTreeMap<String, Consumer>,
    /// Whether it was removed, and stays readable until the controller gets to it.
    pub removed: bool,
}

impl Secret {
    /// A secret with one revision.
    pub fn new(id: &str, owner: Owner, content: Content) -> Self {
        Self {
            id: id.into(),
            owner,
            label: String::new(),
            description: String::new(),
            rotate: None,
            rotates: None,
            expires: None,
            expired: None,
            revisions: [(1, content)].into(),
            offered: BTreeSet::new(),
            grants: Vec::new(),
            consumers: BTreeMap::new(),
            removed: false,
        }
    }

    /// The number of its latest revision.
    pub fn latest(&self) -> u32 {
        self.revisions.keys().next_back().copied().unwrap_or(0)
    }

    /// Whether a unit may change it.
    pub fn is_managed_by(&self, unit: &str, leader: bool) -> bool {
        match &self.owner {
            Owner::Application(name) => leader && name == application(unit),
            Owner::Unit(name) => name == unit,
            Owner::Model => false,
        }
    }

    /// Whether a unit may read it.
    pub fn is_readable_by(&self, unit: &str) -> bool {
        self.owner.is_of(unit) || self.is_granted_to(unit)
    }

    /// Whether a unit has leave to read it, by itself or by its application.
    pub fn is_granted_to(&self, unit: &str) -> bool {
        self.grants.iter().any(|g| g.to == unit || g.to == application(unit))
    }

    /// Adds a revision, unless its content is that of the latest.
    pub fn revise(&mut self, content: Content, now: Timestamp) {
        if self.revisions.values().next_back() == Some(&content) {
            return;
        }
        let next = self.latest() + 1;
        self.revisions.insert(next, content);
        // Each revision has a time of its own.
        (self.expires, self.expired) = (None, None);
        self.rotates = self.rotate.and_then(|policy| policy.after(now));
    }
}

/// The application of a unit.
pub fn application(unit: &str) -> &str {
    unit.split('/').next().unwrap_or(unit)
}

/// The id in `secret:ID`, `secret://MODEL/ID` or `ID`.
pub fn parse_id(text: &str) -> Option<&str> {
    let bare = match text.strip_prefix("secret:") {
        Some(rest) => match rest.strip_prefix("//") {
            Some(rest) => rest.split_once('/')?.1,
            None => rest,
        },
        None => text,
    };
    let sound =
        bare.len() == 20 && bare.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    sound.then_some(bare)
}

/// Whether Juju would make such an id: twenty lower-case letters and digits.
pub(crate) fn is_secret_id(id: &str) -> bool {
    id.len() == 20 && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}
