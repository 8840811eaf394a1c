//! Each control that is read from Kubernetes: a world in which it passes, one
//! fault by which it fails, and facts by which it cannot be told.

mod faults;
mod odd_certificates;

use std::sync::LazyLock;

use ckf_hardening::catalog::{self, Source};
use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::certificate::Certificate;
use ckf_hardening::facts::core::Version;
use ckf_hardening::facts::handshake::{Clear, Seen};
use ckf_hardening::facts::known::{Known, Unknown};
use ckf_hardening::facts::rbac::{Access, AccessReview};
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_worlds::World;
use serde_json::json;

/// A cluster and the policy that it is judged by.
pub struct Case {
    world: World,
    version: String,
    access: AccessReview,
    policy: Policy,
    release: Option<&'static str>,
    /// When the facts were read.
    now: jiff::Timestamp,
    /// What clients of the gateway get instead of what it should serve.
    gets: fn(&mut Seen),
}

impl Case {
    /// The hardened world, by a policy that demands all that can be demanded.
    fn hardened() -> Self {
        let may = |verb: &str| Access {
            group: String::new(),
            resource: "pods".into(),
            verb: verb.into(),
            allowed: true,
        };
        let owns =
            Access { group: "*".into(), resource: "*".into(), verb: "*".into(), allowed: false };
        // The world takes longer to make than to copy.
        static WORLD: LazyLock<World> = LazyLock::new(|| World::hardened("1.11"));
        let mut world = WORLD.clone();
        // The API server writes this when a charm made the object.
        world.get("Gateway", "kubeflow-gateway")["metadata"]["managedFields"] = json!([
            {"manager": "lightkube", "operation": "Apply", "fieldsV1": {"f:spec": {"f:servers": {}}}}]);
        world.objects.push(faults::vulnerability_report(json!([])));
        Self {
            world,
            version: "v1.32.4".into(),
            access: AccessReview {
                subject: "system:serviceaccount:kube-system:juju-credential-0a1b2c3d".into(),
                is_juju: true,
                answers: vec![may("create"), may("delete"), may("patch"), may("list"), owns],
            },
            policy: Policy {
                external_hostname: Some(ckf_worlds::HOST.into()),
                source_ranges: vec![ckf_worlds::SOURCE_RANGE.into()],
                ..Policy::default()
            },
            release: None,
            now: "2026-11-01T00:00:00Z".parse().unwrap(),
            gets: |_| (),
        }
    }

    /// A gateway that serves what its Secret holds.
    fn seen(&self) -> Option<Seen> {
        let mut secrets = self.world.objects.iter().filter(|o| o["kind"] == "Secret");
        let secret =
            secrets.find(|o| o["metadata"]["name"] == "kubeflow-gateway-gateway-secret")?;
        let certificate = secret["data"]["tls.crt"].as_str()?;
        let mut seen = Seen {
            at: "10.64.140.43:443".into(),
            host: Some(ckf_worlds::HOST.into()),
            agreed: Some(("TLS 1.3".into(), "TLS13_AES_256_GCM_SHA384".into())),
            chain: Certificate::from_base64_pem(certificate).ok()?,
            broken_chain: None,
            versions: vec![2, 3],
            weak: Vec::new(),
            hsts: Some("max-age=31536000".into()),
            clear: Some(Clear {
                status: 301,
                location: Some("https://kubeflow.example.com/".into()),
            }),
        };
        (self.gets)(&mut seen);
        Some(seen)
    }

    fn facts(&self) -> Facts {
        let about = About { collected_at: self.now, namespace: "kubeflow".into() };
        let mut facts = Facts::from_objects(about, &self.world.objects);
        facts.version = Known::Known(Version { git_version: self.version.clone() });
        facts.access = Known::Known(self.access.clone());
        if let Some(seen) = self.seen() {
            facts.handshake = Known::Known(seen);
        }
        facts
    }

    fn audit(&self) -> Report {
        Report::audit(&self.facts(), &self.policy, self.release, Vec::new())
    }
}

