//! The report: verdicts as data, and one file per output format.

mod columns;
pub mod csv;
pub mod defectdojo;
pub mod diff;
mod explain;
mod fit;
pub mod fleet;
mod format;
pub mod framework;
pub mod gitlab;
pub mod html;
mod html_charts;
mod html_control;
mod html_text;
mod identity;
pub mod images;
pub mod json;
pub mod junit;
pub mod links;
pub mod markdown;
mod model;
pub mod ocsf;
pub mod openreports;
pub mod oscal;
mod oscal_plan;
mod redact;
mod requirements;
pub mod sarif;
pub mod select;
pub mod style;
pub mod table;
mod users;

pub use self::explain::explain;
pub use self::fit::fit;
pub use self::format::Format;
pub use self::model::{
    Cluster, ControlReport, OwnControl, Report, SCHEMA, Scope, Score, Summary, Tool, WaivedFinding,
    fingerprint,
};
pub use self::redact::redact;
pub use self::users::{Row as UserRow, Users};
