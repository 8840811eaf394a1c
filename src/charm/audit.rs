//! Reads the cluster that the unit runs in, and judges it.

use std::time::Duration;

use juju_charm::Unit;

use crate::config::{OptionProblem, Options};
use crate::facts::About;
use crate::facts::kubernetes::{self, ReadError, Source};
use crate::report::Report;

/// Longest time for reading the cluster: Juju sets none, and a hook that hangs
/// stops its unit.
const DEADLINE: Duration = Duration::from_secs(180);

/// Audits the model of this unit.
pub fn run(
    unit: &Unit,
    options: &Options,
    problems: &[OptionProblem],
) -> Result<Report, ReadError> {
    let about = About {
        collected_at: crate::now(),
        // On Kubernetes a model is a namespace of its name.
        namespace: unit.model.clone(),
    };
    let facts = kubernetes::read(&Source::default(), about, DEADLINE, &|_| ())?;
    let problems = problems.iter().map(ToString::to_string).collect();
    Ok(Report::audit(
        &facts,
        &options.policy,
        options.release.as_deref(),
        problems,
    ))
}
