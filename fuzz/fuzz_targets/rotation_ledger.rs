//! The record of rotations, and the option that says what is rotated.
#![no_main]

use ckf_hardening::rotation::{Ledger, Plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let now = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let (plan, _) = Plan::parse(text);
    if let Ok(ledger) = Ledger::parse(text) {
        for (credential, entry) in &ledger.0 {
            let target = plan.targets.get(credential);
            for asked in [false, true] {
                let _ = entry.step(target.map(|target| target.every), asked, now);
            }
        }
    }
});
