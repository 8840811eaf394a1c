//! `controls` and `explain`: the catalogue.

use anyhow::bail;
use serde_json::{Value, json};

use super::output::DataOutput;
use super::shared::NOTHING_OPEN;
use super::{suggest, terminal};
use crate::catalog::{self, Control};
use crate::remedies::Remedy;
use crate::report::select::{Severities, sections};
use crate::report::{explain, table};

/// Which controls.
#[derive(clap::Args)]
#[command(after_help = super::help::CONTROLS)]
pub struct List {
    /// Only these severities: names, or one and every worse one as `high+`.
    #[arg(short, long, value_name = "SEVERITY", value_delimiter = ',')]
    severity: Vec<Severities>,
    /// Only these sections of the security guide.
    #[arg(long, value_name = "SECTION", value_delimiter = ',')]
    section: Vec<String>,
    #[command(flatten)]
    output: DataOutput,
}

impl List {
    /// Lists them.
    pub fn run(self) -> anyhow::Result<u8> {
        let known = sections();
        let is_known = |name: &&String| known.iter().any(|k| k.eq_ignore_ascii_case(name.trim()));
        if let Some(name) = self.section.iter().find(|name| !is_known(name)) {
            let hint = suggest::hint(name, known.iter().copied());
            bail!("no section {name:?}{hint}; sections are: {}", known.join(", "));
        }
        let is_selected = |control: &&Control| {
            let named = |name: &String| control.section.eq_ignore_ascii_case(name.trim());
            let has = |some: &Severities| some.has(control.severity);
            (self.severity.is_empty() || self.severity.iter().any(has))
                && (self.section.is_empty() || self.section.iter().any(named))
        };
        let controls: Vec<&Control> = catalog::controls().iter().filter(is_selected).collect();
        if self.output.is_json() {
            let all: Vec<Value> = controls.into_iter().map(data).collect();
            self.output.data(&all)?;
            return Ok(NOTHING_OPEN);
        }
        let heads = ["control", "severity", "section", "title"];
        let mut table = table::new_table_within(&heads, terminal::width());
        for c in controls {
            table.add_row([c.id.as_str(), c.severity.name(), &c.section, &c.title]);
        }
        self.output.table(&format!("{}\n", table::trimmed(&table.to_string())))?;
        Ok(NOTHING_OPEN)
    }
}

/// Which control.
#[derive(clap::Args)]
#[command(after_help = super::help::EXPLAIN)]
pub struct Explain {
    /// The control, for example TLS-01.
    control: String,
    #[command(flatten)]
    output: DataOutput,
}

impl Explain {
    /// Explains it.
    pub fn run(self) -> anyhow::Result<u8> {
        let id = self.control.to_ascii_uppercase();
        let control = catalog::control(&id).ok_or_else(|| {
            let known = catalog::controls().iter().map(|control| control.id.as_str());
            let hint = suggest::hint(&id, known);
            anyhow::anyhow!(
                "no control {:?}{hint}; `ckf-hardening controls` lists them",
                self.control
            )
        })?;
        match self.output.is_json() {
            true => self.output.data(&data(control))?,
            false => self.output.text(&explain(control))?,
        }
        Ok(NOTHING_OPEN)
    }
}

/// A control as JSON.
fn data(control: &Control) -> Value {
    let remedies: Vec<&str> = Remedy::of_control(&control.id).map(Remedy::name).collect();
    json!({
        "id": control.id,
        "title": control.title,
        "finding": control.finding,
        "section": control.section,
        "severity": control.severity,
        "source": control.source.name(),
        "why": control.why.trim(),
        "check": control.check.trim(),
        "fix": control.fix.trim(),
        "advice": control.advice(),
        "limits": control.limits,
        "waive": control.waive.trim(),
        "mappings": control.mappings,
        "remedies": remedies,
    })
}
