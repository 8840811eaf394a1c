//! The option `rotate`: which credentials, how often.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Deserialize;

use super::{Credential, Delivery};

/// How often, if nothing else is said.
const EVERY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The shortest time that is accepted.
const SHORTEST: SignedDuration = SignedDuration::from_hours(1);
/// The longest.
const LONGEST: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// The shortest time after which a user may count as idle: `6m` is six minutes, and nobody who
/// means months is to have users disabled by that.
const SHORTEST_IDLE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is rotated, and how often.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The credentials.
    pub targets: BTreeMap<Credential, Target>,
    /// Juju users among them that did not log in for so long are disabled instead.
    pub disable_idle: Option<SignedDuration>,
}

/// How a credential is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// How often.
    pub every: SignedDuration,
    /// How a Juju user gets the new value.
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
    /// Parses the option. What is wrong is named, and nothing holds by a default in its place:
    /// who acts by a plan has to see that there is nothing wrong with it.
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        let mut wrong = Vec::new();
        let mut plan = Self::default();
        let wire: Wire = match serde_yaml::from_str::<Option<Wire>>(text) {
            Ok(wire) => wire.unwrap_or_default(),
            Err(error) => return (plan, vec![explain(&error)]),
        };
        let mut time = |text: Option<&str>, otherwise: SignedDuration| match text.map(period) {
            None => otherwise,
            Some(Ok(time)) => time,
            Some(Err(error)) => {
                wrong.push(error);
                otherwise
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
            Some(Err(error)) => wrong.push(format!("disable-idle: {error}")),
        }
        for (name, every, deliver) in targets {
            match name.parse::<Credential>() {
                Ok(credential) => {
                    let is_user = matches!(credential, Credential::JujuUser(_));
                    if deliver == Some(Delivery::Registration) && !is_user {
                        wrong.push(format!(
                            "{name}: only a juju-user can be delivered by registration"
                        ));
                        continue;
                    }
                    if credential.is_first_user() {
                        wrong.push(format!(
                            "{name} is the controller's first user, everybody's last way in, and is \
                             not rotated by the option; rotate-credentials with force=true does"
                        ));
                        continue;
                    }
                    let delivery = deliver.unwrap_or_default();
                    let target = Target { every, delivery };
                    if plan.targets.insert(credential, target).is_some() {
                        wrong.push(format!("{name} is named twice"));
                    }
                }
                Err(error) => wrong.push(error),
            }
        }
        for name in wire.exclude {
            match name.parse::<Credential>() {
                Ok(credential) => drop(plan.targets.remove(&credential)),
                Err(error) => wrong.push(error),
            }
        }
        (plan, wrong)
    }
}

fn explain(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match text.lines().next() {
        Some(first) => format!("{first}; expected every, targets, exclude, disable-idle"),
        None => "it is no YAML".into(),
    }
}

fn idle_period(text: &str) -> Result<SignedDuration, String> {
    match period(text)? {
        time if time >= SHORTEST_IDLE => Ok(time),
        _ => Err(format!("{text:?} is not between 7d and 730d")),
    }
}

fn period(text: &str) -> Result<SignedDuration, String> {
    let span: Result<jiff::Span, _> = text.trim().parse();
    let time =
        span.ok().and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok());
    match time {
        Some(time) if (SHORTEST..=LONGEST).contains(&time) => Ok(time),
        Some(_) => Err(format!("{text:?} is not between 1h and 730d")),
        None => Err(format!("{text:?} is no time; expected one like 12h or 90d")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_credentials_and_how_often() {
        let (plan, wrong) = Plan::parse(
            "every: 30d\ntargets:\n- dex\n- juju-user/ci-bot\n- {credential: juju-user/alice, deliver: registration, every: 180d}\n\
             - mysql/katib-db/root\n- own-login\nexclude: [dex]\ndisable-idle: 60d\n",
        );
        assert_eq!(wrong, [""; 0]);
        let said: Vec<String> = plan
            .targets
            .iter()
            .map(|(credential, target)| {
                format!("{credential} {}h {:?}", target.every.as_hours(), target.delivery)
            })
            .collect();
        assert_eq!(
            said,
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
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("targets: [dex, minos]", "\"minos\" is not one of juju-user/NAME"),
            ("targets: [dex, juju-user/bad name]", "no name of a local Juju user"),
            ("targets: [dex, juju-user/x@external]", "no name of a local Juju user"),
            ("targets: [dex, mysql/katib-db/monitoring]", "not one of root"),
            ("every: often\ntargets: [dex]", "12h or 90d"),
            ("every: 5s\ntargets: [dex]", "between 1h and 730d"),
            ("every: 90\ntargets: [dex]", "12h or 90d"),
            ("exclude: [7]\ntargets: [dex]", "is not one of"),
            ("targets: [dex, {credential: own-login, deliver: registration}]", "only a juju-user"),
            ("targets: [dex, juju-user/admin]", "everybody's last way in"),
            ("targets: [dex, {credential: dex, every: 1d}]", "dex is named twice"),
        ] {
            let (plan, wrong) = Plan::parse(text);
            assert!(wrong.len() == 1 && wrong[0].contains(expected), "{text}: {wrong:?}");
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
            let (plan, wrong) = Plan::parse(text);
            assert_eq!(wrong.len(), 1, "{text}: {wrong:?}");
            assert_eq!(plan, Plan::default());
        }
        // Each field of the option has a wrong value above or below.
        let told = Plan::parse("whatever: 1").1.concat();
        let (_, known) = told.split_once("expected one of").unwrap();
        let known = known.split_once(';').map_or(known, |(known, _)| known);
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert_eq!(known, ["every", "targets", "exclude", "disable-idle"], "{told}");
    }

    #[test]
    fn a_time_that_is_wrong_disables_nobody() {
        for text in [
            "2y", "365 dayz", "1000d", "180", "'180'", "0d", "-90d", "6m", "180m", "6mo", "P1Y",
            "''",
        ] {
            let option = format!("targets: [juju-user/bot]\ndisable-idle: {text}");
            let (plan, wrong) = Plan::parse(&option);
            assert_eq!(plan.disable_idle, None, "{text}");
            assert!(wrong.len() == 1 && wrong[0].starts_with("disable-idle: "), "{wrong:?}");
        }
    }
}
