//! `ckf-hardening rotate`: the deployed charm rotates, for it alone holds the ledger
//! and the secrets; this asks it to, by the action of the same meaning.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::bail;
use juju_client::{ActionResult, ActionStatus};
use serde::Serialize;

use super::confirm::confirm;
use super::juju::ControllerArguments;
use super::output::DataFormat;
use super::shared::{NOTHING_OPEN, print};
use crate::rotation::{Credential, Delivery};

/// Longest time that the charm has for an action.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rotate credentials by the deployed charm, or show the state of each.
#[derive(clap::Args)]
pub struct Rotate {
    /// What to rotate, as in the option `rotate`; without any, what that option names.
    #[arg(value_name = "CREDENTIAL")]
    targets: Vec<Credential>,
    /// How Juju users get the new value.
    #[arg(long, value_enum)]
    deliver: Option<Delivery>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Rotate the controller's first user too, if it is named.
    #[arg(long)]
    force: bool,
    /// Show the state of each credential, and rotate nothing.
    #[arg(long, conflicts_with_all = ["targets", "deliver", "dry_run", "force"])]
    status: bool,
    /// Print the credentials as JSON; same as --format json.
    #[arg(long, conflicts_with_all = ["dry_run", "format"])]
    json: bool,
    /// Format of the output; JSON has the credentials.
    #[arg(short, long, value_enum, default_value_t)]
    format: DataFormat,
    /// Juju model of Charmed Kubeflow.
    #[arg(short, long, default_value = "kubeflow", value_name = "NAME")]
    model: String,
    /// Name of the charm's application there.
    #[arg(long, default_value = "ckf-hardening", value_name = "NAME")]
    application: String,
    /// Do not ask; without a terminal nothing is rotated without it.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    controller: ControllerArguments,
}

/// Parameters of the action.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Parameters<'a> {
    /// Separated by commas: Juju 4.0 passes no list on.
    #[serde(skip_serializing_if = "str::is_empty")]
    targets: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver: Option<Delivery>,
    dry_run: bool,
    force: bool,
}

#[derive(Serialize)]
struct Nothing {}

impl Rotate {
    pub fn run(self) -> anyhow::Result<u8> {
        let mut model = self.controller.model(&self.model)?;
        let status = model.status()?;
        let application = status.applications.get(&self.application);
        let unit = application.and_then(|known| known.leader());
        let Some(unit) = unit else {
            bail!(
                "the model {} has no unit of {}; juju deploy ckf-hardening --trust, or name it by \
                 --application",
                self.model,
                self.application
            );
        };
        let (action, id) = match self.status {
            true => {
                let action = "rotation-status";
                (action, model.enqueue_action(unit, action, &Nothing {})?)
            }
            false => {
                if !self.dry_run && !confirm("rotate", self.yes)? {
                    return Ok(NOTHING_OPEN);
                }
                let targets: Vec<String> = self.targets.iter().map(ToString::to_string).collect();
                let parameters = Parameters {
                    targets: &targets.join(","),
                    deliver: self.deliver,
                    dry_run: self.dry_run,
                    force: self.force,
                };
                let action = "rotate-credentials";
                (action, model.enqueue_action(unit, action, &parameters)?)
            }
        };
        writeln!(io::stderr(), "{unit} runs {action}, operation {id}").ok();
        let result = model.wait_for_action(&id, Instant::now() + PATIENCE)?;
        self.report(unit, &id, &result)
    }

    fn report(&self, unit: &str, id: &str, result: &ActionResult) -> anyhow::Result<u8> {
        match result.status {
            ActionStatus::Completed => {}
            ActionStatus::Pending | ActionStatus::Running => bail!(
                "{unit} has not answered within {} s; see juju show-operation {id}",
                PATIENCE.as_secs()
            ),
            _ => bail!("{unit}: {}", result.message),
        }
        // The charm puts no value into a result.
        let output = |key: &str| result.output.get(key).map_or("", |text| text.expose());
        let is_json = self.json || self.format == DataFormat::Json;
        let text = match (is_json && !self.dry_run, self.dry_run) {
            (true, _) if output("credentials").is_empty() => "[]",
            (true, _) => output("credentials"),
            (false, true) => output("plan"),
            (false, false) => output("status"),
        };
        print(&format!("{}\n", text.trim_end()))?;
        if !output("next").is_empty() {
            writeln!(io::stderr(), "{}", output("next")).ok();
        }
        Ok(NOTHING_OPEN)
    }
}
