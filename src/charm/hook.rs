//! A hook or an action as its steps see it: everything that several of them need, read once.

use std::collections::BTreeMap;

use anyhow::Context as _;
use juju_charm::event::{Lifecycle, WorkloadEvent};
use juju_charm::{Event, ToolError, Unit, config, leader, state};
use log::warn;

use super::endpoints;
use super::origin;
use super::state::UnitState;
use super::trace::Trace;
use crate::agent::input::{AgentInput, CharmFacts, CredentialState};
use crate::config::{OptionProblem, Options};

/// The context of one dispatch.
pub struct Hook<'a> {
    /// This unit, from Juju's environment.
    pub unit: &'a Unit,
    /// What Juju fired.
    pub event: &'a Event,
    /// Whether this unit leads its application.
    pub is_leader: bool,
    /// The application's options, parsed.
    pub options: Options,
    /// Problems of the options.
    pub option_problems: Vec<OptionProblem>,
    /// State of the unit from earlier hooks.
    pub state: UnitState,
    /// Whether this hook audited the cluster.
    pub is_audited: bool,
    /// Authorities that clients of the gateway must trust, PEM; `None` until a step learns them.
    pub trusted_authorities: Option<Vec<String>>,
    /// Facts of this hook's audit that the agent cannot read itself.
    pub charm_facts: Option<CharmFacts>,
    /// The state of each credential in the option `rotate`, if a step read it.
    pub credentials: BTreeMap<String, CredentialState>,
    /// Spans of this hook, for the receiver of traces.
    pub trace: Trace,
    raw_options: config::Options,
}

impl<'a> Hook<'a> {
    /// Reads options, state and leadership.
    pub fn read(unit: &'a Unit, event: &'a Event) -> anyhow::Result<Self> {
        let trace = Trace::start(crate::now());
        // Side by side: none depends on another.
        let reads = (config::start(), state::start(), leader::start());
        let (options, state, leads) = (reads.0.finish(), reads.1.finish(), reads.2.finish());
        let raw_options = options.context("reading the options")?;
        let (options, option_problems) = Options::parse(&raw_options);
        log::set_max_level(options.log_level);
        for problem in &option_problems {
            warn!("{problem}");
        }
        Ok(Self {
            unit,
            event,
            state: UnitState::of(state)?,
            is_leader: is_leader(leads)?,
            options,
            option_problems,
            raw_options,
            is_audited: false,
            trusted_authorities: None,
            charm_facts: None,
            credentials: BTreeMap::new(),
            trace,
        })
    }

    /// The secret with the login to the controller, from the option `juju-credentials`.
    pub fn login(&self) -> Option<&str> {
        self.options.juju_credentials.as_deref()
    }

    /// The gateway's host name, if the operator declared one.
    pub fn external_hostname(&self) -> Option<&str> {
        self.options.policy.external_hostname.as_deref()
    }

    /// The agent's input with these facts and credentials.
    pub fn agent_input(
        &self,
        facts: CharmFacts,
        credentials: BTreeMap<String, CredentialState>,
    ) -> AgentInput {
        AgentInput {
            namespace: self.unit.model.clone(),
            is_leader: self.is_leader,
            holder: origin::holder(self.unit).to_string(),
            publishes_report: endpoints::publishes_report(self.state.endpoints()),
            scraped: endpoints::is_scraped(self.state.endpoints()),
            options: self.raw_options.as_map().clone(),
            facts,
            credentials,
        }
    }

    /// Whether a container has just started, without what an earlier one was configured with.
    pub fn is_container_start(&self) -> bool {
        matches!(self.event, Event::Workload { what: WorkloadEvent::Ready, .. })
    }

    /// Whether anything may have changed since the last hook, so that nothing remembered is
    /// relied on.
    pub fn is_fresh_start(&self) -> bool {
        matches!(
            self.event,
            Event::Lifecycle(Lifecycle::UpgradeCharm | Lifecycle::LeaderElected | Lifecycle::Start)
        )
    }

    /// Whether Juju may have replaced the unit's status since the last hook.
    pub fn is_status_reset(&self) -> bool {
        matches!(
            self.event,
            Event::Lifecycle(Lifecycle::Start | Lifecycle::UpgradeCharm | Lifecycle::Install)
        )
    }
}

/// Whether this unit leads. One that Juju no longer knows does not.
fn is_leader(read: Result<bool, ToolError>) -> anyhow::Result<bool> {
    match read {
        Err(error) if error.is_absence() => {
            warn!("{error}");
            Ok(false)
        }
        result => Ok(result?),
    }
}
