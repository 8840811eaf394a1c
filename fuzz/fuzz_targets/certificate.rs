//! A Secret's certificate and key: any bytes are read or refused.
#![no_main]

use ckf_hardening::facts::certificate::{Certificate, public_key_of_private};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Certificate::from_pem(bytes);
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = certificate.covers("kubeflow.example.com");
    }
    let _ = public_key_of_private(bytes);
});
