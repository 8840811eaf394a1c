//! A layer of an image: any bytes are walked or refused, and nothing is larger than was allowed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oci_registry::{Limits, layer_files};

const LARGEST: u64 = 1 << 16;

fuzz_target!(|content: &[u8]| {
    let limits = Limits {
        unpacked: 1 << 20,
        files: 100,
        name: 1 << 10,
        ..Limits::default()
    };
    let take = |path: &str, file: Vec<u8>| {
        assert!(!path.starts_with('/') && file.len() as u64 <= LARGEST);
    };
    if let Err(why) = layer_files("a layer", content, limits, LARGEST, |_| true, take) {
        let _ = why.to_string();
    }
});
