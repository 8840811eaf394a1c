//! A person who leaves, and what is left of one.

use serde::Serialize;

use crate::facts::object::ObjectRef;
use crate::views::{Context, MissingFact};

/// Names of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// As login names the person to the platform, usually an e-mail address.
    pub user: String,
    /// Users of Juju that are the person's.
    pub juju: Vec<String>,
}

impl Person {
    pub(super) fn is(&self, name: &str) -> bool {
        self.user.eq_ignore_ascii_case(name)
    }

    pub(super) fn is_in_juju(&self, name: &str) -> bool {
        self.juju.iter().any(|own| own == name) || self.is(name)
    }
}

/// Who removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// `offboard --apply`.
    Command,
    /// The operator, for others are affected or no API can.
    Hand,
}

/// Something that the person still has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Remnant {
    /// Where: `juju`, `profiles`, `bindings`, `policies`, `logins`, `tokens`, `sessions`, `policy`.
    pub place: &'static str,
    /// The object.
    pub object: ObjectRef,
    /// Access that it gives the person.
    pub has: String,
    /// Who removes it.
    pub by: By,
    /// How.
    pub how: String,
    /// Whether it can be seen to be gone; what cannot is listed each time.
    pub is_verifiable: bool,
}

/// Remaining access of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offboarding {
    /// Remaining access, in the order in which to remove it.
    pub remnants: Vec<Remnant>,
    /// Places that could not be read, with the reason.
    pub unknown: Vec<String>,
}

impl Offboarding {
    /// Something is left that can be seen, or something could not be looked at.
    pub fn is_open(&self) -> bool {
        !self.unknown.is_empty() || self.remnants.iter().any(|remnant| remnant.is_verifiable)
    }

    /// Juju users to disable.
    pub fn to_disable(&self) -> impl Iterator<Item = &str> {
        let by_command = self.remnants.iter().filter(|remnant| remnant.by == By::Command);
        by_command.map(|remnant| remnant.object.name.as_str())
    }

    pub(super) fn add(&mut self, place: &'static str, object: ObjectRef, has: &str, how: String) {
        let has = has.to_owned();
        let by = By::Hand;
        self.remnants.push(Remnant { place, object, has, by, how, is_verifiable: true });
    }

    pub(super) fn tell(&mut self, place: &'static str, object: ObjectRef, has: &str, how: &str) {
        self.add(place, object, has, how.to_owned());
        if let Some(last) = self.remnants.last_mut() {
            last.is_verifiable = false;
        }
    }
}

/// Adds what one kind of place shows.
pub(super) type Part = fn(&Context<'_>, &Person, &mut Offboarding) -> Result<(), MissingFact>;
