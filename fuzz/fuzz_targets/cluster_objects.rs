//! What a cluster holds: any objects are audited, planned for, and shown in every format.
#![no_main]

use std::collections::BTreeSet;

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::remedies::{self, Consent, Managed, Remedy, RecordKey};
use ckf_hardening::report::Report;
use ckf_hardening_fuzz::render;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(objects) = serde_json::from_str::<Vec<Value>>(text) else {
        return;
    };
    let facts = Facts::from_objects(About::default(), &objects);
    let policy = Policy::default();
    render(&Report::audit(&facts, &policy, None, Vec::new()));
    let all: BTreeSet<Remedy> = Remedy::ALL.iter().copied().collect();
    // The objects that are there may say that they are the product's own, records among them.
    let own = Managed::of(objects, "kubeflow", RecordKey::new(&[0; 32]).as_ref());
    for consent in [Consent::of_option(&all), Consent::of_person(&all)] {
        let plan = remedies::plan(&facts, &policy, &own, &all, &consent);
        let _ = (plan.to_string(), plan.data(), plan.held_back_line());
    }
    let _ = (remedies::undo(&own, &all), remedies::undo_all(&own));
});
