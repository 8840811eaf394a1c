//! The images of the platform, as a table and as JSON.

use juju_charm::printable::line;
use serde::Serialize;

use super::table::{WIDTH, new_table_within, trimmed, wrapped};
use crate::rocks::{Inventory, Row, State, Vulnerable};

/// What is told of the platform's images.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rocks {
    /// The images.
    pub images: Vec<Row>,
    /// Commands that bring the platform to what is newest, in their order.
    pub advice: Vec<String>,
    /// How it differs from a lock, if it was held to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<Vec<String>>,
    /// Known vulnerabilities by image, if advisories were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerable: Option<std::collections::BTreeMap<String, Vec<Vulnerable>>>,
    /// Requests to registries and Charmhub.
    pub requests: usize,
}

/// Digits of a digest that are shown.
const DIGITS: usize = 12;

impl Rocks {
    /// What is told of an inventory.
    pub fn of(inventory: &Inventory, advice: Vec<String>, requests: usize) -> Self {
        Self { images: inventory.rows.clone(), advice, requests, ..Self::default() }
    }

    /// For people.
    pub fn table(&self) -> String {
        self.table_within(WIDTH)
    }

    /// As JSON of a line, with these of its images.
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

    /// For people, in so many characters of width.
    pub fn table_within(&self, width: u16) -> String {
        let mut table = new_table_within(&["application", "image", "runs", "what of it"], width);
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
            out.push_str("\nto be on what is newest:\n");
            self.advice.iter().for_each(|command| out.push_str(&format!("  {}\n", line(command))));
        }
        for difference in self.differences.iter().flatten() {
            out.push_str(&format!("not as locked: {}\n", line(difference)));
        }
        let wrong = self.images.iter().filter(|row| !row.states.is_empty()).count();
        let newer = self.images.iter().filter(|row| !row.newer.is_empty()).count();
        let unknown = self.images.iter().filter(|row| row.unknown.is_some()).count();
        let summary = format!(
            "\n{} images, {wrong} not as meant, {newer} with something newer, {unknown} that their registry does not tell of\n",
            self.images.len()
        );
        out.push_str(&wrapped(&summary, width));
        trimmed(&out)
    }

    fn notes(&self, row: &Row) -> Vec<String> {
        let mut notes: Vec<String> = row.states.iter().map(state).collect();
        notes.extend(row.newer.iter().map(|newer| format!("newer: {newer}")));
        let of_image = self.vulnerable.as_ref().and_then(|all| all.get(&row.image));
        for found in of_image.into_iter().flatten().take(3) {
            let fixed = match &found.fixed {
                Some(version) => format!("fixed in {version}"),
                None => "no fix yet".into(),
            };
            let Vulnerable { id, severity, package, installed, .. } = found;
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

    /// For programs.
    pub fn json(&self) -> String {
        // Strings and numbers only, so this cannot fail.
        format!("{}\n", serde_json::to_string_pretty(self).unwrap_or_default())
    }
}

/// Texts, a line each.
fn lines(texts: &[String]) -> String {
    let lines: Vec<_> = texts.iter().map(|text| line(text)).collect();
    lines.join("\n")
}

fn state(state: &State) -> String {
    match state {
        State::NotAsAsked { asked, .. } => format!("NOT AS ASKED: {} was asked for", digits(asked)),
        State::Differs { running } => format!("DIFFERS: pods run {} digests", running.len()),
        State::Moved { registry, .. } => {
            format!("MOVED: its tag leads to {} now", digits(registry))
        }
        State::Swapped { before, since, .. } => format!(
            "SWAPPED: {} ran since {}, and the charm was not refreshed",
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

/// An image with its digest cut short; one of Charmhub by the resource that it is.
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
