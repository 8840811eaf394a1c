//! `bundle-data`: write the tables that assess versions, and Charmhub's answers, into a file, for a place
//! without a route out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;

use super::shared::{NOTHING_OPEN, print};
use crate::catalog;
use crate::facts::advisory::AdvisoryTable;
use crate::facts::charmhub::{self, Charmhub, Followed};
use crate::facts::known::Known;
use crate::facts::snapshot;
use crate::files;
use crate::images;
use crate::policy::Tables;

/// Longest time for each answer of Charmhub.
const WITHIN: Duration = Duration::from_secs(20);
/// Product of the table of ends by which bases of charms are chosen.
const BASES: &str = "Ubuntu";

/// Write the tables of advisories and of ends of support, with a checksum, for `--data`
#[derive(clap::Args)]
#[command(after_help = super::help::BUNDLE_DATA)]
pub struct BundleData {
    /// A newer table of advisories in place of this program's own, YAML or JSON, in the form of
    /// `catalog/advisories`
    #[arg(long, value_name = "FILE")]
    advisories: Option<PathBuf>,
    /// Ask Charmhub for the newest revisions, and write its answers too: of the channels that the
    /// platform of `--from` follows, else of those of every release in the catalogue
    #[arg(long)]
    charmhub: bool,
    /// Snapshot that `collect` wrote of the platform, with a login to its controller
    #[arg(long, value_name = "DIR", requires = "charmhub")]
    from: Option<PathBuf>,
    /// Address of Charmhub
    #[arg(long, value_name = "URL", default_value = charmhub::DEFAULT_URL, requires = "charmhub")]
    charmhub_url: String,
    /// File to write to
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl BundleData {
    /// Writes the file.
    pub fn run(self) -> anyhow::Result<u8> {
        let mut tables = Tables::default();
        if let Some(path) = &self.advisories {
            tables = tables.with_advisories(advisories(path)?);
        }
        let mut answers = String::new();
        if self.charmhub {
            let charmhub = self.ask(&tables)?;
            answers = format!(", {} channels of Charmhub", charmhub.heads.len());
            tables = tables.with_charmhub(charmhub);
        }
        let text = tables.write()?;
        // What is written must be what can be read: an older table would be refused later.
        Tables::read(&text).with_context(|| self.file.display().to_string())?;
        files::write(&self.file, text.as_bytes())
            .with_context(|| self.file.display().to_string())?;
        let table = tables.advisories();
        print(&format!(
            "wrote {}: {} advisories of {}, ends of support of {}{answers}\n",
            self.file.display(),
            table.advisories.len(),
            table.reviewed,
            tables.support().reviewed
        ))?;
        Ok(NOTHING_OPEN)
    }

    /// Charmhub's answers, the known ones; fails if there is none.
    fn ask(&self, tables: &Tables) -> anyhow::Result<Charmhub> {
        let followed = match &self.from {
            Some(directory) => images::followed(&snapshot::read(directory)?.0),
            None => of_releases(tables),
        };
        if followed.is_empty() {
            bail!(
                "--from: the snapshot has no application that follows a channel; `collect` it with a \
                 login to the controller"
            );
        }
        let url = self.charmhub_url.clone();
        let source = charmhub::Source { url, within: WITHIN, ..charmhub::Source::default() };
        let mut charmhub = charmhub::read(&source, &followed);
        let mut unknown = None;
        charmhub.heads.retain(|name, head| match head {
            Known::Known(_) => true,
            Known::Unknown(why) => {
                // A charm of a release has one of the bases, and not the others.
                if self.from.is_some() {
                    log::warn!("{name}: {why}");
                }
                unknown = Some(why.to_string());
                false
            }
        });
        match unknown {
            Some(why) if charmhub.heads.is_empty() => bail!("{why}"),
            _ => Ok(charmhub),
        }
    }
}

/// Channels of the catalogue's releases, for each base that gets fixes.
fn of_releases(tables: &Tables) -> BTreeSet<Followed> {
    let today = crate::now().to_zoned(TimeZone::UTC).date();
    let bases = tables.support().ends.get(BASES).into_iter().flatten();
    let bases: Vec<&String> =
        bases.filter(|(_, end)| **end >= today).map(|(version, _)| version).collect();
    let releases = catalog::releases().iter();
    let applications = releases.flat_map(|release| release.applications.values());
    let channels = applications.flat_map(|of| {
        bases.iter().map(|base| Followed {
            charm: of.charm.clone(),
            channel: of.channel.clone(),
            base: (*base).clone(),
        })
    });
    channels.collect()
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
