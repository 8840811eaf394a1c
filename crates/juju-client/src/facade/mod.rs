//! The facades, one file each: the versions that are understood, and of their
//! methods those that are used.

mod action;
mod application;
mod application_offers;
mod charms;
mod client;
mod cloud;
mod controller;
mod model_config;
mod model_manager;
mod refresh;
mod resources;
mod secrets;
mod user_manager;

pub use action::{ActionResult, ActionStatus};
pub use application::{ApplicationConfig, OptionSource, OptionValue};
pub use application_offers::{Offer, OfferUser};
pub use charms::{CharmContainer, CharmInfo, CharmMeta};
pub use client::{ApplicationStatus, Base, FullStatus, ModelStatus, Status, UnitStatus};
pub use cloud::{CloudInfo, CloudUser};
pub use model_manager::{ModelInfo, ModelSummary, ModelUser};
pub use refresh::{CharmOrigin, Refreshed};
pub use resources::Resource;
pub use secrets::{Secret, SecretContent};
pub use user_manager::{AddedUser, Registration, User};

use serde::{Deserialize, Deserializer, Serialize};

/// A facade and the versions of it that are understood.
#[derive(Debug)]
pub(crate) struct Facade {
    pub(crate) name: &'static str,
    pub(crate) versions: &'static [u32],
}

#[derive(Serialize)]
struct Entities {
    entities: Vec<Entity>,
}

#[derive(Serialize)]
struct Entity {
    tag: String,
}

impl Entities {
    fn one(tag: String) -> Self {
        Self { entities: vec![Entity { tag }] }
    }
}

/// What a bulk call returns for an item besides an error.
#[derive(Deserialize)]
struct Wrapped<T> {
    result: T,
}

/// Nothing, of an item that has only an error to return.
#[derive(Deserialize)]
struct Nothing {}

/// Go sends an empty list or map as `null`.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A name without the kind of its tag.
fn untagged<'a>(tag: &'a str, kind: &str) -> &'a str {
    tag.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')).unwrap_or(tag)
}
