//! The facades, one file each: the versions that are understood, and of their
//! methods those that are used.

mod action;
mod application;
mod application_offers;
mod block;
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
pub(crate) mod wire;

pub use action::{ActionResult, ActionStatus};
pub use application::{ApplicationConfig, OptionSource, OptionValue};
pub use application_offers::{Offer, OfferConnection, OfferUser};
pub use block::Block;
pub use charms::{CharmContainer, CharmInfo, CharmMeta};
pub use client::{ApplicationStatus, Base, FullStatus, ModelStatus, Status, UnitStatus};
pub use cloud::{CloudInfo, CloudUser};
pub use model_manager::{ModelInfo, ModelSummary, ModelUser};
pub use refresh::{CharmOrigin, Refreshed};
pub use resources::Resource;
pub use secrets::{Secret, SecretContent};
pub use user_manager::{AddedUser, Registration, User};
