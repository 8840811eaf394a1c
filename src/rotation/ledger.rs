//! The rotation ledger, shared by the application's units: stage and last rotation of each
//! credential. It never contains a secret value.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Credential, Delivery};

/// Stage of a rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// No rotation in progress.
    #[default]
    Settled,
    /// The secret has the new value beside the old one.
    Prepared,
    /// The backend accepts the new value, and the secret has it in place of the old one.
    Published,
}

impl Stage {
    /// Lower case, as results print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Prepared => "prepared",
            Self::Published => "published",
        }
    }
}

/// Rotation state of a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Entry {
    /// Stage of the current rotation.
    pub stage: Stage,
    /// Last rotation by this charm; without one the age is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated: Option<Timestamp>,
    /// URI of the Juju secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub secret: String,
    /// Delivery to a Juju user.
    #[serde(skip_serializing_if = "is_password")]
    pub delivery: Delivery,
    /// Id of a pending action that sets it; empty if none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// The last attempt, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// An operator requested the rotation in progress. One that only the option `rotate` started
    /// is abandoned once the option no longer names it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
    /// The request had `force`, which the controller's first user requires.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
    /// When the user was disabled for being idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Timestamp>,
}

fn is_password(delivery: &Delivery) -> bool {
    *delivery == Delivery::Password
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Consecutive failures.
    pub attempts: u32,
    /// Error message of the last one.
    pub why: String,
    /// Time of the next attempt.
    pub again: Timestamp,
}

/// Rotation state of all credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger(pub BTreeMap<Credential, Entry>);

impl Entry {
    /// Number of consecutive failures.
    pub fn attempts(&self) -> u32 {
        self.failure.as_ref().map_or(0, |failure| failure.attempts)
    }

    /// Ends the rotation in progress.
    pub fn settle(&mut self) {
        self.stage = Stage::Settled;
        self.failure = None;
        self.action.clear();
        (self.asked, self.forced) = (false, false);
    }
}

impl Ledger {
    /// Parses the ledger. An entry that this version does not support is an error, since dropping
    /// it could lose a rotation in progress.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        match text {
            "" => Ok(Self::default()),
            text => serde_json::from_str(text),
        }
    }

    /// The entry of a credential, created if missing.
    pub fn entry(&mut self, credential: &Credential) -> &mut Entry {
        self.0.entry(credential.clone()).or_default()
    }

    /// Credentials with a rotation in progress.
    pub fn unsettled(&self) -> impl Iterator<Item = &Credential> {
        let all = self.0.iter();
        all.filter(|(_, entry)| entry.stage != Stage::Settled).map(|(credential, _)| credential)
    }

    /// Credentials whose last attempt failed.
    pub fn failures(&self) -> impl Iterator<Item = (&Credential, &Failure)> {
        let all = self.0.iter();
        all.filter_map(|(credential, entry)| Some((credential, entry.failure.as_ref()?)))
    }
}
