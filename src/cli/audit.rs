//! `audit`: assess a cluster, or a snapshot of one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::confirm::confirm;
use super::fleet::FleetArguments;
use super::output::ReportOutput;
use super::prometheus::PrometheusArguments;
use super::selection::SelectionArguments;
use super::shared::{ClusterArguments, NOT_ASSESSED, NOTHING_OPEN, OPEN, read_and_look};
use super::{suggest, watch};
use crate::catalog::{self, Severity, Source};
use crate::controls::Verdict;
use crate::facts::known::{Known, Listed};
use crate::facts::kube_bench::kube_bench;
use crate::facts::{About, Facts, bundle, snapshot};
use crate::policy::{self, Policy, Profile};
use crate::report::openreports::Kind;
use crate::report::{Report, redact};

/// What to audit, and how to report it.
#[derive(clap::Args)]
#[command(after_help = super::help::AUDIT)]
pub struct Audit {
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    fleet: FleetArguments,
    /// Audit a snapshot that `collect` wrote, instead of a cluster.
    #[arg(long, value_name = "DIR", conflicts_with_all = super::shared::LIVE, conflicts_with = "prometheus")]
    from: Option<PathBuf>,
    /// Assess what a bundle would deploy, or a plan of Terraform as `terraform show -json` prints it,
    /// before it does: the controls that Juju knows about.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "kubeconfig", "context", "impersonate", "controller", "prometheus"])]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    output: ReportOutput,
    #[command(flatten)]
    selection: SelectionArguments,
    /// Audit again and again, and show what changed; every 30 seconds unless given.
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["from", "bundle", "publish"])]
    watch: Option<u64>,
    /// Replace names of people and hosts, each by the same name everywhere.
    #[arg(long)]
    redact: bool,
    /// Write the report into the cluster too, as an object of OpenReports or, where that is
    /// not installed, a PolicyReport: 2,000 results at most.
    #[arg(long, conflicts_with_all = ["from", "bundle"])]
    publish: bool,
    /// Do not ask before the report is written into the cluster; without a terminal it is not
    /// written without it.
    #[arg(short, long, requires = "publish")]
    yes: bool,
    /// Severity from which an open finding makes the exit status 1, or `never`.
    #[arg(long, default_value = "low", value_parser = policy::parse_threshold)]
    fail_on: Threshold,
    /// Policy: thresholds, allow-lists, waivers, attestations and controls of your own, in YAML.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Tables of advisories and ends of support, and answers of Charmhub, that `bundle-data` wrote,
    /// in place of this program's own; older tables are refused.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Results of kube-bench, as `kube-bench --json` or the log of its Job has them: they assess
    /// K8S-01.
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    kube_bench: Option<PathBuf>,
    #[command(flatten)]
    prometheus: PrometheusArguments,
    /// Treat warnings as failures.
    #[arg(long)]
    strict: bool,
    /// Release of Charmed Kubeflow; else detected by the images.
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// Host by which users reach the platform.
    #[arg(long, value_name = "HOST", value_parser = policy::parse_hostname)]
    external_hostname: Option<String>,
}

type Threshold = Option<Severity>;

impl Audit {
    /// Audits, once or until it is interrupted.
    pub fn run(self) -> anyhow::Result<u8> {
        self.output.check()?;
        let publishes = self.publish && confirm("publish", self.yes)?;
        let is_known = |name: &str| {
            catalog::release(name).is_some() || catalog::past_releases().contains_key(name)
        };
        if let Some(name) = self.release.as_deref().filter(|name| !is_known(name)) {
            let known: Vec<_> = catalog::releases().iter().map(|r| r.name.as_str()).collect();
            let hint = suggest::hint(name, known.iter().copied());
            anyhow::bail!("--release {name:?} is not one of {}{hint}", known.join(", "));
        }
        if self.fleet.is_used() {
            return self.run_fleet();
        }
        if let Some(seconds) = self.watch {
            let period = Duration::from_secs(seconds);
            return watch::run(
                period,
                self.output.is_table(),
                || Ok(self.audit()?.0),
                |report| self.output.write(report),
            );
        }
        let (report, facts) = self.audit()?;
        if publishes {
            self.publish(&facts, &report)?;
        }
        // The report is all that is needed now, and of a large cluster it is large too.
        drop(facts);
        self.output.write(&report)?;
        Ok(self.status(&report))
    }

    fn status(&self, report: &Report) -> u8 {
        // Of a bundle, and of a selection, most is not assessed.
        if self.bundle.is_some() || !report.scope.selected.is_empty() {
            let fails = self.fail_on.is_some_and(|from| report.is_open_at(from));
            return if fails { OPEN } else { NOTHING_OPEN };
        }
        exit_status(report, self.fail_on)
    }

    /// Audits several clusters; the status is the worst of theirs.
    fn run_fleet(&self) -> anyhow::Result<u8> {
        self.output.check_fleet()?;
        let prepared = self.prepare()?;
        // A selection of nothing is an error once, not of each cluster.
        let (policy, problems) = &prepared;
        let mut none = Report::audit(&Facts::default(), policy, None, problems.clone());
        self.selection.apply(&mut none)?;
        let (fleet, status) = self.fleet.run(
            &self.cluster,
            self.output.needs_evidence(),
            self.redact,
            |cluster| Ok(self.audit_one(cluster, prepared.clone())?.0),
            |report| self.status(report),
        )?;
        self.output.write_fleet(&fleet)?;
        Ok(status)
    }

