//! `controls` and `explain`: the catalogue.

use super::shared::{NOTHING_OPEN, print};
use crate::catalog;
use crate::report::{explain, table};

#[derive(clap::Args)]
pub struct List {}

impl List {
    pub fn run(self) -> anyhow::Result<u8> {
        let mut table = table::new_table(&["control", "severity", "section", "title"]);
        for c in catalog::controls() {
            table.add_row([c.id.as_str(), c.severity.name(), &c.section, &c.title]);
        }
        print(&format!("{table}\n"))?;
        Ok(NOTHING_OPEN)
    }
}

#[derive(clap::Args)]
pub struct Explain {
    /// The control, for example TLS-01.
    control: String,
}

impl Explain {
    pub fn run(self) -> anyhow::Result<u8> {
        let id = self.control.to_ascii_uppercase();
        let control = catalog::control(&id).ok_or_else(|| {
            anyhow::anyhow!("no control {:?}; `ckf-hardening controls` lists them", self.control)
        })?;
        print(&explain(control))?;
        Ok(NOTHING_OPEN)
    }
}
