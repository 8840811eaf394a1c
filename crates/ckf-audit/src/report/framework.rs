//! Verdicts by the requirements of another framework, with the share of them that is assessed.

use std::collections::BTreeMap;

use super::model::{ControlReport, Report};
use super::table::new_table;
use crate::catalog;
use crate::controls::Verdict;

/// A framework that controls map to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Framework {
    /// NIST SP 800-53 revision 5.
    #[value(name = "nist-800-53")]
    Nist,
    /// CIS Kubernetes Benchmark.
    #[value(name = "cis-kubernetes")]
    Cis,
    /// NSA and CISA Kubernetes Hardening Guide.
    #[value(name = "nsa-cisa")]
    Nsa,
}

impl Framework {
    /// Name in the catalogue's mappings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nist => "NIST SP 800-53",
            Self::Cis => "CIS Kubernetes",
            Self::Nsa => "NSA/CISA",
        }
    }

    /// Renders a table of verdicts by requirement.
    pub fn render(self, report: &Report) -> String {
        let mut requirements: BTreeMap<Vec<Part>, (String, Vec<&ControlReport>)> = BTreeMap::new();
        for control in &report.controls {
            let known = control.known();
            let mapped = known.into_iter().flat_map(|(_, mappings)| mappings.all());
            for (_, id) in mapped.filter(|(name, _)| *name == self.name()) {
                let entry = requirements.entry(parts(id));
                let (_, controls) = entry.or_insert_with(|| (id.to_owned(), Vec::new()));
                controls.push(control);
            }
        }
        let edition = catalog::editions().get(self.name());
        let title = |id: &str| {
            let title = edition.and_then(|edition| edition.titles.get(id));
            title.map_or_else(|| id.to_owned(), |title| format!("{id}: {title}"))
        };
        let mut table = new_table(&["requirement", "verdict", "controls"]);
        let mut assessed = 0;
        for (id, controls) in requirements.values() {
            let verdict = verdict(controls);
            assessed += usize::from(!matches!(verdict, Verdict::NotAssessed));
            let open = controls.iter().filter(|c| c.verdict == Verdict::Fail);
            let open: Vec<&str> = open.map(|c| c.id.as_str()).collect();
            let of = match open.as_slice() {
                [] => format!("{} mapped", controls.len()),
                open => format!("{} of {} fail: {}", open.len(), controls.len(), open.join(", ")),
            };
            table.add_row([title(id).as_str(), verdict.name(), &of]);
        }
        format!(
            "{}, {}: {} of {} mapped requirements assessed. Requirements that no control maps to are \
             not assessed.\n\n{table}\n",
            self.name(),
            edition.map_or("edition not known", |edition| edition.edition.as_str()),
            assessed,
            requirements.len()
        )
    }
}

/// The worst verdict of a requirement's controls; one that is not assessed prevents a pass.
fn verdict(controls: &[&ControlReport]) -> Verdict {
    let has = |verdict| controls.iter().any(|control| control.verdict == verdict);
    let order = [Verdict::Fail, Verdict::NotAssessed, Verdict::Waived, Verdict::Pass];
    let worst = order.into_iter().find(|verdict| has(*verdict));
    worst.unwrap_or(Verdict::NotApplicable)
}

/// A part of a requirement's id, for an order in which 5.10 follows 5.9.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u32),
    Text(String),
}

fn parts(id: &str) -> Vec<Part> {
    let split = id.split(['.', '-', '(', ')']).filter(|part| !part.is_empty());
    split
        .map(|part| match part.parse() {
            Ok(number) => Part::Number(number),
            Err(_) => Part::Text(part.to_owned()),
        })
        .collect()
}
