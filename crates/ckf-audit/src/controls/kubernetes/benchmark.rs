//! Benchmarks of the cluster, by trivy-operator or kube-bench; else attested.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::controls::attestation::{attested, unattested};
use crate::controls::check::Check;
use crate::facts::compliance::{Checked, ClusterComplianceReport};
use crate::facts::kube_bench::kube_bench;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, count, finding};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("K8S-01", benchmark_passes)];

/// Older results say little of the cluster as it is.
const LONGEST_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A benchmark of the cluster itself; those of Pod Security are about pods.
fn is_of_cluster(report: &ClusterComplianceReport) -> bool {
    let id = report.spec.compliance.id.to_ascii_lowercase();
    ["cis", "nsa", "stig"].iter().any(|name| id.contains(name))
}

/// ConfigMap of the platform's namespace with what kube-bench printed.
const KUBE_BENCH: &str = "kube-bench";
/// Its key with the day, or the time, of the run: the output itself names none.
const TAKEN: &str = "taken";

/// What the ConfigMap has of kube-bench, a report for each of its keys.
fn of_kube_bench(context: &Context<'_>) -> Result<Vec<ClusterComplianceReport>, MissingFact> {
    let mut maps = context.config_maps()?.iter();
    let Some(map) = maps.find(|map| map.metadata.name == KUBE_BENCH) else {
        return Ok(Vec::new());
    };
    let missing = |why: String| MissingFact(format!("{}: {why}", map.reference()));
    let taken = map.data.get(TAKEN).map(|text| text.trim()).unwrap_or_default();
    let of_day = || Some(taken.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let at = taken.parse::<Timestamp>().ok().or_else(of_day).ok_or_else(|| {
        missing(format!("its key {TAKEN} is no day of the run: {taken:?}, wanted: 2026-11-28"))
    })?;
    let printed = map.data.iter().filter(|(key, _)| *key != TAKEN);
    let report = |(key, text): (&String, &String)| {
        kube_bench(text, at).map_err(|why| missing(format!("{key}: {why}")))
    };
    printed.map(report).collect()
}

/// Benchmarks of the cluster.
pub(super) struct Benchmarks<'a> {
    /// Reports that count, with their results by requirement.
    pub(super) young: Vec<(Cow<'a, ClusterComplianceReport>, Vec<Checked>)>,
    /// What is said of one that is too old.
    pub(super) old: Option<String>,
    /// Why some could not be read.
    pub(super) missing: Option<MissingFact>,
}

/// Benchmarks by trivy-operator and kube-bench.
pub(super) fn benchmarks<'a>(context: &Context<'a>) -> Benchmarks<'a> {
    let mut reports = Vec::new();
    let mut missing = None;
    match context.cluster_compliance_reports() {
        Ok(of_trivy) => reports.extend(of_trivy.iter().map(Cow::Borrowed)),
        Err(why) => missing = Some(why),
    }
    match of_kube_bench(context) {
        Ok(of_kube_bench) => reports.extend(of_kube_bench.into_iter().map(Cow::Owned)),
        Err(why) => missing = missing.or(Some(why)),
    }
    let (mut young, mut old) = (Vec::new(), None);
    for report in reports.into_iter().filter(|report| is_of_cluster(report)) {
        let id = &report.spec.compliance.id;
        let taken = report.status.update_timestamp.parse::<Timestamp>().ok();
        let Some(results) = report.results() else { continue };
        let is_young =
            taken.is_some_and(|taken| context.now().duration_since(taken) <= LONGEST_AGE);
        if is_young {
            young.push((report, results));
        } else {
            let since = taken.map_or("an unknown day".into(), |taken| taken.to_string());
            old = Some(format!("the results of {id} are of {since}"));
        }
    }
    Benchmarks { young, old, missing }
}

/// K8S-01: The cluster is hardened to its distribution's guide
fn benchmark_passes(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let Benchmarks { young, old, missing } = benchmarks(context);
    let (mut findings, mut evidence) = (Vec::new(), Vec::new());
    for (report, results) in &young {
        let id = &report.spec.compliance.id;
        let manual = results.iter().filter(|result| result.total_fail.is_none()).count();
        let total = results.len();
        findings.extend(results.iter().filter(|r| r.total_fail.is_some_and(|n| n > 0)).map(
            |result| -> Finding {
                let severity = match result.severity.as_str() {
                    "" => String::new(),
                    known => format!(", {}", known.to_ascii_lowercase()),
                };
                let failed =
                    count(result.total_fail.map_or(0, |n| n.unsigned_abs()) as usize, "failure");
                let seen = format!("{failed}{severity}: {}", result.name);
                finding(report.reference(), &format!("{id} {}", result.id), seen, "no failure")
            },
        ));
        evidence.push(format!("{id}: {total} requirements, {manual} of them for a person"));
    }
    if !findings.is_empty() {
        return Ok(Outcome::Fail(findings));
    }
    if let Some(missing) = missing {
        // What a person attests does not depend on reports.
        return match by_person(context) {
            Outcome::Pass(evidence) => Ok(Outcome::Pass(evidence)),
            _ => Err(missing),
        };
    }
    if !evidence.is_empty() {
        return Ok(Outcome::Pass(evidence.join("; ")));
    }
    Ok(match (by_person(context), old) {
        (Outcome::NotAssessed(_), Some(old)) => Outcome::NotAssessed(old),
        (Outcome::NotAssessed(why), None) => {
            Outcome::NotAssessed(format!("no report of a benchmark is in the cluster, and {why}"))
        }
        (outcome, _) => outcome,
    })
}

fn by_person(context: &Context<'_>) -> Outcome {
    attested("K8S-01", context).unwrap_or_else(unattested)
}
