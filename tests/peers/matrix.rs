//! The page of peers: every endpoint and every format for programs is on it, and what assesses each
//! is in the test that the page names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ckf_hardening::report::Format;
use clap::ValueEnum as _;
use serde_json::Value;

/// Texts in backticks of a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Packages in a cell: a name with its version.
fn packages(cell: &str) -> Vec<String> {
    let words: Vec<&str> = cell.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let is_version =
        |word: &str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let pairs = words.windows(2).filter(|pair| is_version(pair[1]));
    pairs.map(|pair| format!("{}={}", pair[0], pair[1])).collect()
}

/// Rows of the tables: name, packages, file and test.
fn rows(page: &str) -> Vec<(&str, Vec<String>, &str, &str)> {
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, peer, by, test] = cells[..] else { panic!("{line}") };
            assert!(!peer.is_empty() && !by.is_empty(), "{line}");
            let test = quoted(test);
            (quoted(name)[0], packages(by), test[0], test[1])
        })
        .collect()
}

#[test]
fn every_endpoint_and_format_is_judged_by_what_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reference/peers.md")).unwrap();
    let rows = rows(&page);
    for (name, packages, file, test) in &rows {
        let source = fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{file}"));
        assert!(source.contains(&format!("fn {test}(")), "{name}: {file} has no {test}");
        // PyPI's and npm's packages are written with one sign or another before the version. A
        // library may be installed for all tests of a folder.
        let installed = fs::read_to_string(root.join("tests/peers/libraries.rs")).unwrap();
        let plain = (source + &installed).replace("==", "=").replace('@', "=");
        for package in packages {
            assert!(plain.contains(package), "{name}: {file} installs no {package}");
        }
    }
    let named: BTreeSet<&str> = rows.iter().map(|(name, ..)| *name).collect();
    let metadata: Value = serde_yaml::from_str(include_str!("../../metadata.yaml")).unwrap();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for side in ["provides", "requires"] {
        wanted.extend(metadata[side].as_object().unwrap().keys().cloned());
    }
    let formats = Format::value_variants().iter().filter(|format| format.is_for_programs());
    let names = formats.map(|format| format.to_possible_value().unwrap().get_name().to_owned());
    // Its own schema and a browser check these.
    wanted.extend(names.filter(|name| !["json", "html"].contains(&name.as_str())));
    // Of the commands `keys --cbom` and `rocks --sbom`.
    wanted.extend(["cbom", "sbom"].map(str::to_owned));
    assert_eq!(named, wanted.iter().map(String::as_str).collect());
}
