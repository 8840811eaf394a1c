//! `keys`: every certificate and key of the platform.

use std::path::PathBuf;

use anyhow::bail;
use juju_charm::printable::line;

use super::output::write_or_print;
use super::shared::{FactsArguments, NOTHING_OPEN};
use super::terminal;
use crate::controls::{Context, MissingFact};
use crate::crypto_assets::{CryptoAsset, cbom, day, inventory};
use crate::login_keys::{LoginKeys, login_keys};
use crate::policy::Policy;
use crate::report::table::{new_table_within, trimmed};

/// Which cluster, and in which form.
#[derive(clap::Args)]
pub struct Keys {
    #[command(flatten)]
    facts: FactsArguments,
    /// Format of the output.
    #[arg(short, long, value_enum, default_value_t)]
    format: Form,
    /// Same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Same as --format cbom.
    #[arg(long, conflicts_with_all = ["json", "format"])]
    cbom: bool,
    /// Keys and passwords that something logs in with and that are changed by hand: owner, age,
    /// next date and steps of each.
    #[arg(long)]
    logins: bool,
    /// Write to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Format of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// JSON, for programs.
    Json,
    /// A cryptography bill of materials, CycloneDX 1.6.
    Cbom,
}

impl Keys {
    /// Lists them.
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = Policy::default();
        let facts = self.facts.read()?;
        let context = Context::new(&facts, &policy, None);
        let form = match (self.json, self.cbom) {
            (true, _) => Form::Json,
            (_, true) => Form::Cbom,
            _ => self.format,
        };
        if self.logins {
            let keys = login_keys(&context);
            let text = match form {
                Form::Json => serde_json::to_string_pretty(&keys)?,
                Form::Text => juju_charm::printable::text(&logins(&keys)).into(),
                Form::Cbom => bail!("--logins: a bill of materials has no logins"),
            };
            write_or_print(self.output.as_deref(), &format!("{}\n", text.trim_end()))?;
            return Ok(NOTHING_OPEN);
        }
        let keys = match inventory(&context) {
            Ok(keys) => keys,
            Err(MissingFact(why)) => bail!("{why}"),
        };
        let pretty = |value: &serde_json::Value| serde_json::to_string_pretty(value);
        let text = match form {
            Form::Json => pretty(&serde_json::to_value(&keys)?)?,
            Form::Cbom => pretty(&cbom(&keys, &facts.about))?,
            Form::Text => juju_charm::printable::text(&trimmed(&table(&keys).to_string())).into(),
        };
        write_or_print(self.output.as_deref(), &format!("{text}\n"))?;
        Ok(NOTHING_OPEN)
    }
}

fn logins(all: &LoginKeys) -> String {
    let header = ["what", "owner", "since", "next", "how"];
    let mut table = new_table_within(&header, terminal::width());
    let date = |date: Option<jiff::civil::Date>| date.map_or("-".into(), |it| it.to_string());
    for key in &all.keys {
        table.add_row([
            line(&key.key).to_string(),
            key.owner.to_owned(),
            date(key.since),
            date(key.next),
            key.steps.clone(),
        ]);
    }
    let mut text = format!("{}\n", trimmed(&table.to_string()));
    for why in &all.unknown {
        text.push_str(&format!("not looked at: {}\n", line(why)));
    }
    text
}

fn table(keys: &[CryptoAsset]) -> comfy_table::Table {
    let mut table = new_table_within(&["where", "what", "ends", "renewed by"], terminal::width());
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
