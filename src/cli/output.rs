//! Where results go: standard output, or files whose formats their names tell.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use clap::ValueEnum as _;

use super::shared::{print, print_data};
use super::terminal;
use crate::report::fleet::{self, Fleet};
use crate::report::table::render_with;
use crate::report::{Format, Report, sarif};

/// A file of a report, and its format if that is given: `FILE` or `FORMAT=FILE`.
#[derive(Clone, Debug)]
pub struct Target {
    format: Option<Format>,
    path: PathBuf,
}

impl FromStr for Target {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.split_once('=').and_then(|(format, path)| {
            Some(Self { format: Some(Format::from_str(format, true).ok()?), path: path.into() })
        });
        let by_name = || Self { format: Format::of_file(text), path: text.into() };
        Ok(named.unwrap_or_else(by_name))
    }
}

/// Format and files of a report.
#[derive(clap::Args)]
pub struct ReportOutput {
    /// Format on standard output; without one a table.
    #[arg(short, long, value_enum)]
    format: Option<Format>,
    /// Write a file, in the format of its name's end (.json .html .md .csv .sarif .xml .txt) or
    /// as FORMAT=FILE; may be repeated.
    #[arg(short, long, value_name = "FILE")]
    output: Vec<Target>,
    /// Write every verdict as SARIF, with kinds and suppressions: for viewers that know them.
    #[arg(long)]
    sarif_all: bool,
}

impl ReportOutput {
    /// Refuses files whose format is not known, before anything is read.
    pub fn check(&self) -> anyhow::Result<()> {
        if !self.formats()?.contains(&Format::Sarif) && self.sarif_all {
            bail!("--sarif-all: nothing is written as SARIF; pass --format sarif");
        }
        Ok(())
    }

    fn render(&self, format: Format, report: &Report) -> String {
        match format {
            Format::Sarif if self.sarif_all => sarif::render_all(report),
            format => format.render(report),
        }
    }

    fn format_of(&self, target: &Target) -> anyhow::Result<Format> {
        target.format.or(self.format).with_context(|| {
            let path = target.path.display();
            format!("--output {path}: its format is not known; write it as FORMAT={path}")
        })
    }

    /// The result on standard output is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.format, None | Some(Format::Table))
    }

    /// Refuses formats that have one cluster only, before anything is read.
    pub fn check_fleet(&self) -> anyhow::Result<()> {
        let none = Fleet::new(Vec::new());
        for format in self.formats()? {
            if none.render(format).is_none() {
                let name = format.to_possible_value().map(|value| value.get_name().to_owned());
                bail!(
                    "{} has one cluster only: several are reported as table, json, csv, markdown \
                     or html; audit each by itself with --context",
                    name.unwrap_or_default()
                );
            }
        }
        Ok(())
    }

    fn formats(&self) -> anyhow::Result<Vec<Format>> {
        let written = self.output.iter().map(|target| self.format_of(target));
        let mut formats: Vec<Format> = written.collect::<anyhow::Result<_>>()?;
        formats.extend(self.format);
        Ok(formats)
    }

    /// A format has the findings of every control.
    pub fn needs_evidence(&self) -> bool {
        self.formats().is_ok_and(|formats| formats.contains(&Format::Json))
    }

    /// Writes a report to its files, and prints it. With files, only a table is printed too.
    pub fn write(&self, report: &Report) -> anyhow::Result<()> {
        self.write_with(
            |format| self.render(format, report),
            || render_with(report, &terminal::look()),
        )
    }

    /// Writes the report of several clusters, as one of one is written.
    pub fn write_fleet(&self, fleet: &Fleet) -> anyhow::Result<()> {
        self.write_with(
            |format| fleet.render(format).unwrap_or_default(),
            || fleet::render_with(fleet, &terminal::look()),
        )
    }

    fn write_with(
        &self,
        render: impl Fn(Format) -> String,
        table: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        for target in &self.output {
            let text = render(self.format_of(target)?);
            match target.path.as_os_str() == "-" {
                true => print_data(&text)?,
                false => write(&target.path, &text)?,
            }
        }
        match (self.format, self.output.is_empty()) {
            (None | Some(Format::Table), _) if terminal::is_quiet() => Ok(()),
            (None | Some(Format::Table), true) | (None, false) => {
                // It escapes what is of others, and has codes of its own.
                print_data(&table())
            }
            (Some(format), true) => print_data(&render(format)),
            (Some(_), false) => Ok(()),
        }
    }
}

/// Format of data that is no report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DataFormat {
    /// For people.
    #[default]
    Text,
    /// JSON, for programs.
    Json,
}

/// Format and file of data that is no report.
#[derive(clap::Args)]
pub struct DataOutput {
    /// Format of the output.
    #[arg(short, long, value_enum, default_value_t)]
    format: DataFormat,
    /// Same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl DataOutput {
    /// JSON is asked for.
    pub fn is_json(&self) -> bool {
        self.json || self.format == DataFormat::Json
    }

    /// Writes a text for people: escaped, and wrapped on a terminal.
    pub fn text(&self, text: &str) -> anyhow::Result<()> {
        match &self.output {
            None => print(&terminal::prose(text)),
            Some(path) => write(path, text),
        }
    }

    /// Writes what has a layout of its own.
    pub fn table(&self, text: &str) -> anyhow::Result<()> {
        match &self.output {
            None => print(text),
            Some(path) => write(path, text),
        }
    }

    /// Writes data as indented JSON.
    pub fn data(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let text = format!("{}\n", serde_json::to_string_pretty(value)?);
        match &self.output {
            None => print_data(&text),
            Some(path) => write(path, &text),
        }
    }
}

/// Writes a text to a file, or to standard output as it is.
pub(super) fn write_or_print(path: Option<&Path>, text: &str) -> anyhow::Result<()> {
    match path {
        None => print_data(text),
        Some(path) => write(path, text),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("--output {}: it is a directory", path.display());
    }
    let what = || format!("--output {}", path.display());
    crate::files::write(path, text.as_bytes()).with_context(what)
}
