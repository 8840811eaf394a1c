//! The charm's options, as `config-get` prints them.
#![no_main]

use ckf_hardening::config::Options;
use juju_charm::config::Options as Raw;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|text: &str| {
    if let Ok(map) = serde_json::from_str::<Map<String, Value>>(text) {
        let (options, _) = Options::parse(&Raw::new(map));
        let _ = options.digest();
    }
});
