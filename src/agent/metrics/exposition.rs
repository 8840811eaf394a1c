//! The metrics as text, for a scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::summary::{Line, Running, Summary};
use crate::controls::Verdict;

/// Labels by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Labels(Vec<(&'static str, String)>);

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;
type Counters = Family<Labels, Counter>;

fn labels<const N: usize>(pairs: [(&'static str, &str); N]) -> Labels {
    Labels(pairs.map(|(name, value)| (name, value.to_owned())).into())
}

/// The text of the metrics: all, or only sums that name no weakness.
pub fn render(summary: &Summary, running: &Running, names_weaknesses: bool) -> String {
    let mut registry = Registry::with_prefix("ckf_hardening");
    // Prometheus before 3 knows no metrics of the type info.
    let build = Gauges::default();
    build.get_or_create(&labels([("version", crate::VERSION)])).set(1.0);
    registry.register("build_info", "Version of the program, as 1", build);
    of_all_controls(&mut registry, summary);
    if names_weaknesses {
        of_each_control(&mut registry, summary);
        of_certificates(&mut registry, summary);
        of_credentials(&mut registry, summary);
        of_rocks(&mut registry, summary);
    }
    of_itself(&mut registry, summary, running);
    let mut text = String::new();
    // A string takes all.
    let _ = encode(&mut text, &registry);
    text
}

/// The same in Prometheus's older text format, which names a counter whole in its comments.
pub fn classic(open_metrics: &str) -> String {
    let types = open_metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let counters: BTreeSet<&str> = types.filter_map(|rest| rest.strip_suffix(" counter")).collect();
    let mut out = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => continue,
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                out.push_str(&format!("# {what} {name}_total {rest}"));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// Registers times under a name with its unit, and under the name without it, which dashboards and
/// rules of version 0.1 read; the next version drops it.
fn register_timestamp(registry: &mut Registry, name: &str, help: &str, times: &Gauges) {
    registry.register(format!("{name}_seconds"), help, times.clone());
    registry.register(name, format!("Deprecated: see {name}_seconds"), times.clone());
}

/// Sums over all controls.
fn of_all_controls(registry: &mut Registry, summary: &Summary) {
    let open = Gauges::default();
    for (severity, number) in &summary.open {
        open.get_or_create(&labels([("severity", severity.name())])).set(*number as f64);
    }
    registry.register("open_controls", "Controls that fail, by severity", open);
    registry.register(
        "unread_kinds",
        "Kinds of objects that could not be read",
        gauge(summary.unread as f64),
    );
    let controls = &summary.controls;
    let is_known = |line: &&Line| line.verdict != Verdict::NotAssessed;
    let known = controls.iter().filter(is_known).count();
    let share = gauge(known as f64 / controls.len().max(1) as f64);
    registry.register("coverage_ratio", "Controls that could be assessed, of all", share);
    registry.register(
        "score_ratio",
        "Assessed controls that pass, weighted by severity, of all that were assessed",
        gauge(f64::from(summary.score) / 100.0),
    );
}

fn of_each_control(registry: &mut Registry, summary: &Summary) {
    let (verdicts, findings, since) = (Gauges::default(), Gauges::default(), Gauges::default());
    let mut of_section: BTreeMap<&str, usize> = BTreeMap::new();
    for control in &summary.controls {
        let verdict = labels([
            ("control", &control.id),
            ("section", &control.section),
            ("severity", control.severity.name()),
            ("verdict", control.verdict.name()),
        ]);
        verdicts.get_or_create(&verdict).set(1.0);
        *of_section.entry(&control.section).or_default() += control.findings;
    }
    for (section, number) in of_section {
        findings.get_or_create(&labels([("section", section)])).set(number as f64);
    }
    for (id, at) in &summary.open_since {
        since.get_or_create(&labels([("control", id)])).set(at.as_second() as f64);
    }
    registry.register("control", "The verdict that a control has, as 1", verdicts);
    registry.register("open_findings", "Findings that are open, by section of the guide", findings);
    register_timestamp(
        registry,
        "failing_since_timestamp",
        "When a control that fails was first seen to, in seconds since 1970",
        &since,
    );
}

fn of_certificates(registry: &mut Registry, summary: &Summary) {
    let (ends, renewals) = (Gauges::default(), Gauges::default());
    for certificate in &summary.certificates {
        let source = labels([("source", certificate.source)]);
        ends.get_or_create(&source).set(certificate.not_after as f64);
        renewals.get_or_create(&source).set(certificate.renewal as f64);
    }
    register_timestamp(
        registry,
        "certificate_not_after_timestamp",
        "When the gateway's certificate ends, in seconds since 1970",
        &ends,
    );
    register_timestamp(
        registry,
        "certificate_renewal_timestamp",
        "When it is to be renewed, in seconds since 1970",
        &renewals,
    );
}

fn of_credentials(registry: &mut Registry, summary: &Summary) {
    let (rotated, due, open, failed) =
        (Gauges::default(), Gauges::default(), Gauges::default(), Gauges::default());
    for (name, credential) in &summary.credentials {
        let name = labels([("credential", name)]);
        let seconds = |at: &Timestamp| at.as_second() as f64;
        if let Some(at) = &credential.rotated {
            rotated.get_or_create(&name).set(seconds(at));
        }
        if let Some(at) = &credential.due {
            due.get_or_create(&name).set(seconds(at));
        }
        let flag = |is: bool| f64::from(u8::from(is));
        open.get_or_create(&name).set(flag(credential.is_open));
        failed.get_or_create(&name).set(flag(credential.failed));
    }
    register_timestamp(
        registry,
        "credential_rotated_timestamp",
        "When a credential was last rotated, in seconds since 1970",
        &rotated,
    );
    register_timestamp(
        registry,
        "credential_due_timestamp",
        "When it is to be rotated, in seconds since 1970",
        &due,
    );
    registry.register(
        "credential_rotation_open",
        "Whether a rotation has begun and not ended",
        open,
    );
    registry.register(
        "credential_rotation_failed",
        "Whether the last try to rotate it failed",
        failed,
    );
}

fn of_rocks(registry: &mut Registry, summary: &Summary) {
    let images = Gauges::default();
    let counts = summary.images;
    for (name, number) in [
        ("all", counts.all),
        ("unexpected", counts.unexpected),
        ("newer", counts.newer),
        ("unknown", counts.unknown),
    ] {
        images.get_or_create(&labels([("state", name)])).set(number as f64);
    }
    registry.register("images", "Images of the platform: all, and those that are unexpected, have a newer revision, or are of an unknown registry", images);
}

fn of_itself(registry: &mut Registry, summary: &Summary, running: &Running) {
    let flag = |is: bool| f64::from(u8::from(is));
    for (name, help, value) in [
        (
            "repairs_given_up",
            "Objects that are not repaired for now, since someone keeps undoing it",
            running.repaired.given_up() as f64,
        ),
        ("leads", "Whether this unit leads, and so repairs", flag(summary.is_leader)),
        ("enforces", "Whether anything is enforced", flag(summary.enforces)),
    ] {
        registry.register(name, help, gauge(value));
    }
    for (name, help) in [
        (
            "audit_timestamp_seconds",
            "When the oldest facts behind the verdicts were last confirmed, in seconds since 1970",
        ),
        ("audit_timestamp", "Deprecated: see audit_timestamp_seconds"),
    ] {
        registry.register(name, help, gauge(summary.collected_at as f64));
    }
    let duration = gauge(summary.numbers.seconds);
    registry.register_with_unit(
        "audit_duration",
        "How long the last audit took",
        Unit::Seconds,
        duration,
    );
    counters(registry, summary, running);
    let requests = Counters::default();
    for ((kind, verb), number) in &running.requests {
        requests.get_or_create(&labels([("kind", kind), ("verb", verb)])).inc_by(*number);
    }
    registry.register("api_requests", "Requests to the API server, by kind and verb", requests);
}

/// Counters without labels.
fn counters(registry: &mut Registry, summary: &Summary, running: &Running) {
    let (numbers, repaired, watches) = (summary.numbers, &running.repaired, running.watches);
    for (name, help, value) in [
        ("audits", "Audits, whole or partial", numbers.audits),
        (
            "assessed_controls",
            "Controls that were assessed, in all audits together",
            numbers.assessed,
        ),
        ("judged_controls", "Deprecated: see assessed_controls", numbers.assessed),
        ("repairs", "Objects that were repaired", repaired.done),
        ("repair_failures", "Repairs that failed", repaired.failed),
        ("api_lists", "Lists that were read from the API server", watches.lists),
        ("api_watches", "Watches that were opened", watches.watches),
        ("api_events", "Objects that watches reported", watches.events),
        ("api_failures", "Lists and watches that failed", watches.failures),
        ("connections_refused", "Connections refused because too many were open", running.refused),
    ] {
        registry.register(name, help, ConstCounter::new(value));
    }
}

fn gauge(value: f64) -> Gauge<f64, AtomicU64> {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}
