//! What an operator puts into a secret: a certificate with its key, or logins to registries.
//! It is taken or refused, and nothing of it is told.
#![no_main]

use ckf_hardening::pki::judge_pair;
use libfuzzer_sys::fuzz_target;
use oci_registry::Credentials;

fuzz_target!(|content: (&str, &str)| {
    let (first, second) = content;
    let now = "2026-11-25T00:00:00Z".parse().expect("it is a time");
    if let Err(why) = judge_pair(first, second, Some("kubeflow.example.com"), now) {
        let told = why.to_string();
        assert!(second.len() < 12 || !told.contains(second), "{told}");
    }
    if let Err(why) = Credentials::parse(first) {
        let _ = why.to_string();
    }
});
