//! Each assessed control: a platform on which it passes, faults by which it fails, and facts
//! without which it is not assessed.

mod case;
mod faults;
mod field_changes;
mod no_faults;
mod odd_certificates;
mod platform;
mod precise;

use std::collections::BTreeSet;

use ckf_hardening::catalog::{self, Control, Source};
use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::Facts;
use ckf_hardening::facts::known::{Known, Unknown};
use ckf_hardening::report::Report;
use ckf_worlds::World;
use serde_json::json;

use crate::case::Case;

fn verdict(report: &Report, id: &str) -> (Verdict, String) {
    let control = report.controls.iter().find(|c| c.id == id).unwrap();
    (control.verdict, control.reason.clone())
}

/// Controls that a check assesses.
fn assessed() -> impl Iterator<Item = &'static Control> {
    catalog::controls().iter().filter(|control| control.source != Source::Attestation)
}

/// Each change alone, on the hardened platform, must give this verdict.
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

/// Controls that no operator of sidecar-mode CKF can make pass: there is nothing to
/// assess, or Charmed Kubeflow itself has yet to change.
const NEVER_PASS_HARDENED: &[(&str, Verdict)] = &[
    // It asks nothing of the profile baseline.
    ("AUTHN-08", Verdict::NotApplicable),
    ("CRED-11", Verdict::Fail),
    ("IMG-05", Verdict::Fail),
    ("IMG-14", Verdict::NotApplicable),
    ("JUJU-11", Verdict::NotApplicable),
    ("JUJU-12", Verdict::NotApplicable),
    ("OBS-06", Verdict::NotAssessed),
    ("TLS-15", Verdict::NotApplicable),
    // One node has nothing to spread over.
    ("UPG-13", Verdict::NotApplicable),
    ("UPG-08", Verdict::Fail),
    ("UPG-09", Verdict::Fail),
    ("UPG-10", Verdict::Fail),
];

#[test]
fn hardened_platform_passes() {
    let report = Case::hardened().audit();
    let mut wrong = Vec::new();
    for Control { id, .. } in assessed() {
        let wanted = NEVER_PASS_HARDENED
            .iter()
            .find(|(known, _)| known == id)
            .map_or(Verdict::Pass, |(_, v)| *v);
        let (seen, reason) = verdict(&report, id);
        wrong.extend((seen != wanted).then(|| format!("{id} is {}: {reason}", seen.name())));
    }
    none(&wrong);
}

#[test]
fn control_that_fails_on_the_hardened_platform_can_pass() {
    let cases = no_faults::REMEDIED.iter().map(|(id, change)| (*id, "remedied", *change));
    all_are(Verdict::Pass, cases);
}

/// Controls that fail on a platform.
fn failing(case: &Case) -> BTreeSet<String> {
    let controls = case.audit().controls.into_iter();
    controls.filter(|c| c.verdict == Verdict::Fail).map(|c| c.id).collect()
}

#[test]
fn fault_fails_its_control_and_those_that_it_names() {
    let before = failing(&Case::hardened());
    let mut wrong = Vec::new();
    for fault in faults::all() {
        let mut case = Case::hardened();
        (fault.change)(&mut case);
        let after = failing(&case);
        if !after.contains(fault.control) {
            let (seen, reason) = verdict(&case.audit(), fault.control);
            let what = fault.what;
            wrong.push(format!("{}, {what}, is {}: {reason}", fault.control, seen.name()));
        }
        let named = fault.also.iter().map(|id| (*id).to_owned());
        let others = after.difference(&before).filter(|id| *id != fault.control);
        let (named, others) = (named.collect::<BTreeSet<_>>(), others.cloned().collect());
        if named != others {
            let what = fault.what;
            wrong.push(format!("{}, {what}, names {named:?} and fails {others:?}", fault.control));
        }
    }
    none(&wrong);
}

#[test]
fn assessed_control_has_a_fault() {
    for Control { id, .. } in assessed() {
        assert!(faults::all().any(|fault| fault.control == id), "{id}");
    }
}

#[test]
fn fault_is_in_the_file_of_its_family_and_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for (family, faults) in faults::FAMILIES {
        for fault in *faults {
            assert_eq!(catalog::Family::of(fault.control), Some(*family), "{}", fault.control);
            assert!(names.insert((fault.control, fault.what)), "{}: {}", fault.control, fault.what);
        }
    }
}

#[test]
fn change_that_is_no_fault_fails_nothing() {
    all_are(Verdict::Pass, no_faults::NO_FAULTS.iter().copied());
}

#[test]
fn control_without_the_kinds_that_it_reads_is_not_assessed() {
    let refused = || Unknown::Forbidden("user \"x\" cannot list".into());
    let mut facts = Facts { about: Case::hardened().facts().about, ..Facts::default() };
    facts.version = Known::Unknown(refused());
    let report = Report::audit(&facts, &Case::hardened().policy, None, Vec::new());
    // The policy needs no facts.
    for Control { id, .. } in assessed().filter(|control| control.source != Source::Policy) {
        let (seen, reason) = verdict(&report, id);
        assert_eq!(seen, Verdict::NotAssessed, "{id}: {reason}");
    }
}

#[test]
fn kind_that_is_refused_turns_no_failure_into_a_pass() {
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
