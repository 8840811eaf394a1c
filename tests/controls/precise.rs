//! What a control needs to know: a kind that cannot be read leaves a verdict that it cannot
//! change, and turns no failure into a pass.

use std::collections::BTreeSet;

use ckf_hardening::controls::{Context, Verdict, assess_named};
use ckf_hardening::facts::known::{Known, Unknown};
use ckf_hardening::facts::{Facts, with_kinds};

use crate::case::Case;
use crate::{faults, none};

/// What ways through the platform's gateway, and login on them, are read from.
const OF_GATEWAY: &[&str] = &[
    "config_maps",
    "envoy_filters",
    "gateways",
    "namespaces",
    "pods",
    "profiles",
    "service_entries",
    "services",
    "virtual_services",
];
/// Other objects by which a gateway can be opened.
const OF_OTHER_GATEWAYS: &[&str] = &["ambient_gateways", "ingresses"];
/// What exposure to a network outside is read from.
const OF_EXPOSURE: &[&str] =
    &["gateways", "ingresses", "namespaces", "pods", "profiles", "services"];

/// Controls of entrances, with the kinds without which they are not assessed on the hardened
/// platform, which has no Gateway of the Gateway API and no Ingress.
const NEEDED: &[(&str, &[&[&str]])] = &[
    ("AUTHN-01", &[OF_GATEWAY, OF_OTHER_GATEWAYS]),
    ("AUTHN-02", &[OF_GATEWAY]),
    ("AUTHN-15", &[OF_GATEWAY, OF_OTHER_GATEWAYS, &["request_authentications", "wasm_plugins"]]),
    ("NET-06", &[OF_EXPOSURE]),
    ("NET-08", &[OF_EXPOSURE, &["domain_mappings", "service_entries", "virtual_services"]]),
    ("TLS-01", &[OF_GATEWAY, OF_OTHER_GATEWAYS]),
    ("TLS-02", &[OF_GATEWAY, OF_OTHER_GATEWAYS]),
];

macro_rules! refuse {
    ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
        /// Names of all kinds.
        const KINDS: &[&str] = &[$(stringify!($field)),*];

        /// The same facts, read by an account that may not list a kind.
        fn without(facts: &Facts, kind: &str) -> Facts {
            let mut facts = facts.clone();
            match kind {
                $(stringify!($field) => {
                    facts.$field = Known::Unknown(Unknown::Forbidden("no".into()));
                })*
                other => unreachable!("{other}"),
            }
            facts
        }
    };
}
with_kinds!(refuse);

fn verdict(case: &Case, facts: &Facts, id: &str) -> Verdict {
    assess_named(id, &Context::new(facts, &case.policy, case.release)).verdict
}

#[test]
fn control_needs_only_kinds_that_can_change_its_verdict() {
    let case = Case::hardened();
    let facts = case.facts();
    let mut wrong = Vec::new();
    for (id, needed) in NEEDED {
        let needed: BTreeSet<&str> = needed.concat().into_iter().collect();
        let without = KINDS
            .iter()
            .filter(|kind| verdict(&case, &without(&facts, kind), id) == Verdict::NotAssessed);
        let without: BTreeSet<&str> = without.copied().collect();
        if without != needed {
            wrong.push(format!("{id} needs {without:?}, not {needed:?}"));
        }
    }
    none(&wrong);
}

#[test]
fn fault_is_no_pass_without_a_kind() {
    let mut wrong = Vec::new();
    let is_ours = |fault: &&faults::Fault| NEEDED.iter().any(|(id, _)| *id == fault.control);
    for fault in faults::all().filter(is_ours) {
        let mut case = Case::hardened();
        (fault.change)(&mut case);
        let facts = case.facts();
        for kind in KINDS {
            let seen = verdict(&case, &without(&facts, kind), fault.control);
            if !matches!(seen, Verdict::Fail | Verdict::NotAssessed) {
                let (id, what) = (fault.control, fault.what);
                wrong.push(format!("{id}, {what}, without {kind} is {}", seen.name()));
            }
        }
    }
    none(&wrong);
}
