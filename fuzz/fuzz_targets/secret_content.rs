//! What an operator puts into a secret: a certificate with its key, or logins to registries.
//! It is taken or refused, and nothing of it is shown.
#![no_main]

use ckf_hardening::pki::check_pair;
use libfuzzer_sys::fuzz_target;
use oci_registry::Credentials;

fuzz_target!(|content: (&str, &str)| {
    let (first, second) = content;
    let now = "2026-11-25T00:00:00Z".parse().expect("it is a time");
    if let Err(why) = check_pair(first, second, Some("kubeflow.example.com"), now) {
        let printed = why.to_string();
        // The input may hold words that are said of any key.
        let of_another = check_pair(first, "another", Some("kubeflow.example.com"), now)
            .map_or_else(|why| why.to_string(), |_| String::new());
        assert!(
            second.len() < 12 || !printed.contains(second) || of_another.contains(second),
            "{printed}"
        );
    }
    if let Err(why) = Credentials::parse(first) {
        let _ = why.to_string();
    }
});
