//! `access`: who can do what to whom, and by which chain.

use anyhow::bail;

use super::{FactsArguments, NOTHING_OPEN, OPEN, print, print_data};
use crate::access::{Can, To, Who, answers};
use crate::controls::{Context, Missing};
use crate::policy::Policy;

/// Who, and what.
#[derive(clap::Args)]
pub struct Access {
    /// Who: a user's NAME, group/NAME, account/NAMESPACE/NAME, or profile/NAME for what runs
    /// in a profile.
    #[arg(long, value_name = "WHO")]
    who: Who,
    /// To what: profile/NAME, or platform.
    #[arg(long, value_name = "WHAT")]
    to: To,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    facts: FactsArguments,
}

impl Access {
    /// Explains it. Exit status 1 if something can be done.
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = Policy::default();
        let facts = self.facts.read()?;
        let context = Context::new(&facts, &policy, None);
        let answers = match answers(&context, &self.who, &self.to) {
            Ok(answers) => answers,
            Err(Missing(why)) => bail!("{why}"),
        };
        match self.json {
            true => print_data(&format!("{}\n", serde_json::to_string_pretty(&answers)?))?,
            false => answers
                .iter()
                .try_for_each(|answer| print(&format!("{answer}\n")))?,
        }
        let can = answers.iter().any(|answer| answer.can == Can::Yes);
        Ok(if can { OPEN } else { NOTHING_OPEN })
    }
}
