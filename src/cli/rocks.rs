//! `rocks`: which images run, which were meant to, and which are newest.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use juju_charm::printable::line;
use oci_registry::{Credentials, Mirror, PlainHost};

use super::output::DataOutput;
use super::shared::{ClusterArguments, NOTHING_OPEN, OPEN, read};
use super::terminal;
use crate::facts::known::Known;
use crate::facts::{Facts, charmhub, registry, snapshot};
use crate::files;
use crate::images::{self, Advisories, Allowed, Inventory, Lock};
use crate::policy::Policy;
use crate::report::images::Rocks as Report;
use crate::resolve_images::resolve;

#[derive(clap::Args)]
#[command(after_help = super::help::ROCKS)]
pub struct Rocks {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Read a snapshot that `collect` wrote, instead of a cluster.
    #[arg(long, value_name = "DIR", conflicts_with_all = super::shared::LIVE)]
    from: Option<PathBuf>,
    #[command(flatten)]
    output: DataOutput,
    /// Ask neither registries nor Charmhub.
    #[arg(long)]
    offline: bool,
    /// A mirror of a registry, HOST[/PATH]=HOST[/PATH].
    #[arg(long, value_name = "MIRROR")]
    registry_mirror: Vec<Mirror>,
    /// A registry that is asked without TLS and without a login, HOST[:PORT].
    #[arg(long, value_name = "HOST")]
    registry_plain_http: Vec<PlainHost>,
    /// A host that issues tokens for a registry beside its own, REGISTRY=HOST.
    #[arg(long, value_name = "REALM", value_parser = crate::config::realm)]
    registry_realm: Vec<(String, String)>,
    /// Policy; its allow.registries are asked beside the releases' own.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Logins to registries, a config.json of Docker.
    #[arg(long, value_name = "FILE")]
    registry_credentials: Option<PathBuf>,
    /// Authority that registries may have, PEM, beside those of the system.
    #[arg(long, value_name = "FILE")]
    registry_ca: Option<PathBuf>,
    /// Answers of Charmhub that `bundle-data` wrote elsewhere.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Address of Charmhub.
    #[arg(long, value_name = "URL", default_value = charmhub::DEFAULT_URL)]
    charmhub_url: String,
    /// Write what runs now, to hold a platform to it.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Hold the platform to what `--lock` wrote; the exit status is 1 if it differs.
    #[arg(long, value_name = "FILE", conflicts_with = "lock")]
    verify: Option<PathBuf>,
    /// Read the packages of each image from its registry.
    #[arg(long, conflicts_with = "offline")]
    packages: bool,
    /// Look for known vulnerabilities in the packages, by advisories of OSV: a file, or a
    /// directory of files.
    #[arg(long, value_name = "PATH", conflicts_with = "offline")]
    osv: Option<PathBuf>,
    /// Write a bill of materials of each image into a directory, CycloneDX.
    #[arg(long, value_name = "DIR", conflicts_with = "offline")]
    sbom: Option<PathBuf>,
    /// Longest time for registries and Charmhub, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    within: u64,
}

impl Rocks {
    pub fn run(self) -> anyhow::Result<u8> {
        let mut source = self.registries()?;
        let advisories = self.osv.as_deref().map(advisories).transpose()?;
        let wanted = match &self.verify {
            None => None,
            Some(path) => {
                let lock = Lock::parse(&text(path)?);
                Some(lock.with_context(|| path.display().to_string())?)
            }
        };
        let mut facts = match &self.from {
            Some(directory) => snapshot::read(directory)?.0,
            None => read(&self.cluster, &Policy::default())?,
        };
        if let Known::Unknown(why) = &facts.pods {
            bail!("the pods of the cluster are not known: {why}");
        }
        let mut requests = 0;
        if !self.offline {
            requests = self.resolve(&mut facts, &mut source);
        }
        if let Some(path) = &self.data {
            let charmhub = std::mem::take(&mut facts.charmhub);
            facts.charmhub = super::data::read(path)?.newest_of_charmhub(charmhub);
        }
        let inventory = Inventory::of(&facts);
        let mut report = Report::of(&inventory, images::advice(&facts, &inventory), requests);
        report.differences = wanted.map(|lock| lock.differences(&inventory));
        report.vulnerable = advisories.map(|advisories| vulnerable(&inventory, &advisories));
        if let Some(path) = &self.lock {
            write(path, &Lock::of(&inventory).text())?;
        }
        if let Some(directory) = &self.sbom {
            sboms(directory, &inventory, facts.about.collected_at)?;
        }
        match self.output.is_json() {
            true => self.output.data(&report)?,
            false => self.output.table(&report.table_within(terminal::width()))?,
        }
        let is_expected = inventory.unexpected().next().is_none()
            && report.differences.is_none_or(|lines| lines.is_empty());
        Ok(if is_expected { NOTHING_OPEN } else { OPEN })
    }