    /// The selected part of a report, with its facts.
    fn audit(&self) -> anyhow::Result<(Report, Facts)> {
        self.audit_one(&self.cluster, self.prepare()?)
    }

    /// The policy, with its problems.
    fn prepare(&self) -> anyhow::Result<(Policy, Vec<String>)> {
        let (mut policy, problems) = match &self.policy {
            Some(path) => super::shared::read_policy(path)?,
            None => (Policy::default(), Vec::new()),
        };
        if self.strict {
            policy.profile = Profile::Strict;
        }
        // A host is of one cluster, also where it is a default.
        if !self.fleet.is_used() {
            policy.external_hostname.clone_from(&self.external_hostname);
        }
        if let Some(path) = &self.data {
            policy.tables = super::data::read(path)?;
        }
        Ok((policy, problems.iter().map(ToString::to_string).collect()))
    }

    fn audit_one(
        &self,
        cluster: &ClusterArguments,
        (policy, mut problems): (Policy, Vec<String>),
    ) -> anyhow::Result<(Report, Facts)> {
        let mut facts = self.facts(cluster, &policy, &mut problems)?;
        facts.charmhub = policy.tables.newest_of_charmhub(std::mem::take(&mut facts.charmhub));
        if let Some(path) = &self.kube_bench {
            add_benchmark(&mut facts, path)?;
        }
        let mut report = Report::audit(&facts, &policy, self.release.as_deref(), problems);
        self.selection.apply(&mut report)?;
        if self.redact {
            let hosts: Vec<String> = policy.external_hostname.into_iter().collect();
            report = redact(&report, &facts, &hosts);
        }
        Ok((report, facts))
    }

    fn facts(
        &self,
        cluster: &ClusterArguments,
        policy: &Policy,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Facts> {
        if let Some(directory) = &self.from {
            let (facts, damaged) = snapshot::read(directory)?;
            problems.extend(damaged.iter().map(ToString::to_string));
            return Ok(facts);
        }
        let Some(path) = &self.bundle else {
            let host = policy.external_hostname.as_deref();
            let mut facts = read_and_look(cluster, policy, host)?;
            // A Prometheus is of one cluster, also where it is a default.
            if !self.fleet.is_used() {
                self.prometheus.look(&mut facts)?;
            }
            return Ok(facts);
        };
        let what = || format!("bundle {}", path.display());
        let text = crate::files::read(path, crate::files::LARGEST_BY_HAND).with_context(what)?;
        let (juju, unclear) = bundle::read(&text, &policy.options).with_context(what)?;
        problems.extend(unclear);
        let about = About {
            collected_at: crate::now(),
            namespace: self.cluster.kubernetes.namespace.clone(),
        };
        Ok(Facts { about, juju: Known::Known(juju), ..Facts::default() })
    }
}

impl Audit {
    fn publish(&self, facts: &Facts, report: &Report) -> anyhow::Result<()> {
        let definitions = match &facts.crds {
            Known::Known(crds) => &crds.items,
            Known::Unknown(why) => anyhow::bail!("--publish: the definitions of kinds: {why}"),
        };
        let names = definitions.iter().map(|crd| crd.metadata.name.as_str());
        let Some(kind) = Kind::among(names) else {
            anyhow::bail!(
                "--publish: the cluster has neither OpenReports nor PolicyReport; install the \
                 definitions of openreports.io"
            );
        };
        let cluster = super::shared::connect(&self.cluster)?;
        Ok(cluster.publish(kind.plural(), &kind.of(report))?)
    }
}

/// Adds what kube-bench printed to the reports of the cluster.
fn add_benchmark(facts: &mut Facts, path: &std::path::Path) -> anyhow::Result<()> {
    let what = || format!("results of kube-bench {}", path.display());
    let text = crate::files::read(path, crate::files::LARGEST_BY_HAND).with_context(what)?;
    let report = kube_bench(&text, facts.about.collected_at).with_context(what)?;
    match &mut facts.cluster_compliance_reports {
        Known::Known(reports) => reports.items.push(report),
        unknown => *unknown = Known::Known(Listed { items: vec![report], ..Listed::default() }),
    }
    Ok(())
}

/// 1 if something is open at or over the threshold; 3 if most of what the
/// cluster has could not be read.
fn exit_status(report: &Report, threshold: Option<Severity>) -> u8 {
    if threshold.is_some_and(|threshold| report.is_open_at(threshold)) {
        return OPEN;
    }
    let of_cluster =
        |id: &str| catalog::control(id).is_some_and(|c| c.source == Source::Kubernetes);
    let all = report.controls.iter().filter(|c| of_cluster(&c.id)).count();
    let missing = report
        .controls
        .iter()
        .filter(|c| of_cluster(&c.id) && c.verdict == Verdict::NotAssessed)
        .count();
    if missing * 2 > all { NOT_ASSESSED } else { NOTHING_OPEN }
}
