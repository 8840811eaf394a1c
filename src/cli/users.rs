//! `users`: permissions of Juju's users.

use super::juju::ControllerArguments;
use super::output::DataOutput;
use super::shared::NOTHING_OPEN;
use super::terminal;
use crate::facts::juju::{self, Source};
use crate::facts::known::Known;
use crate::policy::Options;
use crate::report::Users as Report;

#[derive(clap::Args)]
pub struct Users {
    #[command(flatten)]
    controller: ControllerArguments,
    #[command(flatten)]
    output: DataOutput,
}

impl Users {
    pub fn run(self) -> anyhow::Result<u8> {
        let account = self.controller.account()?;
        let facts = juju::read(&Source {
            endpoint: &account.endpoint,
            login: &account.login,
            declared: &Options::new(),
            model: "",
        });
        let juju = match facts {
            Known::Known(juju) => juju,
            Known::Unknown(why) => anyhow::bail!("controller {}: {why}", account.controller),
        };
        let users = Report::of(&juju);
        match self.output.is_json() {
            true => self.output.data(&users)?,
            false => self.output.table(&users.table_within(terminal::width()))?,
        }
        Ok(NOTHING_OPEN)
    }
}
