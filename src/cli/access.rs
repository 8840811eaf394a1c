//! `access`: who can do what to whom, and by which chain.

use std::collections::BTreeSet;

use anyhow::bail;

use super::output::DataOutput;
use super::shared::{FactsArguments, NOT_ASSESSED, NOTHING_OPEN, OPEN};
use super::suggest;
use crate::access::{Can, To, Who, answers, is_named};
use crate::controls::{Context, MissingFact};
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::policy::Policy;

/// Who, and what.
#[derive(clap::Args)]
#[command(after_help = super::help::ACCESS)]
pub struct Access {
    /// Who: a user's NAME, group/NAME, account/NAMESPACE/NAME, or profile/NAME for what runs
    /// in a profile.
    #[arg(long, value_name = "WHO")]
    who: Who,
    /// To what: profile/NAME, or platform.
    #[arg(long, value_name = "WHAT")]
    to: To,
    #[command(flatten)]
    output: DataOutput,
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
            eprintln!("{}{}", unknown(&self.who), suggest::hint(name(&self.who), names(&facts)));
        }
        match self.output.is_json() {
            true => self.output.data(&answers)?,
            false => {
                let lines = answers.iter().map(|answer| format!("{answer}\n"));
                self.output.text(&lines.collect::<String>())?;
            }
        }
        let can = answers.iter().any(|answer| answer.can == Can::Yes);
        Ok(match (can, is_known) {
            (true, _) => OPEN,
            (false, true) => NOTHING_OPEN,
            (false, false) => NOT_ASSESSED,
        })
    }
}

/// The name of a subject.
fn name(who: &Who) -> &str {
    match who {
        Who::User(name) | Who::Group(name) | Who::Profile(name) | Who::Account { name, .. } => name,
    }
}

/// Names of profiles, and of users and groups that own them or that bindings name.
fn names(facts: &Facts) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    if let Known::Known(profiles) = &facts.profiles {
        names.extend(profiles.items.iter().map(|profile| profile.metadata.name.as_str()));
        names.extend(profiles.items.iter().map(|profile| &*profile.spec.owner.name));
    }
    if let Known::Known(bindings) = &facts.role_bindings {
        let subjects = bindings.items.iter().flat_map(|binding| binding.subjects.iter());
        names.extend(subjects.map(|subject| &*subject.name));
    }
    names
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
