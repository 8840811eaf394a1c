//! Which controller, and how to log in to it.

use anyhow::{Context as _, bail};
use juju_client::store::{self, Account, StoreError};
use juju_client::{Connection, Target};

use crate::facts::juju::{self, Juju};
use crate::facts::known::{Known, Unknown};
use crate::policy::Options;

/// Which controller.
#[derive(Clone, clap::Args)]
pub struct ControllerArguments {
    /// Controller of Juju's client store; else its current one.
    #[arg(long, value_name = "NAME")]
    controller: Option<String>,
}

impl ControllerArguments {
    /// The operator's own login, from `JUJU_DATA` or where Juju keeps it.
    pub fn account(&self) -> anyhow::Result<Account> {
        let directory = store::directory(env)?;
        let account = store::account(&directory, self.controller.as_deref());
        account.map_err(|error| match error {
            StoreError::Unreadable { ref path, .. } if !path.exists() => anyhow::anyhow!(
                "no login to Juju: {} does not exist; log in with `juju login --controller NAME`, \
                 or set JUJU_DATA to the directory of Juju's client store",
                path.display()
            ),
            error => error.into(),
        })
    }

    /// A connection to the controller, by the operator's own login.
    pub fn connect(&self) -> anyhow::Result<Connection> {
        let account = self.account()?;
        Connection::open(&account.endpoint, &Target::Controller, &account.login)
            .with_context(|| format!("controller {}", account.controller))
    }

    /// A connection with a model, by the operator's own login.
    pub fn model(&self, name: &str) -> anyhow::Result<Connection> {
        let account = self.account()?;
        let mut controller =
            Connection::open(&account.endpoint, &Target::Controller, &account.login)
                .with_context(|| format!("controller {}", account.controller))?;
        let models = controller.models()?;
        let Some(model) = models.iter().find(|known| known.name == name) else {
            bail!(
                "the controller {} shows no model {name} to {}",
                account.controller,
                controller.user().identity
            );
        };
        let target = Target::Model(model.uuid.clone());
        let connection = Connection::open(&account.endpoint, &target, &account.login);
        connection.with_context(|| format!("model {name}"))
    }

    /// Facts of a model at its controller. Without a client store there are none, which is no
    /// error unless a controller was named.
    pub fn read(&self, model: &str, declared: &Options) -> anyhow::Result<Known<Juju>> {
        let account = match store::directory(env)
            .and_then(|directory| store::account(&directory, self.controller.as_deref()))
        {
            Ok(account) => account,
            Err(error) if self.controller.is_some() => return Err(error).context("--controller"),
            Err(StoreError::Nowhere | StoreError::Unreadable { .. } | StoreError::NoController) => {
                return Ok(Known::Unknown(Unknown::NotCollected));
            }
            Err(error) => return Ok(Known::Unknown(Unknown::Failed(error.to_string()))),
        };
        Ok(juju::read(&juju::Source {
            endpoint: &account.endpoint,
            login: &account.login,
            declared,
            model,
        }))
    }
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
