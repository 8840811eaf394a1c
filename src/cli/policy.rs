//! `policy check`: what is wrong with a policy, and what it would waive now.

use std::path::PathBuf;

use clap::Subcommand;
use juju_charm::printable::line;

use super::shared::{ClusterArguments, NOTHING_OPEN, OPEN, print, print_data, read, read_policy};
use crate::controls::{Assessment, assess};
use crate::facts::snapshot;
use crate::policy::Policy;

/// As it is published; a test holds it to the code, which need not be in the binary for it.
const SCHEMA: &str = include_str!("../../docs/policy-v1.schema.json");

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a run has one")]
pub enum Command {
    /// Show what is wrong with a policy, by line; with a cluster or a snapshot also what it
    /// would waive now. Exit status 1 if something is wrong.
    Check(Check),
    /// Print the JSON Schema of policies.
    Schema,
}

/// Which policy, and what it is held against.
#[derive(clap::Args)]
pub struct Check {
    /// The policy, in YAML.
    file: PathBuf,
    /// Show what it would waive in a snapshot that `collect` wrote.
    #[arg(long, value_name = "DIR", conflicts_with_all = super::shared::LIVE)]
    from: Option<PathBuf>,
    /// Show what it would waive in the cluster.
    #[arg(long, conflicts_with = "from")]
    live: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

impl Command {
    pub fn run(self) -> anyhow::Result<u8> {
        match self {
            Self::Check(check) => check.run(),
            Self::Schema => print_data(SCHEMA).map(|()| NOTHING_OPEN),
        }
    }
}

impl Check {
    fn run(self) -> anyhow::Result<u8> {
        let (policy, problems) = read_policy(&self.file)?;
        for problem in &problems {
            print(&format!("{}: {problem}\n", self.file.display()))?;
        }
        let today = crate::now();
        for waiver in policy.waivers.iter().filter(|waiver| !waiver.holds(today)) {
            print(&format!(
                "{}: the waiver of {} by {} expired on {}\n",
                self.file.display(),
                waiver.control,
                waiver.owner,
                waiver.expires
            ))?;
        }
        self.show_waived(&policy)?;
        if problems.is_empty() {
            let (waivers, attestations) = (policy.waivers.len(), policy.attestations.len());
            let controls = policy.controls.len();
            print(&format!(
                "the policy is sound: {waivers} waivers, {attestations} attestations, {controls} controls\n"
            ))?;
            return Ok(NOTHING_OPEN);
        }
        Ok(OPEN)
    }

    fn show_waived(&self, policy: &Policy) -> anyhow::Result<()> {
        let facts = match (&self.from, self.live) {
            (Some(directory), _) => snapshot::read(directory)?.0,
            (None, true) => read(&self.cluster, policy)?,
            (None, false) => return Ok(()),
        };
        let assessments = assess(&facts, policy, None);
        for assessment in &assessments {
            for waived in &assessment.waived {
                let (id, finding, by) = (&assessment.control.id, &waived.finding, &waived.by);
                print(&format!(
                    "waives {id} {}: {} is {} ({} until {}: {})\n",
                    finding.object,
                    line(&finding.field),
                    line(&finding.seen),
                    by.owner,
                    by.expires,
                    by.reason
                ))?;
            }
        }
        let of_policy = |a: &&Assessment| policy.controls.iter().any(|c| c.control == *a.control);
        for assessment in assessments.iter().filter(of_policy) {
            let (id, verdict) = (&assessment.control.id, assessment.verdict.name());
            print(&format!("{id}: {verdict}: {}\n", line(&assessment.reason)))?;
        }
        let policies = assessments.iter().filter(|a| a.control.id.starts_with("POL-"));
        for assessment in policies.filter(|a| !a.findings.is_empty()) {
            for finding in &assessment.findings {
                let (id, object) = (&assessment.control.id, &finding.object);
                print(&format!(
                    "{id} {object}: {} is {}\n",
                    line(&finding.field),
                    line(&finding.seen)
                ))?;
            }
        }
        Ok(())
    }
}
