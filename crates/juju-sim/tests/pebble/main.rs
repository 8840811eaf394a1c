//! The simulated Pebble is held to what Pebble was recorded to answer, to the real client of `ops`,
//! and to Pebble itself.

mod beside;
mod recorded;
mod wire;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use juju_sim::pebble::{Options, Pebble};
use serde::Deserialize;

use crate::recorded::{Compared, Normal, Recorded, recordings};

/// The outcome of a step of the client.
#[derive(Deserialize)]
struct Step {
    name: String,
    summary: String,
}

/// A folder named as that of the recordings.
fn scratch(directory: &Path) -> PathBuf {
    let scratch = directory.join("tmpfr62dsbs");
    DirBuilder::new().mode(0o700).create(&scratch).unwrap();
    scratch
}

/// Has the client of `ops` take its steps.
fn steps(socket: &Path, scratch: &Path, there: &str) -> Vec<Step> {
    let python = test_programs::python::programs("ops", &["ops==3.9.0"]).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pebble/steps.py");
    let output = Command::new(python.join("python"))
        .arg(script)
        .arg(socket)
        .arg(scratch)
        .arg(there)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn ops_client_gets_the_recorded_answers_of_pebble_1_32_1() {
    let directory = tempfile::tempdir().unwrap();
    let scratch = scratch(directory.path());
    let pebble = test_programs::pebble::Pebble::start(directory.path()).unwrap();
    let there = pebble.address().to_owned();
    let steps = steps(pebble.socket(), &scratch, &there);
    let normal = Normal { scratch: scratch.to_str().unwrap(), there: &there };
    let differ = summaries(&recordings(), &steps, &normal);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn ops_client_gets_the_answers_of_real_pebble() {
    let directory = tempfile::tempdir().unwrap();
    let scratch = scratch(directory.path());
    let socket = directory.path().join("pebble.socket");
    let pebble = Pebble::start(&socket, Options::default()).unwrap();
    let there = pebble.address().to_string();
    let steps = steps(&socket, &scratch, &there);
    let normal = Normal { scratch: scratch.to_str().unwrap(), there: &there };
    let recorded = recordings();
    let mut differ = summaries(&recorded, &steps, &normal);
    let wanted: Vec<(&str, Compared)> = recorded
        .iter()
        .flat_map(|one| one.exchanges.iter().map(|e| (one.name.as_str(), e)))
        .map(|(name, exchange)| (name, exchange.compared(&normal)))
        .collect();
    let came = pebble.exchanges();
    for ((name, wanted), came) in wanted.iter().zip(&came) {
        let came = normal.exchange(came);
        if *wanted != came {
            differ.push(format!("{name}:\n  Pebble {wanted:?}\n  here   {came:?}"));
        }
    }
    let number = differ.len();
    assert!(differ.is_empty(), "{number} differ:\n{}", differ.join("\n"));
    assert_eq!((recorded.len(), wanted.len()), (58, came.len()));
}

/// Steps of which something else came than was recorded.
fn summaries(recorded: &[Recorded], steps: &[Step], normal: &Normal<'_>) -> Vec<String> {
    let names = |one: &Recorded| one.name.clone();
    let recorded_names: Vec<String> = recorded.iter().map(names).collect();
    let names: Vec<&String> = steps.iter().map(|step| &step.name).collect();
    assert_eq!(recorded_names.iter().collect::<Vec<_>>(), names);
    let text = |summary: &str| {
        let lines = normal.text(summary);
        let timeless = lines.lines().map(|line| {
            let is_time = |word: &&str| !(word.starts_with("20") && word.ends_with('Z'));
            let words: Vec<&str> = line.split(' ').filter(is_time).collect();
            words.join(" ")
        });
        timeless.collect::<Vec<_>>().join("\n")
    };
    let pairs = recorded.iter().zip(steps);
    let other = pairs.filter(|(one, step)| text(&one.summary) != text(&step.summary));
    other
        .map(|(one, step)| {
            let (wanted, came) = (text(&one.summary), text(&step.summary));
            format!("{}:\n  Pebble {wanted}\n  here   {came}", one.name)
        })
        .collect()
}
