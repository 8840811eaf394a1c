//! Layers, and the plan that they make. Fields stand in the order in which Pebble writes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::answer::Refusal;
use super::durations;
use super::errors::PlanError;

/// A layer, or what all make together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Plan {
    #[serde(skip_serializing)]
    summary: String,
    #[serde(skip_serializing)]
    description: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) services: BTreeMap<String, Service>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) checks: BTreeMap<String, Check>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) log_targets: BTreeMap<String, LogTarget>,
}

/// What becomes of a thing that an earlier layer has too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Override {
    Merge,
    Replace,
}

/// Whether something is started with the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Startup {
    Enabled,
    Disabled,
}

/// What a check stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Alive,
    Ready,
}

impl Level {
    /// That which a request names.
    pub(super) fn of_query(text: Option<&str>) -> Result<Option<Self>, Refusal> {
        match text {
            None => Ok(None),
            Some("alive") => Ok(Some(Self::Alive)),
            Some("ready") => Ok(Some(Self::Ready)),
            Some(_) => Err(Refusal::bad_request(r#"level must be "alive" or "ready""#)),
        }
    }
}

/// What is done when a service ends, or a check fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    Restart,
    Shutdown,
    SuccessShutdown,
    FailureShutdown,
    Ignore,
}

/// Declares a struct of optional fields, and how one is merged into another.
macro_rules! mergeable {
    ($(#[$about:meta])* $name:ident { $($field:ident: $kind:ty,)* } lists { $($list:ident: $of:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub(super) struct $name {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub(super) $field: Option<$kind>,)*
            $(
                #[serde(skip_serializing_if = "Joined::is_nothing")]
                pub(super) $list: $of,
            )*
        }

        impl Merge for $name {
            fn is_replaced(&self) -> Option<bool> {
                self.r#override.map(|how| how == Override::Replace)
            }

            fn merge(&mut self, later: &Self) {
                $(if later.$field.is_some() { self.$field = later.$field.clone(); })*
                $(self.$list.join(&later.$list);)*
            }
        }
    };
}

/// Two of a name.
trait Merge: Clone {
    /// Whether a later one takes the place of an earlier; nothing if it does not say.
    fn is_replaced(&self) -> Option<bool>;
    /// Takes over what a later one says.
    fn merge(&mut self, later: &Self);
}

/// Something that two layers have a part of.
trait Joined {
    fn is_nothing(&self) -> bool;
    fn join(&mut self, later: &Self);
}

impl Joined for Vec<String> {
    fn is_nothing(&self) -> bool {
        self.is_empty()
    }

    fn join(&mut self, later: &Self) {
        for item in later {
            if !self.contains(item) {
                self.push(item.clone());
            }
        }
    }
}

/// Text by name; a number in YAML is text too.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Texts(pub(super) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, Value>::deserialize(deserializer)?;
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let texts = values.into_iter().map(|(name, value)| (name, text(value)));
        Ok(Self(texts.collect()))
    }
}

impl Joined for Texts {
    fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    fn join(&mut self, later: &Self) {
        self.0.extend(later.0.clone());
    }
}

mergeable! {
    /// A service.
    Service {
        summary: String,
        description: String,
        startup: Startup,
        r#override: Override,
        command: String,
        user_id: u32,
        user: String,
        group_id: u32,
        group: String,
        working_dir: String,
        on_success: Action,
        on_failure: Action,
        backoff_delay: String,
        backoff_factor: f64,
        backoff_limit: String,
        kill_delay: String,
    } lists {
        after: Vec<String>,
        before: Vec<String>,
        requires: Vec<String>,
        environment: Texts,
        on_check_failure: Texts,
    }
}

mergeable! {
    /// A check.
    Check {
        r#override: Override,
        level: Level,
        startup: Startup,
        period: String,
        timeout: String,
        threshold: u32,
        http: Http,
        tcp: Tcp,
        exec: Exec,
    } lists {}
}

mergeable! {
    /// Where logs go.
    LogTarget {
        r#type: String,
        location: String,
        r#override: Override,
    } lists {
        services: Vec<String>,
        labels: Texts,
    }
}

/// A check that asks over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) url: String,
    #[serde(skip_serializing_if = "Joined::is_nothing")]
    pub(super) headers: Texts,
}

/// A check that connects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tcp {
    pub(super) port: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) host: String,
}

/// A check that runs a command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Exec {
    pub(super) command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_context: Option<String>,
    #[serde(skip_serializing_if = "Joined::is_nothing")]
    pub(super) environment: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) working_dir: Option<String>,
}

impl Service {
    /// A duration that a field says, or this many milliseconds.
    pub(super) fn duration(text: Option<&String>, usual: u64) -> Duration {
        text.and_then(|text| durations::parse(text)).unwrap_or(Duration::from_millis(usual))
    }

    /// What is done when it ends.
    pub(super) fn action(&self, succeeded: bool) -> Action {
        let said = match succeeded {
            true => self.on_success,
            false => self.on_failure,
        };
        said.unwrap_or(Action::Restart)
    }
}

impl Check {
    /// Failures in a row that make it be down.
    pub(super) fn threshold(&self) -> u32 {
        self.threshold.unwrap_or(3)
    }

    /// Whether it runs unless it is stopped.
    pub(super) fn is_enabled(&self) -> bool {
        self.startup != Some(Startup::Disabled)
    }

    /// What it is called.
    pub(super) fn kind(&self) -> &'static str {
        match (&self.http, &self.tcp) {
            (Some(_), _) => "HTTP",
            (None, Some(_)) => "TCP",
            (None, None) => "exec",
        }
    }
}

impl Plan {
    /// Reads a layer.
    pub(super) fn layer(label: &str, text: &str) -> Result<Self, PlanError> {
        let read = serde_yaml::from_str::<Option<Self>>(text);
        let layer = read
            .map_err(|error| PlanError::Parse { label: label.to_owned(), error })?
            .unwrap_or_default();
        require_override(label, "service", &layer.services)?;
        require_override(label, "check", &layer.checks)?;
        require_override(label, "log target", &layer.log_targets)?;
        Ok(layer)
    }

    /// Puts a later layer over this.
    pub(super) fn add(&mut self, later: &Self) {
        combine(&mut self.services, &later.services);
        combine(&mut self.checks, &later.checks);
        combine(&mut self.log_targets, &later.log_targets);
    }
}

fn require_override<T: Merge>(
    label: &str,
    what: &'static str,
    things: &BTreeMap<String, T>,
) -> Result<(), PlanError> {
    let silent = things.iter().find(|(_, thing)| thing.is_replaced().is_none());
    match silent {
        None => Ok(()),
        Some((name, _)) => {
            Err(PlanError::NoOverride { label: label.to_owned(), what, name: name.clone() })
        }
    }
}

fn combine<T: Merge>(into: &mut BTreeMap<String, T>, later: &BTreeMap<String, T>) {
    for (name, thing) in later {
        match into.get_mut(name) {
            Some(known) if thing.is_replaced() == Some(false) => known.merge(thing),
            _ => drop(into.insert(name.clone(), thing.clone())),
        }
    }
}
