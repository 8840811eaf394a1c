//! The image inventory, as a table and as JSON.

use printable::line;
use serde::Serialize;

use super::table::{WIDTH, new_table_within, trimmed, wrapped};
use crate::images::{Inventory, Row, State, Vulnerable};

/// Report on the platform's images.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rocks {
    /// Rows of the inventory.
    pub images: Vec<Row>,
    /// Commands that update the platform, in order.
    pub advice: Vec<String>,
    /// Differences from a lock, if one was provided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<Vec<String>>,
    /// Known vulnerabilities by image, if advisories were provided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerable: Option<std::collections::BTreeMap<String, Vec<Vulnerable>>>,
    /// Number of requests to registries and Charmhub.
    pub requests: usize,
}

/// Number of digits of a digest that are shown.
const DIGITS: usize = 12;

impl Rocks {
    /// Report on an inventory.
    pub fn of(inventory: &Inventory, advice: Vec<String>, requests: usize) -> Self {
        Self { images: inventory.rows.clone(), advice, requests, ..Self::default() }
    }

    /// As a table of the default width.
    pub fn table(&self) -> String {
        self.table_within(WIDTH)
    }

    /// As JSON on one line, with only these rows.
    pub fn json_of(&self, rows: &[Row]) -> String {
        let part = Self {
            images: rows.to_vec(),
            advice: self.advice.clone(),
            requests: self.requests,
            ..Self::default()
        };
        // Strings and numbers only, so this cannot fail.
        serde_json::to_string(&part).unwrap_or_default()
    }

    /// As a table of this width in characters.
    pub fn table_within(&self, width: u16) -> String {
        let mut table = new_table_within(&["application", "image", "runs", "notes"], width);
        for row in &self.images {
            let charm = match (&row.revision, &row.channel) {
                (Some(revision), Some(channel)) => format!("\n{channel} {revision}"),
                (Some(revision), None) => format!("\nlocal {revision}"),
                _ => String::new(),
            };
            let place = row.place.as_ref().map(ToString::to_string).unwrap_or_default();
            table.add_row([
                format!("{}{charm}", line(&row.application)),
                format!("{}\n{}", line(&place), line(&shorter(row))),
                row.running
                    .iter()
                    .map(|digest| line(&digits(digest)).into_owned())
                    .collect::<Vec<_>>()
                    .join("\n"),
                lines(&self.notes(row)),
            ]);
        }
        let mut out = format!("{table}\n");
        if !self.advice.is_empty() {
            out.push_str("\nto update:\n");
            self.advice.iter().for_each(|command| out.push_str(&format!("  {}\n", line(command))));
        }
        for difference in self.differences.iter().flatten() {
            out.push_str(&format!("differs from lock: {}\n", line(difference)));
        }
        let wrong = self.images.iter().filter(|row| !row.states.is_empty()).count();
        let newer = self.images.iter().filter(|row| !row.newer.is_empty()).count();
        let unknown = self.images.iter().filter(|row| row.unknown.is_some()).count();
        // What was not asked for is not known to have no updates.
        let is_asked = self.requests > 0
            || self.images.iter().any(|row| row.created.is_some() || row.unknown.is_some());
        let updates = match is_asked || newer > 0 {
            true => {
                format!("{newer} with updates, {unknown} without an answer from their registry")
            }
            false => "updates not checked: neither registries nor Charmhub were queried".to_owned(),
        };
        let summary =
            format!("\n{} images, {wrong} not as intended, {updates}\n", self.images.len());
        out.push_str(&wrapped(&summary, width));
        trimmed(&out)
    }

    fn notes(&self, row: &Row) -> Vec<String> {
        let mut notes: Vec<String> = row.states.iter().map(state).collect();
        notes.extend(row.newer.iter().map(|newer| format!("newer: {newer}")));
        let of_image = self.vulnerable.as_ref().and_then(|all| all.get(&row.image));
        for vulnerable in of_image.into_iter().flatten().take(3) {
            let fixed = match &vulnerable.fixed {
                Some(version) => format!("fixed in {version}"),
                None => "no fix yet".into(),
            };
            let Vulnerable { id, severity, package, installed, .. } = vulnerable;
            notes.push(format!("{severity}: {id} in {package} {installed}, {fixed}"));
        }
        if let Some(more) = of_image.map(|all| all.len().saturating_sub(3)).filter(|more| *more > 0)
        {
            notes.push(format!("and {more} more vulnerabilities"));
        }
        let mut known = Vec::new();
        known.extend(row.base.clone());
        known
            .extend(row.created.as_ref().map(|at| format!("built {}", at.get(..10).unwrap_or(at))));
        known.extend(row.signed.filter(|signed| *signed).map(|_| "signed".to_owned()));
        known.extend(row.attested.filter(|attested| *attested).map(|_| "attested".to_owned()));
        if !known.is_empty() {
            notes.push(known.join(", "));
        }
        notes.extend(row.unknown.clone());
        notes
    }

    /// As indented JSON.
    pub fn json(&self) -> String {
        // Strings and numbers only, so this cannot fail.
        format!("{}\n", serde_json::to_string_pretty(self).unwrap_or_default())
    }
}

/// Joins texts, one per line.
fn lines(texts: &[String]) -> String {
    let lines: Vec<_> = texts.iter().map(|text| line(text)).collect();
    lines.join("\n")
}

fn state(state: &State) -> String {
    match state {
        State::NotAsAsked { asked, .. } => {
            format!("NOT AS REQUESTED: pods request {}", digits(asked))
        }
        State::Differs { running } => format!("DIFFERS: pods run {} digests", running.len()),
        State::Moved { registry, .. } => {
            format!("MOVED: tag now {}", digits(registry))
        }
        State::Swapped { before, since, .. } => format!(
            "SWAPPED: {} was on record since {}, and the charm was not refreshed",
            digits(before),
            since.get(..10).unwrap_or(since)
        ),
    }
}

/// The first digits of a digest.
fn digits(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.get(..DIGITS).unwrap_or(hex).to_owned()
}

/// An image with a shortened digest; an image of Charmhub's registry by its resource.
fn shorter(row: &Row) -> String {
    match (&row.resource, row.image.split_once("@sha256:")) {
        (Some(resource), Some((name, _))) if name.starts_with("registry.jujucharms.com/") => {
            match row.resource_revision {
                Some(revision) => format!("resource {resource} {revision}"),
                None => format!("resource {resource}"),
            }
        }
        (_, Some((name, hex))) => format!("{name}@{}", digits(hex)),
        (_, None) => row.image.clone(),
    }
}
