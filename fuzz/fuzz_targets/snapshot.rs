//! A snapshot from elsewhere: it is refused, or audited and shown.
#![no_main]

use ckf_hardening::facts::Facts;
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_hardening_fuzz::render;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(facts) = serde_json::from_str::<Facts>(text) {
        render(&Report::audit(&facts, &Policy::default(), None, Vec::new()));
    }
});
