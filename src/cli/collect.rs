//! `collect`: write a snapshot.

use std::path::PathBuf;

use super::{ClusterArguments, NOTHING_OPEN, print, read};
use crate::facts::snapshot;
use crate::policy::Options;

#[derive(clap::Args)]
pub struct Collect {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Directory to write to; made if it is missing.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Collect {
    pub fn run(self) -> anyhow::Result<u8> {
        let facts = read(&self.cluster, &Options::new())?;
        snapshot::write(&facts, &self.directory)?;
        let unknown = facts
            .kinds()
            .iter()
            .filter(|(_, why)| why.is_some())
            .count();
        let told = if unknown == 0 {
            String::new()
        } else {
            format!(", {unknown} kinds could not be read")
        };
        print(&format!(
            "wrote {}{told}; secrets' values are not in it\n",
            self.directory.display()
        ))?;
        Ok(NOTHING_OPEN)
    }
}
