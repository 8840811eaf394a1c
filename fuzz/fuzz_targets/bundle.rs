//! A bundle of Juju, and a lock of images.
#![no_main]

use ckf_hardening::facts::bundle;
use ckf_hardening::images::Lock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = bundle::read(text, &Default::default());
    if let Ok(lock) = Lock::parse(text) {
        let again = Lock::parse(&lock.text());
        assert!(again.is_ok(), "what is written is read again");
    }
});
