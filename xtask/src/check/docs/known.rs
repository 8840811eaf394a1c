//! What there is: commands, options, actions, metrics, tests and the rest that documents name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use ckf_hardening::catalog;
use ckf_hardening::remedies::Remedy;
use regex_lite::Regex;
use serde_json::Value;

use super::numbers;
use crate::run::{files, root};

/// Everything that a document may name.
pub struct Known {
    /// The command line of `ckf-hardening`.
    pub command: clap::Command,
    /// Options of the charm.
    pub options: BTreeSet<String>,
    /// Options of the platform's charms.
    pub foreign_options: BTreeSet<String>,
    /// Actions of the charm, each with its parameters.
    pub actions: BTreeMap<String, BTreeSet<String>>,
    /// Endpoints of the charm's relations.
    pub endpoints: BTreeSet<String>,
    /// Names of alert rules.
    pub alerts: BTreeSet<String>,
    /// Names of the agent's metrics, as they are scraped.
    pub metrics: BTreeSet<String>,
    pub controls: BTreeSet<String>,
    pub remedies: BTreeSet<String>,
    /// Targets of `cargo xtask fuzz`.
    pub fuzz_targets: usize,
    /// Names of functions in Rust's sources, tests among them.
    pub functions: BTreeSet<String>,
    /// Paths that are literals in the program's sources.
    pub urls: BTreeSet<String>,
    /// What documents count, and how many there are.
    pub numbers: Vec<(&'static str, usize)>,
}

impl Known {
    /// Reads the catalogue, the charm's files and the sources.
    pub fn gather() -> anyhow::Result<Self> {
        let mut command = ckf_hardening::cli::command();
        command.build();
        let (functions, urls) = sources()?;
        let controls = catalog::controls().iter().map(|control| control.id.clone());
        let remedies = Remedy::ALL.iter().map(|remedy| remedy.name().to_owned());
        let mut known = Self {
            command,
            options: keys(&yaml("config.yaml")?["options"]),
            foreign_options: foreign_options(),
            actions: actions()?,
            endpoints: endpoints()?,
            alerts: alerts()?,
            metrics: metrics(),
            controls: controls.collect(),
            remedies: remedies.collect(),
            fuzz_targets: files(Path::new("fuzz/fuzz_targets"))?.len(),
            functions,
            urls,
            numbers: Vec::new(),
        };
        known.numbers = numbers::counted(&known);
        Ok(known)
    }
}

fn yaml(name: &str) -> anyhow::Result<Value> {
    let text = fs::read_to_string(root().join(name)).with_context(|| name.to_owned())?;
    serde_yaml::from_str(&text).with_context(|| name.to_owned())
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect()
}

fn foreign_options() -> BTreeSet<String> {
    let charms = catalog::all_charm_options().keys();
    let files = charms.filter_map(|charm| yaml(&format!("catalog/options/{charm}.yaml")).ok());
    files.flat_map(|file| names_in(&file)).collect()
}

/// Every key and text of a document.
fn names_in(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(names_in).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            fields.flat_map(|(key, value)| [vec![key.clone()], names_in(value)].concat()).collect()
        }
        _ => Vec::new(),
    }
}

fn actions() -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let actions = yaml("actions.yaml")?;
    let actions = actions.as_object().into_iter().flatten();
    Ok(actions.map(|(name, action)| (name.clone(), keys(&action["params"]))).collect())
}

fn endpoints() -> anyhow::Result<BTreeSet<String>> {
    let metadata = yaml("metadata.yaml")?;
    let kinds = ["provides", "requires", "peers"].iter();
    Ok(kinds.flat_map(|kind| keys(&metadata[*kind])).collect())
}

fn alerts() -> anyhow::Result<BTreeSet<String>> {
    let rule = Regex::new(r"(?m)^\s*- alert: (\w+)")?;
    let mut alerts = BTreeSet::new();
    for path in files(Path::new("catalog/alerts"))? {
        let text = fs::read_to_string(root().join(path))?;
        alerts.extend(rule.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    Ok(alerts)
}

/// Names as the agent declares them, and with what the format appends to a counter.
fn metrics() -> BTreeSet<String> {
    let names = ckf_hardening::agent::metrics().into_iter().map(|metric| metric.name.to_string());
    names.flat_map(|name| [format!("{name}_total"), name]).collect()
}

/// Functions, and literals that look like the path of a URL.
fn sources() -> anyhow::Result<(BTreeSet<String>, BTreeSet<String>)> {
    let (mut functions, mut urls) = (BTreeSet::new(), BTreeSet::new());
    for folder in ["src", "crates", "tests", "xtask/src"] {
        for path in files(Path::new(folder))? {
            if !path.ends_with(".rs") {
                continue;
            }
            let text = fs::read_to_string(root().join(&path)).context(path)?;
            functions.extend(after(&text, "fn ").map(str::to_owned));
            let paths = after(&text, "\"/").filter(|rest| rest.starts_with(char::is_lowercase));
            urls.extend(paths.map(|rest| format!("/{rest}")));
        }
    }
    Ok((functions, urls))
}

/// The words that follow a text; a word of a URL has slashes.
fn after<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(start).filter_map(move |(at, _)| {
        let rest = &text[at + start.len()..];
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '-');
        rest.split(|c| !is_word(c)).next()
    })
}
