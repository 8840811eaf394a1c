//! Which controls a report has.

use anyhow::bail;

use super::suggest;
use crate::policy::is_like;
use crate::report::Report;
use crate::report::framework::Framework;
use crate::report::select::{Selection, Severities};

/// Options that select controls; they combine.
#[derive(clap::Args)]
pub struct SelectionArguments {
    /// Only these severities: names, or one and every worse one as `high+`.
    #[arg(short, long, value_name = "SEVERITY", value_delimiter = ',', help_heading = "Selection")]
    severity: Vec<Severities>,
    /// Only these controls: ids, or patterns as `TLS-*`.
    #[arg(short, long, value_name = "ID", value_delimiter = ',', help_heading = "Selection")]
    control: Vec<String>,
    /// Only these sections of the security guide.
    #[arg(long, value_name = "SECTION", value_delimiter = ',', help_heading = "Selection")]
    section: Vec<String>,
    /// Without these controls: ids, or patterns.
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = "Selection")]
    skip: Vec<String>,
    /// Only controls that a framework maps to, with the verdicts by its requirements.
    #[arg(long, value_enum, help_heading = "Selection")]
    framework: Option<Framework>,
}

impl SelectionArguments {
    /// Reduces a report to what is selected.
    ///
    /// # Errors
    ///
    /// A name matches nothing in the report.
    pub fn apply(&self, report: &mut Report) -> anyhow::Result<()> {
        let ids: Vec<&str> = report.controls.iter().map(|c| c.id.as_str()).collect();
        let known = |patterns: &[String]| -> anyhow::Result<Vec<String>> {
            let patterns = patterns.iter().map(|pattern| {
                let upper = pattern.trim().to_ascii_uppercase();
                let is_known =
                    |form: &str| ids.iter().any(|id| is_like(form, id)).then(|| form.to_owned());
                // Ids of a policy's own controls may have small letters.
                is_known(&upper).or_else(|| is_known(pattern.trim())).ok_or_else(|| {
                    let hint = suggest::hint(pattern, ids.iter().copied());
                    anyhow::anyhow!(
                        "no control {pattern}{hint}; `ckf-hardening controls` lists them"
                    )
                })
            });
            patterns.collect()
        };
        let mut sections: Vec<&str> = Vec::new();
        for control in &report.controls {
            if !sections.contains(&control.section.as_str()) {
                sections.push(&control.section);
            }
        }
        let mut named = Vec::new();
        for text in &self.section {
            let lower = text.trim().to_lowercase();
            let matching = sections.iter().filter(|section| section.to_lowercase() == lower);
            let matching: Vec<String> = matching.map(|section| (*section).to_owned()).collect();
            if matching.is_empty() {
                let hint = suggest::hint(text, sections.iter().copied());
                bail!("no section {text:?}{hint}; sections are: {}", sections.join(", "));
            }
            named.extend(matching);
        }
        let selection = Selection {
            severities: self.severity.clone(),
            controls: known(&self.control)?,
            sections: named,
            skipped: known(&self.skip)?,
            framework: self.framework,
        };
        selection.apply(report);
        Ok(())
    }
}
