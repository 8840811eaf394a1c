//! Verdicts by the requirements of another framework, with the share of them that is assessed.

use std::collections::BTreeMap;

use printable::line;

use super::columns::{self, Column};
use super::model::{ControlReport, Report};
pub use super::requirements::{FrameworkReport, Requirement};
use super::style::Ink;
use super::table::{Look, trimmed};
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

    /// A requirement of the framework maps to the control.
    pub fn has(self, control: &ControlReport) -> bool {
        let known = control.known();
        known.is_some_and(|(_, mappings)| mappings.all().any(|(name, _)| name == self.name()))
    }

    /// Verdicts by requirement.
    pub fn assess(self, report: &Report) -> FrameworkReport {
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
        let title = |id: &str| edition.and_then(|edition| edition.titles.get(id)).cloned();
        let requirement = |(id, controls): (String, Vec<&ControlReport>)| {
            let failing = controls.iter().filter(|c| c.verdict == Verdict::Fail);
            Requirement {
                title: title(&id).unwrap_or_default(),
                verdict: verdict(&controls),
                failing: failing.map(|c| c.id.clone()).collect(),
                controls: controls.iter().map(|c| c.id.clone()).collect(),
                id,
            }
        };
        let requirements: Vec<Requirement> = requirements.into_values().map(requirement).collect();
        let assessed = requirements.iter().filter(|r| r.verdict != Verdict::NotAssessed).count();
        let edition = edition.map_or("edition not known", |edition| &edition.edition);
        let name = format!("{}, {edition}", self.name());
        FrameworkReport { name, assessed, requirements }
    }

    /// Renders a table of verdicts by requirement.
    pub fn render(self, report: &Report) -> String {
        self.assess(report).table(&Look::default())
    }
}

impl FrameworkReport {
    /// One line: how many requirements are assessed.
    pub fn line(&self) -> String {
        format!(
            "{}: {} of {} mapped requirements assessed. Requirements that no control maps to are \
             not assessed.",
            self.name,
            self.assessed,
            self.requirements.len()
        )
    }

    /// A table of verdicts by requirement.
    pub fn table(&self, look: &Look) -> String {
        let rows: Vec<[String; 4]> = self.requirements.iter().map(row).collect();
        let columns = columns::fit(
            [
                Column::fixed("VERDICT", &rows, 0),
                Column::flexible("REQUIREMENT", &rows, 1),
                Column::flexible("TITLE", &rows, 2),
                Column::flexible("CONTROLS", &rows, 3),
            ],
            usize::from(look.width),
        );
        let mut out = super::table::wrapped(&self.line(), look.width);
        out.push_str(&format!("\n\n{}\n", look.style.paint(Ink::Heading, &columns.heading())));
        for (requirement, row) in self.requirements.iter().zip(&rows) {
            let ink = match requirement.verdict {
                Verdict::Fail => Ink::Warning,
                Verdict::Pass => Ink::Good,
                _ => Ink::Quiet,
            };
            for [verdict, id, title, controls] in columns.lines(row) {
                let verdict = look.style.paint(ink, &verdict);
                out.push_str(&format!("{verdict}  {id}  {title}  {}\n", controls.trim_end()));
            }
        }
        trimmed(&out)
    }
}

fn row(requirement: &Requirement) -> [String; 4] {
    let controls = match requirement.failing.as_slice() {
        [] => format!("{} mapped", requirement.controls.len()),
        failing => format!(
            "{} of {} fail: {}",
            failing.len(),
            requirement.controls.len(),
            failing.join(", ")
        ),
    };
    [
        requirement.verdict.name().to_owned(),
        line(&requirement.id).into_owned(),
        requirement.title.clone(),
        line(&controls).into_owned(),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::policy::Policy;

    #[test]
    fn requirements_of_nist_and_cis_have_titles() {
        let report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        for framework in [Framework::Nist, Framework::Cis] {
            for requirement in framework.assess(&report).requirements {
                assert!(!requirement.title.is_empty(), "{}", requirement.id);
            }
        }
        let table = Framework::Nist.assess(&report).table(&Look { width: 80, ..Look::default() });
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    }
}
