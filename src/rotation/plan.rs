//! The option `rotate`: which credentials to rotate, and how often.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Deserialize;

use super::{Credential, Delivery};

/// Default interval.
const EVERY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Shortest interval that is accepted.
const SHORTEST: SignedDuration = SignedDuration::from_hours(1);
/// Longest interval that is accepted.
const LONGEST: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// Shortest time after which a user counts as idle: `6m` is six minutes, and must not disable
/// users for an operator who means months.
const SHORTEST_IDLE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Rotation schedule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Settings of each credential to rotate.
    pub targets: BTreeMap<Credential, Target>,
    /// Juju users among the targets without a login for this long are disabled instead.
    pub disable_idle: Option<SignedDuration>,
}

/// Rotation settings of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Rotation interval.
    pub every: SignedDuration,
    /// How a Juju user receives the new password.
    pub delivery: Delivery,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    every: Option<String>,
    targets: Vec<TargetWire>,
    exclude: Vec<String>,
    disable_idle: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TargetWire {
    Name(String),
    Settings(SettingsWire),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsWire {
    credential: String,
    every: Option<String>,
    deliver: Option<Delivery>,
}

impl Plan {
    /// Parses the option. Returns every problem, and no default in place of an invalid value:
    /// the caller must not act on a schedule that has problems.
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut plan = Self::default();
        let wire: Wire = match serde_yaml::from_str::<Option<Wire>>(text) {
            Ok(wire) => wire.unwrap_or_default(),
            Err(error) => return (plan, vec![explain(&error)]),
        };
        let mut time = |text: Option<&str>, default: SignedDuration| match text.map(period) {
            None => default,
            Some(Ok(time)) => time,
            Some(Err(error)) => {
                problems.push(error.to_string());
                default
            }
        };
        let every = time(wire.every.as_deref(), EVERY);
        let mut targets = Vec::new();
        for target in wire.targets {
            let settings = match target {
                TargetWire::Settings(settings) => settings,
                TargetWire::Name(credential) => {
                    SettingsWire { credential, every: None, deliver: None }
                }
            };
            let every = time(settings.every.as_deref(), every);
            targets.push((settings.credential, every, settings.deliver));
        }
        match wire.disable_idle.as_deref().map(idle_period) {
            None => {}
            Some(Ok(time)) => plan.disable_idle = Some(time),
            Some(Err(error)) => problems.push(format!("disable-idle: {error}")),
        }
        for (name, every, deliver) in targets {
            problems.extend(plan.add(&name, every, deliver).err());
        }
        for name in wire.exclude {
            match name.parse::<Credential>() {
                Ok(credential) => drop(plan.targets.remove(&credential)),
                Err(error) => problems.push(error.to_string()),
            }
        }
        (plan, problems)
    }

    fn add(
        &mut self,
        name: &str,
        every: SignedDuration,
        deliver: Option<Delivery>,
    ) -> Result<(), String> {
        let credential = name.parse::<Credential>().map_err(|error| error.to_string())?;
        let is_user = matches!(credential, Credential::JujuUser(_));
        if deliver == Some(Delivery::Registration) && !is_user {
            return Err(format!("{name}: only a juju-user can be delivered by registration"));
        }
        if credential.is_first_user() {
            return Err(format!(
                "{name} is the controller's first user and is not rotated by the option; use \
                 rotate-credentials with force=true"
            ));
        }
        let target = Target { every, delivery: deliver.unwrap_or_default() };
        match self.targets.insert(credential, target) {
            Some(_) => Err(format!("{name} is named twice")),
            None => Ok(()),
        }
    }
}

fn explain(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match text.lines().next() {
        Some(first) => format!("{first}; expected every, targets, exclude, disable-idle"),
        None => "not valid YAML".into(),
    }
}

/// An invalid duration in the option.
#[derive(Debug, thiserror::Error)]
enum PeriodError {
    #[error("{0:?} is not a duration; expected one like 12h or 90d")]
    Form(String),
    #[error("{0:?} is not between 1h and 730d")]
    Range(String),
    #[error("{0:?} is not between 7d and 730d")]
    IdleRange(String),
}

