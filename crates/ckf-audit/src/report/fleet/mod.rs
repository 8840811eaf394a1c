//! The report of several clusters: what each came to, and the verdict on every control by cluster.

mod html;
mod matrix;
mod model;
mod render;
mod table;
#[cfg(test)]
mod tests;

pub use self::model::{Fleet, Member, Outcome, SCHEMA, worst};
pub use self::table::render_with;
