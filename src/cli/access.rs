//! `access`: who can do what to whom, and by which chain.

use anyhow::bail;

use super::shared::{FactsArguments, NOT_ASSESSED, NOTHING_OPEN, OPEN, print, print_data};
use crate::access::{Can, To, Who, answers, is_named};
use crate::controls::{Context, MissingFact};
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
    /// Explains it. Exit status 1 if something can be done, 3 if nothing can and nothing names
    /// the subject, who may be misspelt.
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = Policy::default();
        let facts = self.facts.read()?;
        let context = Context::new(&facts, &policy, None);
        let answers = match answers(&context, &self.who, &self.to) {
            Ok(answers) => answers,
            Err(MissingFact(why)) => bail!("{why}"),
        };
        // What could not be read is no proof that nothing names them.
        let is_known = is_named(&context, &self.who).unwrap_or(true);
        if !is_known {
            eprintln!("{}", unknown(&self.who));
        }
        match self.json {
            true => print_data(&format!("{}\n", serde_json::to_string_pretty(&answers)?))?,
            false => answers.iter().try_for_each(|answer| print(&format!("{answer}\n")))?,
        }
        let can = answers.iter().any(|answer| answer.can == Can::Yes);
        Ok(match (can, is_known) {
            (true, _) => OPEN,
            (false, true) => NOTHING_OPEN,
            (false, false) => NOT_ASSESSED,
        })
    }
}

/// Says that nothing names a subject, and what the answers are worth then.
fn unknown(who: &Who) -> String {
    match who {
        Who::User(name) => format!(
            "user {name:?} is not known: no Profile, binding or policy names them; the answers \
             are those for any user who can log in"
        ),
        Who::Group(name) => format!(
            "group {name:?} is not known: no binding names it; the answers are those for anybody \
             who can log in"
        ),
        Who::Account { namespace, name } => {
            format!("service account {namespace}/{name} is not known: there is none of that name")
        }
        Who::Profile(name) => format!("profile {name:?} is not known: there is none of that name"),
    }
}
