//! `audit`: judge a cluster, or a snapshot of one.

use std::path::PathBuf;

use anyhow::Context as _;

use super::confirm::confirm;
use super::shared::{
    ClusterArguments, NOT_ASSESSED, NOTHING_OPEN, OPEN, print, print_data, read_and_look,
};
use crate::catalog::{self, Severity, Source};
use crate::controls::Verdict;
use crate::facts::known::{Known, Listed};
use crate::facts::kube_bench::kube_bench;
use crate::facts::{About, Facts, bundle, snapshot};
use crate::policy::{self, Policy, Profile};
use crate::report::framework::Framework;
use crate::report::openreports::Kind;
use crate::report::{Format, Report, redact, sarif};

#[derive(clap::Args)]
pub struct Audit {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Audit a snapshot that `collect` wrote, instead of a cluster.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kubeconfig", "context", "controller", "namespace"])]
    from: Option<PathBuf>,
    /// Assess what a bundle would deploy, before it does: the controls that Juju knows about.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "kubeconfig", "context", "controller"])]
    bundle: Option<PathBuf>,
    /// Format of the report.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write every verdict as SARIF, with kinds and suppressions: for viewers that know them.
    #[arg(long, requires = "format")]
    sarif_all: bool,
    /// Show the verdicts by the requirements of another catalogue, instead of a report.
    #[arg(long, value_enum, conflicts_with = "format")]
    framework: Option<Framework>,
    /// Replace names of people and hosts, each by the same name everywhere.
    #[arg(long)]
    redact: bool,
    /// Write the report into the cluster too, as an object of OpenReports or, where that is
    /// not installed, a PolicyReport: 2,000 results at most.
    #[arg(long, conflicts_with_all = ["from", "bundle"])]
    publish: bool,
    /// Do not ask before the report is written into the cluster; without a terminal it is not
    /// written without it.
    #[arg(long, requires = "publish")]
    yes: bool,
    /// Severity from which an open finding makes the exit status 1, or `never`.
    #[arg(long, default_value = "low", value_parser = policy::parse_threshold)]
    fail_on: Threshold,
    /// Policy: thresholds, allow-lists, waivers, attestations and controls of your own, in YAML.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Tables of advisories and ends of support that `bundle-data` wrote, in place of this
    /// program's own; older ones are refused.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Results of kube-bench, as `kube-bench --json` or the log of its Job has them: they assess
    /// K8S-01.
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    kube_bench: Option<PathBuf>,
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
    pub fn run(self) -> anyhow::Result<u8> {
        if self.sarif_all && self.format != Format::Sarif {
            anyhow::bail!("--sarif-all: only with --format sarif");
        }
        let publishes = self.publish && confirm("publish", self.yes)?;
        if let Some(name) = self.release.as_deref().filter(|name| catalog::release(name).is_none())
        {
            let known: Vec<_> = catalog::releases().iter().map(|r| r.name.as_str()).collect();
            anyhow::bail!("--release {name:?} is not one of {}", known.join(", "));
        }
        let (mut policy, problems) = match &self.policy {
            Some(path) => super::shared::read_policy(path)?,
            None => (Policy::default(), Vec::new()),
        };
        if self.strict {
            policy.profile = Profile::Strict;
        }
        policy.external_hostname.clone_from(&self.external_hostname);
        if let Some(path) = &self.data {
            policy.tables = super::data::read(path)?;
        }
        let mut problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let mut facts = match (&self.from, &self.bundle) {
            (None, Some(path)) => {
                let what = || format!("bundle {}", path.display());
                let text =
                    crate::files::read(path, crate::files::LARGEST_BY_HAND).with_context(what)?;
                let read = bundle::read(&text, &policy.options);
                let (juju, unclear) = read.with_context(what)?;
                problems.extend(unclear);
                let about = About {
                    collected_at: crate::now(),
                    namespace: self.cluster.kubernetes.namespace.clone(),
                };
                Facts { about, juju: Known::Known(juju), ..Facts::default() }
            }
            (Some(directory), _) => {
                let (facts, damaged) = snapshot::read(directory)?;
                problems.extend(damaged.iter().map(ToString::to_string));
                facts
            }
            (None, None) => {
                let host = policy.external_hostname.as_deref();
                read_and_look(&self.cluster, &policy, host)?
            }
        };
        if let Some(path) = &self.kube_bench {
            add_benchmark(&mut facts, path)?;
        }
        let mut report = Report::audit(&facts, &policy, self.release.as_deref(), problems);
        if self.redact {
            let hosts: Vec<String> = policy.external_hostname.into_iter().collect();
            report = redact(&report, &facts, &hosts);
        }
        if publishes {
            self.publish(&facts, &report)?;
        }
        // The report is all that is needed now, and of a large cluster it is large too.
        drop(facts);
        match (self.framework, self.format) {
            (Some(framework), _) => print(&framework.render(&report))?,
            (None, Format::Sarif) if self.sarif_all => print_data(&sarif::render_all(&report))?,
            (None, Format::Table) => print(&self.format.render(&report))?,
            (None, format) => print_data(&format.render(&report))?,
        }
        // Of a bundle, most cannot be assessed.
        if self.bundle.is_some() {
            let fails = self.fail_on.is_some_and(|from| report.is_open_at(from));
            return Ok(if fails { OPEN } else { NOTHING_OPEN });
        }
        Ok(exit_status(&report, self.fail_on))
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
/// cluster could tell was not told.
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
