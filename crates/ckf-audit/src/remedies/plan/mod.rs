//! Plans: the changes that apply remedies, and those that revert them.

mod change;
mod held_back;
mod model;
mod revert;
mod select;

pub use self::change::{Change, ClusterOperation, JujuOperation, Operation};
pub use self::held_back::{HeldBack, WithheldFor};
pub use self::model::Plan;
pub use self::revert::{StillEnforced, remove_all, undo, undo_all};
pub use self::select::plan;
