//! What a registry sends: a manifest, an index, or anything else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_registry::Manifest;

fuzz_target!(|bytes: &[u8]| {
    let _ = Manifest::parse("an image", bytes);
});