fn verdict(report: &Report, id: &str) -> (Verdict, String) {
    let control = report.controls.iter().find(|c| c.id == id).unwrap();
    (control.verdict, control.reason.clone())
}

fn of_kubernetes() -> impl Iterator<Item = &'static str> {
    catalog::controls().iter().filter(|c| c.source == Source::Kubernetes).map(|c| c.id.as_str())
}

/// Each change alone, on the hardened world, must give this verdict.
fn all_are(
    wanted: Verdict,
    cases: impl Iterator<Item = (&'static str, &'static str, faults::Change)>,
) {
    let mut wrong = Vec::new();
    for (id, what, change) in cases {
        let mut case = Case::hardened();
        change(&mut case);
        let (seen, reason) = verdict(&case.audit(), id);
        wrong.extend(
            (seen != wanted).then(|| format!("{id}, {what}, is {}: {reason}", seen.name())),
        );
    }
    none(&wrong);
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What no operator of sidecar-mode CKF can make pass: there is nothing to
/// judge, or Charmed Kubeflow itself has yet to change.
const NEVER_PASS_HARDENED: &[(&str, Verdict)] = &[
    ("CRED-11", Verdict::Fail),
    ("IMG-05", Verdict::Fail),
    ("OBS-06", Verdict::NotAssessed),
    ("TLS-15", Verdict::NotApplicable),
];

#[test]
fn the_hardened_world_passes() {
    let report = Case::hardened().audit();
    let mut wrong = Vec::new();
    for id in of_kubernetes() {
        let wanted = NEVER_PASS_HARDENED
            .iter()
            .find(|(known, _)| *known == id)
            .map_or(Verdict::Pass, |(_, v)| *v);
        let (seen, reason) = verdict(&report, id);
        wrong.extend((seen != wanted).then(|| format!("{id} is {}: {reason}", seen.name())));
    }
    none(&wrong);
}

#[test]
fn those_that_the_hardened_world_cannot_pass_can_be_passed() {
    let cases = faults::PUT_RIGHT.iter().map(|(id, change)| (*id, "put right", *change));
    all_are(Verdict::Pass, cases);
}

#[test]
fn each_fault_fails_its_control() {
    all_are(Verdict::Fail, faults::FAULTS.iter().copied());
}

#[test]
fn every_control_has_a_fault() {
    for id in of_kubernetes() {
        assert!(faults::FAULTS.iter().any(|(known, ..)| *known == id), "{id}");
    }
}

#[test]
fn what_is_no_fault_fails_nothing() {
    all_are(Verdict::Pass, faults::NO_FAULTS.iter().copied());
}

#[test]
fn without_the_kinds_that_it_reads_no_control_passes_or_fails() {
    let refused = || Unknown::Forbidden("user \"x\" cannot list".into());
    let mut facts = Facts { about: Case::hardened().facts().about, ..Facts::default() };
    facts.version = Known::Unknown(refused());
    let report = Report::audit(&facts, &Case::hardened().policy, None, Vec::new());
    for id in of_kubernetes() {
        let (seen, reason) = verdict(&report, id);
        assert_eq!(seen, Verdict::NotAssessed, "{id}: {reason}");
    }
}

#[test]
fn a_kind_that_is_refused_turns_no_failure_into_a_pass() {
    let case = Case { world: World::stock("1.10"), ..Case::hardened() };
    let all = case.audit();
    let facts = serde_json::to_value(case.facts()).unwrap();
    for kind in facts.as_object().unwrap().keys().filter(|k| *k != "about") {
        let mut fewer = facts.clone();
        fewer[kind] = json!({"unknown": {"why": "forbidden", "detail": "no"}});
        let fewer: Facts = serde_json::from_value(fewer).unwrap();
        let report = Report::audit(&fewer, &case.policy, None, Vec::new());
        for (before, after) in all.controls.iter().zip(&report.controls) {
            let same = before.verdict == after.verdict;
            assert!(
                same || after.verdict == Verdict::NotAssessed,
                "{} without {kind}: {:?} became {:?}: {}",
                before.id,
                before.verdict,
                after.verdict,
                after.reason
            );
        }
    }
}
