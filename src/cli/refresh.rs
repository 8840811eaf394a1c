//! `refresh`: bring applications to what Charmhub has newest, one after the other.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::bail;
use juju_client::{ApplicationStatus, Connection, FullStatus};

use super::confirm::confirm;
use super::juju::ControllerArguments;
use super::shared::{NOTHING_OPEN, OPEN, print};
use crate::facts::juju::charm;
use crate::images::rank;

/// Which applications, and how long each may take.
#[derive(clap::Args)]
pub struct Refresh {
    /// Applications; without any, what could be refreshed is shown and nothing is done.
    applications: Vec<String>,
    /// Every application that has a newer revision in its channel.
    #[arg(long, conflicts_with = "applications")]
    all: bool,
    /// The revision; else the newest of the channel.
    #[arg(long, value_name = "REVISION")]
    revision: Option<i64>,
    /// Model of Charmed Kubeflow.
    #[arg(short, long, default_value = "kubeflow", value_name = "NAME")]
    model: String,
    /// Longest time for the units of one application, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    within: u64,
    /// Do not ask; without a terminal nothing is refreshed without it.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    controller: ControllerArguments,
}

/// Interval of polling the units' progress.
const OFTEN: Duration = Duration::from_millis(500);

impl Refresh {
    /// Refreshes them in the order of the upgrade guide, each when the one before has
    /// settled, and stops at the first that does not.
    pub fn run(self) -> anyhow::Result<u8> {
        let mut model = self.controller.model(&self.model)?;
        let status = model.status()?;
        let wanted = self.wanted(&status)?;
        if wanted.is_empty() {
            print("every application is at the newest revision of its channel\n")?;
            return Ok(NOTHING_OPEN);
        }
        let is_shown = self.applications.is_empty() && !self.all;
        if is_shown || !self.yes {
            for (name, known) in &wanted {
                let to = match (self.revision, known.can_upgrade_to.as_str()) {
                    (Some(revision), _) => format!("revision {revision}"),
                    (None, "") => "the newest of its channel".to_owned(),
                    (None, to) => to.to_owned(),
                };
                print(&format!("{name}: {} -> {to}\n", known.charm))?;
            }
        }
        if is_shown {
            writeln!(io::stderr(), "name applications, or give --all, to refresh them").ok();
            return Ok(OPEN);
        }
        if !confirm("refresh", self.yes)? {
            return Ok(NOTHING_OPEN);
        }
        for (name, known) in wanted {
            self.one(&mut model, name, known)?;
        }
        Ok(NOTHING_OPEN)
    }

    /// The applications, in the order in which they are refreshed.
    fn wanted<'a>(
        &self,
        status: &'a FullStatus,
    ) -> anyhow::Result<Vec<(&'a str, &'a ApplicationStatus)>> {
        if self.revision.is_some() && self.applications.len() != 1 {
            bail!("--revision is of one application; name it");
        }
        let missing = self.applications.iter();
        let mut missing = missing.filter(|name| !status.applications.contains_key(*name));
        if let Some(name) = missing.next() {
            bail!("model {} has no application {name}", self.model);
        }
        let all = status.applications.iter();
        let mut wanted: Vec<(&str, &ApplicationStatus)> = all
            .filter(|(name, known)| match self.applications.is_empty() {
                true => !known.can_upgrade_to.is_empty(),
                false => self.applications.contains(name),
            })
            .map(|(name, known)| (name.as_str(), known))
            .collect();
        wanted.sort_by_key(|(name, known)| (rank(charm(&known.charm).0), *name));
        Ok(wanted)
    }

    fn one(
        &self,
        model: &mut Connection,
        name: &str,
        before: &ApplicationStatus,
    ) -> anyhow::Result<()> {
        // What is in trouble already is not made worse, nor blamed on the refresh.
        if let Some((unit, says)) = troubled(before) {
            bail!("{name} is not refreshed: {unit} is {says}; put that right first");
        }
        let begun = Instant::now();
        let refreshed = model.refresh(name, self.revision)?;
        print(&format!("{name}: {} -> {}\n", refreshed.from, refreshed.to))?;
        let until = begun + Duration::from_secs(self.within);
        // Units have settled when they say so twice: agents take a moment to begin.
        let mut settled = 0;
        loop {
            let status = model.status()?;
            let Some(now) = status.applications.get(name) else {
                bail!("{name} is gone");
            };
            let is_new = now.charm == refreshed.to;
            if let Some((unit, says)) = troubled(now).filter(|_| is_new) {
                bail!(
                    "{name}: {unit} is {says} after the refresh; the rest is left as it is. See \
                     juju debug-log --include {unit}"
                );
            }
            settled = if is_new && is_settled(now) { settled + 1 } else { 0 };
            if settled == 2 {
                let seconds = begun.elapsed().as_secs_f64();
                print(&format!("{name}: settled after {seconds:.0} s\n"))?;
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{name} has not settled within {} s; the rest is left as it is", self.within);
            }
            std::thread::sleep(OFTEN);
        }
    }
}

/// The first unit that is in error or blocked, and what it says.
fn troubled(application: &ApplicationStatus) -> Option<(&str, String)> {
    application.units.iter().find_map(|(name, unit)| {
        let all = [&unit.workload_status, &unit.agent_status];
        let wrong =
            all.into_iter().find(|says| ["error", "blocked"].contains(&says.status.as_str()))?;
        let says = format!("{}: {}", wrong.status, wrong.info);
        Some((name.as_str(), says))
    })
}

fn is_settled(application: &ApplicationStatus) -> bool {
    let mut units = application.units.values();
    units.all(|unit| unit.agent_status.status == "idle" && unit.workload_status.status == "active")
}
