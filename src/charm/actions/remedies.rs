//! The actions `plan`, `apply`, `undo` and `enforce-tls`.

use std::collections::BTreeSet;

use anyhow::bail;
use juju_charm::action;
use serde::Deserialize;

use super::names::Names;
use super::results::Results;
use crate::charm::enforce::{self, EnforceFailure};
use crate::charm::gather;
use crate::charm::hook::Hook;
use crate::charm::origin::{CharmOrigin, LoginModel};
use crate::config::Options;
use crate::effects::{Cluster, Executor};
use crate::facts::Facts;
use crate::pipeline::{self, EnforceOutcome};
use crate::remedies::{self, Consent, Plan, Remedy};

/// Where what does not fit into the results is.
const ELSEWHERE: &str = "`ckf-hardening plan` prints all, and juju debug-log has what was done";

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Parameters {
    remedies: Names,
    /// Profiles to which the changes are confined.
    profiles: Names,
    allow_disruption: bool,
}

impl Parameters {
    /// The remedies that are named; without any, those of the option.
    fn remedies(&self, option: &BTreeSet<Remedy>) -> anyhow::Result<BTreeSet<Remedy>> {
        if self.remedies.0.is_empty() {
            return Ok(option.clone());
        }
        let names = self.remedies.0.iter().map(|name| name.parse::<Remedy>());
        names.collect::<Result<_, _>>().map_err(anyhow::Error::msg)
    }

    /// Profiles to which changes are confined, if any are named.
    fn profiles(&self) -> Option<BTreeSet<String>> {
        let names: BTreeSet<String> = self.profiles.0.iter().cloned().collect();
        (!names.is_empty()).then_some(names)
    }

    /// Consent of the user who runs the action.
    fn consent(&self, remedies: &BTreeSet<Remedy>, options: &Options) -> Consent {
        let mut disruption = options.allow_disruption.clone();
        if self.allow_disruption {
            disruption.extend(remedies);
        }
        let mut consent = Consent::of_person(&disruption);
        if self.remedies.0.is_empty() {
            consent = consent.unnamed();
        }
        match self.profiles() {
            Some(names) => consent.only_in(names),
            None => consent,
        }
    }
}

/// Shows the changes that `apply` would make.
pub fn plan(hook: &Hook<'_>) -> anyhow::Result<()> {
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&hook.options.enforce)?;
    let consent = parameters.consent(&remedies, &hook.options);
    let (facts, cluster) = read(hook)?;
    let mut origin = CharmOrigin::of_action(hook.unit, consent);
    let policy = &hook.options.policy;
    let plan = pipeline::plan(&facts, policy, &remedies, &mut origin, &cluster)?;
    Ok(results(&plan).set()?)
}

/// Applies the changes.
pub fn apply(hook: &Hook<'_>) -> anyhow::Result<()> {
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&hook.options.enforce)?;
    let consent = parameters.consent(&remedies, &hook.options);
    enforce(hook, &remedies, consent)
}

/// Refuses to change anything by options that are not understood.
fn refuse_if_frozen(hook: &Hook<'_>) -> anyhow::Result<()> {
    match hook.options.freeze_reason() {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// Applies the remedies of the gateway's TLS.
pub fn enforce_tls(hook: &Hook<'_>) -> anyhow::Result<()> {
    let remedies = BTreeSet::from([Remedy::TlsFloor, Remedy::HttpsRedirect]);
    enforce(hook, &remedies, Consent::of_person(&BTreeSet::new()))
}

/// Removes remedies that an action or the command line applied.
pub fn undo(hook: &Hook<'_>) -> anyhow::Result<()> {
    refuse_if_frozen(hook)?;
    let parameters: Parameters = action::parameters()?;
    if parameters.remedies.0.is_empty() {
        bail!("name the remedies to undo, for example remedies=hsts,mutual-tls");
    }
    let remedies = parameters.remedies(&hook.options.enforce)?;
    if let Some(enforced) = remedies.intersection(&hook.options.enforce).next() {
        bail!(
            "the option enforce has {enforced}, and the charm would apply it again; remove it from the option"
        );
    }
    let cluster = enforce::connect()?;
    let own = cluster.managed_objects(&hook.unit.model)?;
    let mut plan = remedies::undo(&own, &remedies).map_err(anyhow::Error::msg)?;
    if let Some(profiles) = parameters.profiles() {
        plan.confine(&profiles);
    }
    let mut origin = CharmOrigin::of_action(hook.unit, Consent::of_person(&BTreeSet::new()));
    let login = hook.login();
    report(enforce::apply(hook.unit, login, &cluster, plan, &mut origin))
}

fn enforce(hook: &Hook<'_>, remedies: &BTreeSet<Remedy>, consent: Consent) -> anyhow::Result<()> {
    refuse_if_frozen(hook)?;
    let (facts, cluster) = read(hook)?;
    let mut origin = CharmOrigin::of_action(hook.unit, consent);
    let login = hook.login();
    let mut executor =
        Executor { cluster: &cluster, model: &mut LoginModel::new(hook.unit, login) };
    let policy = &hook.options.policy;
    report(pipeline::enforce(&facts, policy, remedies, &mut origin, &mut executor)?)
}

/// Returns the plan as the action's results, also if a part of it was refused.
fn report(mut outcome: EnforceOutcome) -> anyhow::Result<()> {
    results(&outcome.plan).set_after_work();
    match outcome.take_failure() {
        Some(why) => Err(EnforceFailure::Changes(why).into()),
        None => Ok(()),
    }
}

fn read(hook: &Hook<'_>) -> anyhow::Result<(Facts, Cluster)> {
    action::log(&format!("reading the cluster of model {}", hook.unit.model))?;
    let facts = gather::platform(hook.unit, &hook.options)?;
    let cluster = enforce::connect()?;
    Ok((facts, cluster))
}

/// The plan as the action's results.
fn results(plan: &Plan) -> Results {
    Results::default()
        .value("changes", &plan.changes.len().to_string())
        .lines("plan", &plan.to_string(), ELSEWHERE)
        .lines("reach", &plan.reach().join("\n"), ELSEWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charm::actions::results::LONGEST;
    use crate::charm::issue::{brief, first_reasons};
    use crate::remedies::Remedy::ProfileNetworkPolicies as Remedy;

    #[test]
    fn plan_of_two_thousand_profiles_is_returned_whole_in_parts_that_juju_takes() {
        let of = |number: usize| format!("user-{number:05} {}", "needs an owner ".repeat(12));
        let plan = Plan {
            notes: (0..2000).map(|number| (Remedy, of(number))).collect(),
            ..Plan::default()
        };
        let results = results(&plan);
        let entries = results.entries();
        assert!(entries.iter().all(|(_, value)| value.len() <= LONGEST));
        let plans = entries.iter().filter(|(key, _)| key.starts_with("plan"));
        let lines = plans.flat_map(|(_, value)| value.lines());
        assert_eq!(lines.filter(|line| line.contains("user-")).count(), 2000);

        let refused: Vec<String> = (0..2000).map(of).collect();
        let why = brief(&first_reasons(&refused), 240);
        assert!(why.starts_with("user-00000") && why.chars().count() <= 240);
    }
}
