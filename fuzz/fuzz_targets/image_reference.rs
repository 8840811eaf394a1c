//! A reference of an image: any text is read or refused, and what was read reads the same.
#![no_main]

use ckf_hardening::facts::image::ImageReference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(read) = ImageReference::parse(text) {
        assert_eq!(ImageReference::parse(&read.to_string()), Some(read));
    }
});
