//! Image inventory: what runs, what is intended to run, and what is newest, one row per image of
//! the platform, wherever it is named. Pure.

mod advice;
mod allowed;
mod indirect;
mod inventory;
mod ledger;
mod lock;
mod osv;
mod place;
mod sbom;
mod version;

pub use self::advice::{advice, rank};
pub use self::allowed::Allowed;
pub use self::inventory::{Asked, Inventory, Newer, Row, State, channels, followed};
pub use self::lock::{Lock, LockError, Locked};
pub use self::osv::{Advisories, AdvisoryError, Vulnerable};
pub use self::place::Place;
pub use self::sbom::sbom;
pub use self::version::compare as compare_versions;
pub use crate::facts::image_record::Ledger;
