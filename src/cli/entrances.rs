//! `entrances`: every way into the platform, and what is in front of it.

use anyhow::bail;
use juju_charm::printable::line;

use super::shared::{FactsArguments, NOTHING_OPEN, print, print_data};
use crate::controls::{Context, MissingFact};
use crate::policy::Policy;
use crate::report::table::new_table;
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
            false => print(&format!("{}\n", table(&entrances)))?,
        }
        Ok(NOTHING_OPEN)
    }
}

fn table(entrances: &[&Entrance]) -> comfy_table::Table {
    let mut table =
        new_table(&["entrance", "from", "leads to", "TLS", "login", "policies", "addresses"]);
    for entrance in entrances {
        let from = match entrance.from {
            From::Outside => "outside",
            From::Pods => "pods",
        };
        let hosts = entrance.hosts.join(", ");
        let at = format!("{}\n{} {}", entrance.object, line(&entrance.port), line(&hosts));
        let to = match entrance.destinations() {
            none if none.is_empty() => "nothing of the platform".to_owned(),
            to => to,
        };
        let to = match entrance.origins() {
            Some(origins) => format!("{to}\nread with the session by {origins}"),
            None => to,
        };
        table.add_row([
            at.trim_end().to_owned(),
            from.to_owned(),
            to.lines().map(|to| line(to).to_string()).collect::<Vec<_>>().join("\n"),
            line(&entrance.tls.to_string()).to_string(),
            line(&entrance.login.to_string()).to_string(),
            line(&entrance.policy.to_string()).to_string(),
            line(&entrance.network.to_string()).to_string(),
        ]);
    }
    table
}
