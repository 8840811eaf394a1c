//! Versions of packages: any two texts have an order, and it is the same from either side.
#![no_main]

use ckf_hardening::images::compare_versions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|versions: (&str, &str, &str)| {
    let (a, b, c) = versions;
    assert_eq!(compare_versions(a, b), compare_versions(b, a).reverse());
    // Equal ones are equal to each other's likes.
    if compare_versions(a, b).is_eq() && compare_versions(b, c).is_eq() {
        assert!(compare_versions(a, c).is_eq());
    }
});
