//! `entrances`: every way into the platform, and what is in front of it.

use anyhow::bail;
use juju_charm::printable::line;

use super::shared::{FactsArguments, NOTHING_OPEN, print_data};
use super::terminal;
use crate::controls::{Context, MissingFact};
use crate::policy::Policy;
use crate::report::style::Ink;
use crate::report::table::{self, wrapped};
use crate::views::entrances::{Entrance, From};

/// Which cluster, and in which form.
#[derive(clap::Args)]
pub struct Entrances {
    #[command(flatten)]
    facts: FactsArguments,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Entrances {
    /// Lists them.
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = Policy::default();
        let facts = self.facts.read()?;
        let context = Context::new(&facts, &policy, None);
        let entrances = match context.entrances() {
            Ok(entrances) => entrances,
            Err(MissingFact(why)) => bail!("{why}"),
        };
        match self.json {
            true => print_data(&format!("{}\n", serde_json::to_string_pretty(&entrances)?))?,
            false => {
                let width = terminal::width();
                let records: Vec<String> = entrances.iter().map(|one| record(one, width)).collect();
                print_data(&records.join("\n"))?;
            }
        }
        Ok(NOTHING_OPEN)
    }
}

/// An entrance: what it is, and what leads on from it and stands in front of it.
fn record(entrance: &Entrance, width: u16) -> String {
    let from = match entrance.from {
        From::Outside => "outside",
        From::Pods => "pods",
    };
    let title =
        format!("{} {}, from {from}", line(&entrance.object.to_string()), line(&entrance.port));
    let to = match entrance.destinations() {
        none if none.is_empty() => "nothing of the platform".to_owned(),
        to => to,
    };
    let shown = |value: &dyn ToString| line(&value.to_string()).into_owned();
    let mut fields = Vec::new();
    if !entrance.hosts.is_empty() {
        fields.push(("hosts", shown(&entrance.hosts.join(", "))));
    }
    fields.extend([
        ("leads to", shown(&to)),
        ("TLS", shown(&entrance.tls)),
        ("login", shown(&entrance.login)),
        ("policies", shown(&entrance.policy)),
        ("addresses", shown(&entrance.network)),
    ]);
    if let Some(origins) = entrance.origins() {
        fields.push(("session", format!("answers are read by pages of {}", shown(&origins))));
    }
    let title = terminal::style().paint(Ink::Heading, &wrapped(&title, width));
    format!("{title}\n{}", table::fields(&fields, width))
}
