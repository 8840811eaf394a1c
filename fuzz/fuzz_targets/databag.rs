//! A peer's databag: any text is read or refused, and what was read can be written.
#![no_main]

use std::collections::BTreeMap;

use ckf_hardening::relations::tls_certificates::{
    ANSWERS, REQUESTS, answers, requests, write_answers, write_requests,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let databag = |key: &str| BTreeMap::from([(key.to_owned(), text.to_owned())]);
    if let Ok(read) = requests(&databag(REQUESTS)) {
        assert_eq!(requests(&write_requests(&read)).ok(), Some(read));
    }
    if let Ok(mut read) = answers(&databag(ANSWERS)) {
        for entry in &mut read {
            let _ = entry.issued().anchors();
            // It is never written.
            entry.revoked = false;
        }
        assert_eq!(answers(&write_answers(&read)).ok(), Some(read));
    }
});
