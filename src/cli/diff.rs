//! `diff`: what is new between two reports.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;

use super::output::DataOutput;
use super::shared::{NOTHING_OPEN, OPEN};
use crate::catalog::{Severity, UnknownSeverity};
use crate::report::Report;
use crate::report::diff::{Diff as Differences, Fate};

/// Which reports.
#[derive(clap::Args)]
#[command(after_help = super::help::DIFF)]
pub struct Diff {
    /// The earlier report, as `audit --format json` wrote it.
    old: PathBuf,
    /// The later one.
    new: PathBuf,
    /// What makes the exit status 1: `new:SEVERITY`, `fixed:SEVERITY`, or `never`.
    #[arg(long, default_value = "new:low")]
    fail_on: FailOn,
    #[command(flatten)]
    output: DataOutput,
}

/// Evidence of a fate, of a severity or worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FailOn(Option<(Fate, Severity)>);

/// A text that is no `--fail-on` of a comparison.
#[derive(Debug, thiserror::Error)]
enum FailOnError {
    #[error("{0:?} is not never, new:SEVERITY or fixed:SEVERITY")]
    Form(String),
    #[error(transparent)]
    Severity(#[from] UnknownSeverity),
}

impl FromStr for FailOn {
    type Err = FailOnError;

    fn from_str(text: &str) -> Result<Self, FailOnError> {
        if text == "never" {
            return Ok(Self(None));
        }
        let expected = || FailOnError::Form(text.to_owned());
        let (fate, severity) = text.split_once(':').ok_or_else(expected)?;
        let fates = [Fate::New, Fate::Fixed, Fate::Unchanged];
        let fate = fates.into_iter().find(|known| known.name() == fate);
        Ok(Self(Some((fate.ok_or_else(expected)?, severity.parse()?))))
    }
}

impl Diff {
    /// Compares them.
    pub fn run(self) -> anyhow::Result<u8> {
        let (old, new) = (read(&self.old)?, read(&self.new)?);
        if let (Some(one), Some(other)) = (&old.cluster.uid, &new.cluster.uid)
            && one != other
        {
            eprintln!("warning: the reports are of different clusters: {one} and {other}");
        }
        if old.scope.selected != new.scope.selected {
            eprintln!("warning: the reports have different selections of controls");
        }
        let diff = Differences::of(&old, &new);
        match self.output.is_json() {
            true => self.output.data(&diff)?,
            false => self.output.table(&diff.text())?,
        }
        let fails = self.fail_on.0.is_some_and(|(fate, severity)| diff.has(fate, severity));
        Ok(if fails { OPEN } else { NOTHING_OPEN })
    }
}

fn read(path: &Path) -> anyhow::Result<Report> {
    let what = || format!("report {}", path.display());
    let text = crate::files::read(path, crate::files::LARGEST_REPORT).with_context(what)?;
    serde_json::from_str(&text)
        .with_context(what)
        .context("`audit --format json` writes reports that can be compared")
}
