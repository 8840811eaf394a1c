//! Metrics in the form of OpenMetrics. Labels are of the catalogue, of severities, of kinds that
//! are known and of credentials that the operator names: nothing of the cluster makes a series.

mod certificates;
mod describe;
mod exposition;
mod summary;

pub use self::certificates::{CertificateTimes, certificates};
pub use self::describe::{Described, all};
pub use self::exposition::{classic, render};
pub use self::summary::{Images, Numbers, Parts, Running, Summary};
