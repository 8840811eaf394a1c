//! What the charm and the agent write for each other.
#![no_main]

use ckf_hardening::agent::found::Found;
use ckf_hardening::agent::told::Told;
use ckf_hardening::facts::Facts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(told) = serde_json::from_str::<Told>(text) {
        let _ = told.mark();
        told.put_into(&mut Facts::default());
    }
    let _ = serde_json::from_str::<Found>(text);
});
