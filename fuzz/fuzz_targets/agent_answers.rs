//! What the charm and the agent write for each other.
#![no_main]

use ckf_hardening::agent::audit::AgentAudit;
use ckf_hardening::agent::input::AgentInput;
use ckf_hardening::facts::Facts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(input) = serde_json::from_str::<AgentInput>(text) {
        let _ = input.digest();
        input.facts.copy_to(&mut Facts::default());
    }
    let _ = serde_json::from_str::<AgentAudit>(text);
});
