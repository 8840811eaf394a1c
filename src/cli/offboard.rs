//! `offboard`: what a person who leaves still has, and how it is taken.

use anyhow::Context as _;
use juju_charm::printable::{self, line};
use juju_client::{Connection, Target};

use super::confirm::confirm;
use super::shared::{ClusterArguments, NOTHING_OPEN, OPEN, print, print_data, read};
use super::terminal;
use crate::controls::Context;
use crate::facts::Facts;
use crate::offboarding::{self, By, Offboarding, Person};
use crate::policy::Policy;
use crate::report::table::{new_table_within, trimmed};

/// Plan what a person's leaving needs; exit status 1 while something is left
#[derive(clap::Args)]
pub struct Offboard {
    /// The person, as login names them to the platform: usually an e-mail address
    #[arg(value_name = "USER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    user: String,
    /// A user of Juju that is the person's; may be repeated
    #[arg(long, value_name = "NAME")]
    juju_user: Vec<String>,
    /// Disable the person's Juju users, then look again
    #[arg(long)]
    apply: bool,
    /// Do not ask for confirmation; required without a terminal
    #[arg(long, requires = "apply")]
    yes: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Policy file in YAML, whose lists may name the person
    #[arg(long, value_name = "FILE")]
    policy: Option<std::path::PathBuf>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

impl Offboard {
    /// Plans, and with `--apply` disables what can be enabled again.
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = match &self.policy {
            Some(path) => super::shared::sound(&super::shared::policy_text(path)?, path)?,
            None => Policy::default(),
        };
        let person = Person { user: self.user.clone(), juju: self.juju_user.clone() };
        let mut left = self.look(&policy, &person)?;
        if self.apply {
            let names: Vec<String> = left.to_disable().map(str::to_owned).collect();
            if names.is_empty() {
                self.show(&left)?;
                self.tell("nothing that --apply takes is left")?;
                return Ok(status(&left));
            }
            // One document of JSON is printed, of what is left in the end.
            if !self.json {
                self.show(&left)?;
            }
            self.tell(&format!("\n--apply disables in Juju: {}", names.join(", ")))?;
            if !confirm("disable", self.yes)? {
                return Ok(status(&left));
            }
            self.disable(&names)?;
            left = self.look(&policy, &person)?;
            if let Some(still) = left.to_disable().next() {
                anyhow::bail!("the Juju user {still} is still enabled; see juju show-user {still}");
            }
            self.tell("\nafter it:")?;
        }
        self.show(&left)?;
        Ok(status(&left))
    }

    fn look(&self, policy: &Policy, person: &Person) -> anyhow::Result<Offboarding> {
        let facts: Facts = read(&self.cluster, policy)?;
        crate::facts::platform::look(&facts)?;
        Ok(offboarding::of(&Context::new(&facts, policy, None), person))
    }

    fn disable(&self, names: &[String]) -> anyhow::Result<()> {
        let account = self.cluster.controller.account()?;
        let mut controller =
            Connection::open(&account.endpoint, &Target::Controller, &account.login)
                .with_context(|| format!("controller {}", account.controller))?;
        for name in names {
            controller.disable_user(name).with_context(|| format!("disabling {name}"))?;
        }
        Ok(())
    }

    /// Says a line: beside a document of JSON, on standard error.
    fn tell(&self, text: &str) -> anyhow::Result<()> {
        let text = format!("{}\n", printable::text(text));
        match self.json {
            true => eprint!("{text}"),
            false => print(&text)?,
        }
        Ok(())
    }

    fn show(&self, left: &Offboarding) -> anyhow::Result<()> {
        if self.json {
            return print_data(&format!("{}\n", serde_json::to_string_pretty(left)?));
        }
        let mut table =
            new_table_within(&["where", "what", "has", "how it is taken"], terminal::width());
        for remnant in &left.remnants {
            let by = match (remnant.by, remnant.is_verifiable) {
                (By::Command, _) => "--apply does: ",
                (By::Hand, true) => "",
                (By::Hand, false) => "look: ",
            };
            table.add_row([
                remnant.place.to_owned(),
                line(&remnant.object.to_string()).to_string(),
                line(&remnant.has).to_string(),
                format!("{by}{}", line(&remnant.how)),
            ]);
        }
        match left.remnants.is_empty() {
            true => print(&format!("nothing of {} is left that can be seen\n", line(&self.user)))?,
            false => print(&format!("{}\n", trimmed(&table.to_string())))?,
        }
        for why in &left.unknown {
            print(&terminal::prose(&format!("not looked at: {}\n", line(why))))?;
        }
        Ok(())
    }
}

fn status(left: &Offboarding) -> u8 {
    if left.is_open() { OPEN } else { NOTHING_OPEN }
}
