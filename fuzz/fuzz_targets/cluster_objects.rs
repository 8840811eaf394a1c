//! What a cluster holds: any objects are audited, planned for, and shown in every format.
#![no_main]

use std::collections::BTreeSet;

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::remedies::{self, Asker, Remedy};
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
    for asker in [Asker::Option, Asker::Person] {
        // The objects that are there may say that they are the product's own, too.
        let plan = remedies::plan(&facts, &policy, &objects, &all, asker);
        let _ = (plan.to_string(), plan.data());
    }
});
