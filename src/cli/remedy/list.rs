//! `ckf-hardening remedies`: lists the remedies.

use serde_json::Value;

use crate::cli::output::DataOutput;
use crate::cli::shared::NOTHING_OPEN;
use crate::cli::terminal;
use crate::remedies::Remedy;
use crate::report::table::wrapped;

/// Arguments of `remedies`.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    output: DataOutput,
}

impl List {
    /// Lists them.
    pub fn run(self) -> anyhow::Result<u8> {
        let all = Remedy::ALL.iter().map(|remedy| (remedy.name(), remedy.about()));
        if self.output.is_json() {
            let all: Value = all
                .map(|(name, about)| {
                    serde_json::json!({
                        "name": name, "does": about.does, "controls": about.controls,
                        "risk": about.risk.name(), "reach": about.reach,
                        "breaks": about.breaks, "worksOn": about.works_on,
                        "source": about.source, "onlyByName": about.only_by_name,
                    })
                })
                .collect();
            self.output.data(&all)?;
            return Ok(NOTHING_OPEN);
        }
        let mut text = String::new();
        for (name, about) in all {
            let by_name = if about.only_by_name { ", by name only" } else { "" };
            let (controls, risk) = (about.controls.join(", "), about.risk.name());
            text.push_str(&format!(
                "{name}  ({controls}; risk {risk}{by_name})\n{}{}{}{}{}",
                indented(about.does),
                indented(about.reach),
                indented(&format!("may break: {}", about.breaks)),
                indented(&format!("works on: {}", about.works_on)),
                indented(&format!("source: {}", about.source)),
            ));
        }
        self.output.table(&text)?;
        Ok(NOTHING_OPEN)
    }
}

/// A text in lines of the terminal's width at most, indented.
fn indented(text: &str) -> String {
    wrapped(&format!("    {text}"), terminal::width()) + "\n"
}
