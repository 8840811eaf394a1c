//! An OSV file, and the list of packages in an image that it is matched with.
#![no_main]

use std::collections::BTreeMap;

use ckf_hardening::facts::dpkg::Packages;
use ckf_hardening::images::Advisories;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (osv, status) = text.split_once('\0').unwrap_or((text, text));
    let mut advisories = Advisories::default();
    let _ = advisories.add(osv);
    let files = BTreeMap::from([
        ("etc/os-release".to_owned(), b"ID=ubuntu\nVERSION_ID=\"24.04\"\n".to_vec()),
        ("var/lib/dpkg/status".to_owned(), status.as_bytes().to_vec()),
    ]);
    if let Some(packages) = Packages::of(&files) {
        let _ = advisories.of(&packages);
    }
});