fn idle_period(text: &str) -> Result<SignedDuration, PeriodError> {
    match period(text)? {
        time if time >= SHORTEST_IDLE => Ok(time),
        _ => Err(PeriodError::IdleRange(text.to_owned())),
    }
}

fn period(text: &str) -> Result<SignedDuration, PeriodError> {
    let span: Result<jiff::Span, _> = text.trim().parse();
    let time =
        span.ok().and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok());
    match time {
        Some(time) if (SHORTEST..=LONGEST).contains(&time) => Ok(time),
        Some(_) => Err(PeriodError::Range(text.to_owned())),
        None => Err(PeriodError::Form(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_with_targets_gives_their_intervals() {
        let (plan, problems) = Plan::parse(
            "every: 30d\ntargets:\n- dex\n- juju-user/ci-bot\n- {credential: juju-user/alice, deliver: registration, every: 180d}\n\
             - mysql/katib-db/root\n- own-login\nexclude: [dex]\ndisable-idle: 60d\n",
        );
        assert_eq!(problems, [""; 0]);
        let targets: Vec<String> = plan
            .targets
            .iter()
            .map(|(credential, target)| {
                format!("{credential} {}h {:?}", target.every.as_hours(), target.delivery)
            })
            .collect();
        assert_eq!(
            targets,
            [
                "juju-user/alice 4320h Registration",
                "juju-user/ci-bot 720h Password",
                "own-login 720h Password",
                "mysql/katib-db/root 720h Password",
            ]
        );
        assert_eq!(plan.disable_idle, Some(SignedDuration::from_hours(60 * 24)));
        assert_eq!(Plan::parse(""), (Plan::default(), Vec::new()));
    }

    #[test]
    fn option_with_a_problem_reports_it() {
        for (text, expected) in [
            ("targets: [dex, minos]", "\"minos\" is not one of juju-user/NAME"),
            ("targets: [dex, juju-user/bad name]", "not a valid name of a local Juju user"),
            ("targets: [dex, juju-user/x@external]", "not a valid name of a local Juju user"),
            ("targets: [dex, mysql/katib-db/monitoring]", "not one of root"),
            ("every: often\ntargets: [dex]", "12h or 90d"),
            ("every: 5s\ntargets: [dex]", "between 1h and 730d"),
            ("every: 90\ntargets: [dex]", "12h or 90d"),
            ("exclude: [7]\ntargets: [dex]", "is not one of"),
            ("targets: [dex, {credential: own-login, deliver: registration}]", "only a juju-user"),
            ("targets: [dex, juju-user/admin]", "the controller's first user"),
            ("targets: [dex, {credential: dex, every: 1d}]", "dex is named twice"),
        ] {
            let (plan, problems) = Plan::parse(text);
            assert!(problems.len() == 1 && problems[0].contains(expected), "{text}: {problems:?}");
            assert!(plan.targets.contains_key(&Credential::Dex), "{text}");
        }
        for text in [
            "whatever: 1",
            "targets: 7",
            "[",
            "targets: [{credential: dex, colour: red}]",
            "targets: [{credential: dex, deliver: letter}]",
            "targets: [{credential: [dex]}]",
            "exclude: dex",
        ] {
            let (plan, problems) = Plan::parse(text);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert_eq!(plan, Plan::default());
        }
        // Each field of the option has an invalid value above or below.
        let problem = Plan::parse("whatever: 1").1.concat();
        let (_, known) = problem.split_once("expected one of").unwrap();
        let known = known.split_once(';').map_or(known, |(known, _)| known);
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert_eq!(known, ["every", "targets", "exclude", "disable-idle"], "{problem}");
    }

    #[test]
    fn disable_idle_with_an_invalid_time_is_unset() {
        for text in [
            "2y", "365 dayz", "1000d", "180", "'180'", "0d", "-90d", "6m", "180m", "6mo", "P1Y",
            "''",
        ] {
            let option = format!("targets: [juju-user/bot]\ndisable-idle: {text}");
            let (plan, problems) = Plan::parse(&option);
            assert_eq!(plan.disable_idle, None, "{text}");
            assert!(
                problems.len() == 1 && problems[0].starts_with("disable-idle: "),
                "{problems:?}"
            );
        }
    }
}
