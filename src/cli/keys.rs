//! `keys`: every certificate and key of the platform.

use anyhow::bail;
use juju_charm::printable::line;

use super::shared::{FactsArguments, NOTHING_OPEN, print, print_data};
use crate::controls::{Context, MissingFact};
use crate::crypto_assets::{CryptoAsset, cbom, day, inventory};
use crate::policy::Policy;
use crate::report::table::new_table;

/// Which cluster, and in which form.
#[derive(clap::Args)]
pub struct Keys {
    #[command(flatten)]
    facts: FactsArguments,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// As a cryptography bill of materials, CycloneDX 1.6.
    #[arg(long, conflicts_with = "json")]
    cbom: bool,
}

impl Keys {
    /// Lists them.
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = Policy::default();
        let facts = self.facts.read()?;
        let context = Context::new(&facts, &policy, None);
        let keys = match inventory(&context) {
            Ok(keys) => keys,
            Err(MissingFact(why)) => bail!("{why}"),
        };
        let pretty = |value: &serde_json::Value| serde_json::to_string_pretty(value);
        match (self.json, self.cbom) {
            (true, _) => print_data(&format!("{}\n", pretty(&serde_json::to_value(&keys)?)?))?,
            (_, true) => print_data(&format!("{}\n", pretty(&cbom(&keys, context.namespace()))?))?,
            _ => print(&format!("{}\n", table(&keys)))?,
        }
        Ok(NOTHING_OPEN)
    }
}

fn table(keys: &[CryptoAsset]) -> comfy_table::Table {
    let mut table = new_table(&["where", "what", "ends", "renewed by"]);
    for key in keys {
        let (what, ends) = match (&key.certificate, &key.material) {
            (Some(certificate), _) => {
                let kind = certificate.key();
                let private = if key.has_private_key { ", with its key" } else { "" };
                let what = format!("{}\n{kind}{private}", line(&certificate.subject));
                (what, day(certificate.not_after))
            }
            (None, Some(material)) => (material.clone(), "never".to_owned()),
            (None, None) => (String::new(), String::new()),
        };
        let at = format!("{}\n{}", key.object, line(&key.field));
        table.add_row([at, what, ends, key.renewed_by.to_owned()]);
    }
    table
}
