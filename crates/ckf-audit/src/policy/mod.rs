//! The policy: thresholds, allow-lists, waivers, attestations and custom controls.

mod allow;
pub mod certificates;
pub mod custom;
mod error;
mod field;
mod model;
mod name;
mod pattern;
mod statement;
pub mod tables;
mod wire;
mod words;

pub use self::allow::{Allow, Allowed, AllowedObject, allowed};
pub use self::error::{HostnameError, PolicyProblem, RuleError};
pub use self::model::{Policy, Profile, default_suites};
pub use self::name::{InvalidName, Name};
pub use self::pattern::{ObjectPattern, OwnerPattern, is_like};
pub use self::statement::{Attestation, Waiver};
pub use self::tables::{DataError, Tables};
pub use self::wire::schema;
pub use self::words::{parse_hostname, parse_threshold};
pub use crate::facts::juju::Options;
