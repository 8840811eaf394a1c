//! Numbers of what there is.

use std::fs;

use regex_lite::Regex;
use serde_json::Value;

use super::known::Known;
use super::page::Page;
use crate::run::root;

const WORDS: [&str; 21] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];
const RECORDINGS: &str = "crates/juju-sim/tests/recordings";
const GREETER: &str = "crates/juju-charm/examples/greeter/main.rs";

/// Numbers that are not those of today.
pub fn problems(page: &Page, known: &Known) -> Vec<String> {
    let mut problems = Vec::new();
    for &(what, is) in &known.numbers {
        let Ok(pattern) = Regex::new(&format!(r"(?i)\b([0-9]+|[a-z]+)\s+{what}\b")) else {
            continue;
        };
        for found in pattern.captures_iter(&page.text) {
            let Some(said) = number(&found[1]) else {
                continue;
            };
            if said != is {
                let line = found.get(0).map_or(1, |all| page.line(all.start()));
                problems
                    .push(page.problem(line, &format!("it says {said} {what}; there are {is}")));
            }
        }
    }
    problems
}

/// The text with the numbers of today. One that is a word is left to its author.
pub fn corrected(text: &str, numbers: &[(&str, usize)]) -> String {
    let mut text = text.to_owned();
    for &(what, is) in numbers {
        let pattern = Regex::new(&format!(r"(?i)\b[0-9]+(\s+{what})\b"));
        let Ok(pattern) = pattern else {
            continue;
        };
        text = pattern.replace_all(&text, format!("{is}${{1}}")).into_owned();
    }
    text
}

/// What is counted, as a pattern, and how many there are.
pub(super) fn counted(known: &Known) -> Vec<(&'static str, usize)> {
    let greeter = fs::read_to_string(root().join(GREETER)).unwrap_or_default();
    vec![
        ("controls", known.controls.len()),
        ("remedies", known.remedies.len()),
        ("alerts", known.alerts.len()),
        ("actions of the charm", known.actions.len()),
        ("options of the charm", known.options.len()),
        ("fuzz targets", known.fuzz_targets),
        ("lines of Rust", greeter.lines().count()),
        ("hooks of Juju", recorded("life", None)),
        ("calls of hook tools", recorded("life", Some("calls"))),
        ("recorded actions", recorded("actions", None)),
        ("conversations with Pebble", recorded("pebble", None)),
        ("requests to Pebble", recorded("pebble", Some("exchanges"))),
        ("requests to a controller", recorded("controller", None)),
    ]
}

/// How many entries a recording has, or how many items they have in a list.
fn recorded(name: &str, list: Option<&str>) -> usize {
    let text = fs::read_to_string(root().join(RECORDINGS).join(format!("{name}.json")));
    let recording: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
    let entries = recording.as_array().map(Vec::as_slice).unwrap_or_default();
    match list {
        None => entries.len(),
        Some(list) => entries.iter().filter_map(|entry| entry[list].as_array()).map(Vec::len).sum(),
    }
}

/// A number in digits or as a word; one and two are too often no number of all.
fn number(text: &str) -> Option<usize> {
    let text = text.to_lowercase();
    let word = WORDS.iter().position(|word| *word == text).filter(|number| *number > 2);
    text.parse().ok().or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_in_digits_is_corrected_and_others_are_left() {
        let text = "8 controls, 9\ncontrols, six controls, 7 Controls, 8 pods and 12 alerts";
        let corrected = corrected(text, &[("controls", 9), ("alerts", 12)]);
        assert_eq!(
            corrected,
            "9 controls, 9\ncontrols, six controls, 9 Controls, 8 pods and 12 alerts"
        );
    }
}
