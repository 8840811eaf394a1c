//! `access`: who can do what to whom, and by which chain.

use std::collections::BTreeSet;

use std::path::PathBuf;

use anyhow::bail;
use juju_charm::printable::{line, text};

use super::output::write_or_print;
use super::shared::{FAILED, FactsArguments, NOTHING_OPEN, OPEN};
use super::{suggest, terminal};
use crate::access::{
    Answer, Can, To, Who, answers, between, is_named, near_misses, reaches, render, who_reaches,
};
use crate::controls::{Context, MissingFact};
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::policy::Policy;
use crate::report::table::{new_table_within, trimmed};

/// Subject and target.
#[derive(clap::Args)]
#[command(after_help = super::help::ACCESS)]
pub struct Access {
    /// Who: a user's NAME, group/NAME, account/NAMESPACE/NAME, or profile/NAME for what runs
    /// in a profile. Without --to, all that they reach.
    #[arg(long, value_name = "WHO", required_unless_present_any = ["to", "between"])]
    who: Option<Who>,
    /// To what: profile/NAME, or platform. Without --who, all who reach that profile.
    #[arg(long, value_name = "WHAT")]
    to: Option<To>,
    /// Which profiles' pods reach which others'.
    #[arg(long, conflicts_with_all = ["who", "to"])]
    between: bool,
    /// Format of the answers.
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Form,
    /// As JSON, like --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    facts: FactsArguments,
}

/// Forms of answers.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Each answer with its chain.
    Text,
    /// A table, an answer a line.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// A graph of the ways, for Graphviz.
    Dot,
    /// The same for Mermaid.
    Mermaid,
}

impl Access {
    /// Explains it. Exit status 1 if something can be done, 2 if nothing names the subject or the
    /// profile, who may be misspelt.
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = Policy::default();
        let facts = self.facts.read()?;
        let context = Context::new(&facts, &policy, None);
        let is_known = self.check(&context, &facts)?;
        let answers = match self.answers(&context) {
            Ok(answers) => answers,
            Err(MissingFact(why)) => bail!("{why}"),
        };
        let form = if self.json { Form::Json } else { self.format };
        let out = match form {
            Form::Text => {
                let lines: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
                text(&terminal::prose(&lines)).into_owned()
            }
            Form::Table => {
                text(&format!("{}\n", trimmed(&table(&answers).to_string()))).into_owned()
            }
            Form::Json => format!("{}\n", serde_json::to_string_pretty(&answers)?),
            Form::Csv => render::csv(&answers),
            Form::Dot => render::dot(&answers),
            Form::Mermaid => render::mermaid(&answers),
        };
        write_or_print(self.output.as_deref(), &out)?;
        let can = answers.iter().any(|answer| answer.can == Can::Yes);
        Ok(match (is_known, can) {
            (false, _) => FAILED,
            (true, true) => OPEN,
            (true, false) => NOTHING_OPEN,
        })
    }

    fn answers(&self, context: &Context<'_>) -> Result<Vec<Answer>, MissingFact> {
        match (&self.who, &self.to) {
            (Some(who), Some(to)) => {
                let mut all = answers(context, who, to)?;
                let place = match to {
                    To::Profile(name) => format!("profile {name}"),
                    To::Platform => "platform".into(),
                };
                if self.format != Form::Text && !self.json {
                    for answer in &mut all {
                        answer.who = who.to_string();
                        answer.what = answer.question.clone();
                        answer.to.clone_from(&place);
                    }
                }
                Ok(all)
            }
            (Some(who), None) => reaches(context, who),
            (None, Some(To::Profile(profile))) => who_reaches(context, profile),
            (None, Some(To::Platform)) => Err(MissingFact(
                "who reaches the platform is answered for one subject: add --who".into(),
            )),
            (None, None) => between(context),
        }
    }

    /// Whether what is asked for is known, and says so if not, with what is nearly of that name.
    fn check(&self, context: &Context<'_>, facts: &Facts) -> anyhow::Result<bool> {
        let mut is_known = true;
        let target = match &self.to {
            Some(To::Profile(name)) if self.who.is_none() => Some(Who::Profile(name.clone())),
            _ => None,
        };
        for who in self.who.iter().chain(&target) {
            // What could not be read is no proof that nothing names them.
            if is_named(context, who).unwrap_or(true) {
                // A group that only looks like the user asked for is worth a word in any case.
                continue;
            }
            is_known = false;
            eprintln!("{}{}", unknown(who), suggest::hint(name(who), names(facts)));
        }
        for who in self.who.iter().chain(&target) {
            let near = near_misses(context, who).unwrap_or_default();
            near.iter().for_each(|near| eprintln!("note: {}", line(near)));
        }
        if let (false, Some(_)) = (is_known, target) {
            bail!("there is no such profile to be reached");
        }
        Ok(is_known)
    }
}

fn table(answers: &[Answer]) -> comfy_table::Table {
    let mut table = new_table_within(
        &["who", "can", "what", "to", "by", "to close it, change"],
        terminal::width(),
    );
    for of in answers {
        let steps: Vec<String> = of.chain.iter().map(|step| line(step).to_string()).collect();
        let change: Vec<String> = of.change.iter().map(|object| line(object).to_string()).collect();
        table.add_row([
            line(&of.who).to_string(),
            of.can.word().to_owned(),
            line(&of.what).to_string(),
            line(&of.to).to_string(),
            steps.join("\n"),
            change.join("\n"),
        ]);
    }
    table
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
            "group {name:?} is not known: no binding names it; the answers are those for any user \
             who can log in"
        ),
        Who::Account { namespace, name } => {
            format!("service account {namespace}/{name} is not known: there is none of that name")
        }
        Who::Profile(name) => format!("profile {name:?} is not known: there is none of that name"),
    }
}
