//! A peer's certificate request: any text is read or refused.
#![no_main]

use ckf_hardening::pki::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(request) = Request::parse(text) {
        let _ = request.check_permitted(&request.names);
    }
});