    /// Registries to query, with the login and what the policy allows.
    fn registries(&self) -> anyhow::Result<registry::Source> {
        let credentials = match &self.registry_credentials {
            None => Credentials::default(),
            Some(path) => {
                let text = zeroize::Zeroizing::new(text(path)?);
                Credentials::parse(&text).with_context(|| path.display().to_string())?
            }
        };
        let authorities = self.registry_ca.iter().map(|path| text(path));
        let policy = match &self.policy {
            Some(path) => super::shared::sound(&super::shared::policy_text(path)?, path)?,
            None => Policy::default(),
        };
        let named = policy.allow.registries.iter().map(String::as_str);
        Ok(registry::Source {
            allowed: Allowed::new(named),
            realms: self.registry_realm.clone(),
            mirrors: self.registry_mirror.clone(),
            plain: self.registry_plain_http.clone(),
            credentials,
            authorities: authorities.collect::<Result<_, _>>()?,
            within: Duration::from_secs(self.within),
            packages: self.packages || self.osv.is_some() || self.sbom.is_some(),
            connect_within: Duration::from_secs(5),
            ..registry::Source::default()
        })
    }

    fn resolve(&self, facts: &mut Facts, source: &mut registry::Source) -> usize {
        let bar = match terminal::has_progress() {
            true => indicatif::ProgressBar::new(0),
            false => indicatif::ProgressBar::hidden(),
        };
        let style = indicatif::ProgressStyle::with_template("asking registries {pos}/{len}");
        bar.set_style(style.unwrap_or(indicatif::ProgressStyle::default_bar()));
        let mut charmhub = charmhub::Source {
            url: self.charmhub_url.clone(),
            proxy: None,
            no_proxy: None,
            within: source.within.min(Duration::from_secs(20)),
            ..charmhub::Source::default()
        };
        let answers = resolve(facts, source, &mut charmhub, None, &|images| {
            bar.set_length(images as u64);
            bar.inc(1);
        });
        bar.finish_and_clear();
        let requests = answers.requests();
        facts.rocks = Known::Known(answers.rocks);
        if let Some(heads) = answers.charmhub {
            facts.charmhub = Known::Known(heads);
        }
        requests
    }
}

/// Largest file of advisories that is read, in bytes.
const LARGEST_ADVISORIES: u64 = 512 << 20;

fn text(path: &Path) -> anyhow::Result<String> {
    files::read(path, LARGEST_ADVISORIES).with_context(|| path.display().to_string())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    files::write(path, text.as_bytes()).with_context(|| path.display().to_string())
}

/// Every advisory of a file, or of a directory's files that end in `.json`.
fn advisories(path: &Path) -> anyhow::Result<Advisories> {
    let mut advisories = Advisories::default();
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(|| path.display().to_string())?;
        files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|end| end == "json"));
        files.sort();
    }
    let mut wrong = 0;
    for file in &files {
        if let Err(why) = advisories.add(&text(file)?) {
            wrong += 1;
            let _ =
                writeln!(io::stderr(), "warning: {}: {}", file.display(), line(&why.to_string()));
        }
    }
    if advisories.is_empty() {
        bail!("{}: none of {} files is an advisory of OSV", path.display(), files.len());
    }
    if wrong > 0 {
        let _ = writeln!(io::stderr(), "warning: {wrong} of {} files are left out", files.len());
    }
    Ok(advisories)
}

fn vulnerable(
    inventory: &Inventory,
    advisories: &Advisories,
) -> BTreeMap<String, Vec<images::Vulnerable>> {
    let read = inventory.rows.iter().filter_map(|row| Some((row, row.packages.as_ref()?)));
    read.map(|(row, packages)| (row.image.clone(), advisories.of(packages))).collect()
}

/// A bill of materials for each image whose packages are known.
fn sboms(directory: &Path, inventory: &Inventory, at: jiff::Timestamp) -> anyhow::Result<()> {
    files::make_directory(directory).with_context(|| directory.display().to_string())?;
    for row in &inventory.rows {
        let Some(bill) = images::sbom(row, at) else {
            continue;
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let name: String = row.image.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        let text = format!("{}\n", serde_json::to_string_pretty(&bill)?);
        write(&directory.join(format!("{name}.cdx.json")), &text)?;
    }
    Ok(())
}
