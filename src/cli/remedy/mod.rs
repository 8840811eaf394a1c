//! `ckf-hardening plan`, `apply`, `undo` and `remedies`: remedies by hand.

mod apply;
mod arguments;
mod list;
mod model;
mod origin;
mod outcome;
mod plan;
mod saved;
mod undo;

pub use self::apply::Apply;
pub use self::list::List;
pub use self::plan::ShowPlan;
pub use self::undo::Undo;
