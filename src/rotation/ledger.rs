//! What the units of the application know of each credential: how far its rotation
//! is and when the last one was. It holds no value.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Credential, Delivery};

/// How far a rotation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// There is none.
    #[default]
    Settled,
    /// The new value is in the secret, beside the old one.
    Prepared,
    /// It holds at its owner, and the secret has it in the place of the old one.
    Published,
}

impl Stage {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Prepared => "prepared",
            Self::Published => "published",
        }
    }
}

/// A credential's entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Entry {
    /// How far its rotation is.
    pub stage: Stage,
    /// When it was last rotated by this charm; its age is unknown before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated: Option<Timestamp>,
    /// URI of its secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret: String,
    /// How a Juju user gets it.
    #[serde(skip_serializing_if = "is_password")]
    pub delivery: Delivery,
    /// Id of the action that is to set it, where one is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Whether a person asked for the rotation that is under way. One that the plan alone
    /// began is given up when the plan no longer names it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// Whether that person said `force`, which the controller's first user needs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    /// When its user was disabled for being idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Timestamp>,
}

fn is_password(delivery: &Delivery) -> bool {
    *delivery == Delivery::Password
}

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// How many there were in a row.
    pub attempts: u32,
    /// Why.
    pub why: String,
    /// When it is to be tried again.
    pub again: Timestamp,
}

/// All entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger(pub BTreeMap<Credential, Entry>);

impl Entry {
    /// How many tries failed in a row.
    pub fn attempts(&self) -> u32 {
        self.failure.as_ref().map_or(0, |failure| failure.attempts)
    }

    /// Nothing is under way any longer.
    pub fn settle(&mut self) {
        self.stage = Stage::Settled;
        self.failure = None;
        self.action.clear();
        (self.asked, self.forced) = (false, false);
    }
}

impl Ledger {
    /// Reads it; an entry that this version does not understand is an error, for
    /// forgetting one might lose a rotation that was begun.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        match text {
            "" => Ok(Self::default()),
            text => serde_json::from_str(text),
        }
    }

    /// The entry of a credential, an empty one if it has none yet.
    pub fn entry(&mut self, credential: &Credential) -> &mut Entry {
        self.0.entry(credential.clone()).or_default()
    }

    /// Credentials whose rotation was begun and is not at its end.
    pub fn unsettled(&self) -> impl Iterator<Item = &Credential> {
        let all = self.0.iter();
        all.filter(|(_, entry)| entry.stage != Stage::Settled).map(|(credential, _)| credential)
    }

    /// What failed, with why.
    pub fn failures(&self) -> impl Iterator<Item = (&Credential, &Failure)> {
        let all = self.0.iter();
        all.filter_map(|(credential, entry)| Some((credential, entry.failure.as_ref()?)))
    }
}
