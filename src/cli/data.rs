//! `bundle-data`: write the tables that assess versions into a file, for a place without a route out.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::shared::{NOTHING_OPEN, print};
use crate::facts::advisory::AdvisoryTable;
use crate::files;
use crate::policy::Tables;

/// Write the tables of advisories and of ends of support, with a checksum, for `--data`
#[derive(clap::Args)]
pub struct BundleData {
    /// A newer table of advisories in place of this program's own, YAML or JSON, in the form of
    /// `catalog/advisories`
    #[arg(long, value_name = "FILE")]
    advisories: Option<PathBuf>,
    /// File to write to
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl BundleData {
    /// Writes the file.
    pub fn run(self) -> anyhow::Result<u8> {
        let tables = match &self.advisories {
            Some(path) => Tables::default().with_advisories(advisories(path)?),
            None => Tables::default(),
        };
        let text = tables.write()?;
        // What is written must be what can be read: an older table would be refused later.
        Tables::read(&text).with_context(|| self.file.display().to_string())?;
        files::write(&self.file, text.as_bytes())
            .with_context(|| self.file.display().to_string())?;
        let table = tables.advisories();
        print(&format!(
            "wrote {}: {} advisories of {}, ends of support of {}\n",
            self.file.display(),
            table.advisories.len(),
            table.reviewed,
            tables.support().reviewed
        ))?;
        Ok(NOTHING_OPEN)
    }
}

fn advisories(path: &Path) -> anyhow::Result<AdvisoryTable> {
    let what = || format!("table of advisories {}", path.display());
    let text = files::read(path, files::LARGEST_BY_HAND).with_context(what)?;
    let value: serde_json::Value = serde_yaml::from_str(&text).with_context(what)?;
    AdvisoryTable::parse(&value.to_string()).with_context(what)
}

/// The tables of a data file.
pub(super) fn read(path: &Path) -> anyhow::Result<Tables> {
    let what = || format!("data file {}", path.display());
    let text = files::read(path, files::LARGEST_BY_HAND).with_context(what)?;
    Tables::read(&text).with_context(what)
}
