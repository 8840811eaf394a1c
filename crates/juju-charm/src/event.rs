//! The event that Juju fires, from the environment.

use std::path::PathBuf;

/// A variable of the environment; set but empty is absent.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn variable(env: Lookup<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// An event of Juju.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A hook of the charm's life: `install`, `leader-elected`, `config-changed`,
    /// `start`, `update-status`, `upgrade-charm`, `stop`, `remove`.
    Lifecycle(Lifecycle),
    /// A hook of a relation.
    Relation(RelationEvent),
    /// A hook of a workload container.
    Workload {
        /// The container.
        container: String,
        /// Kind of event.
        what: WorkloadEvent,
    },
    /// A hook of a secret.
    Secret {
        /// The secret's URI.
        id: String,
        /// Its label.
        label: Option<String>,
        /// Kind of event.
        what: SecretEvent,
    },
    /// A hook of a storage.
    Storage {
        /// Its id, for example `data/0`.
        id: String,
        /// Whether it came or goes.
        attached: bool,
    },
    /// An action that a user runs.
    Action {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
    },
    /// A hook that this crate does not know.
    Unknown {
        /// Its name.
        name: String,
    },
}

/// Hooks of the charm's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Juju's")]
pub enum Lifecycle {
    Install,
    LeaderElected,
    LeaderSettingsChanged,
    ConfigChanged,
    Start,
    UpdateStatus,
    UpgradeCharm,
    Stop,
    Remove,
}

/// A hook of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationEvent {
    /// The endpoint.
    pub endpoint: String,
    /// The relation, for example `db:7`.
    pub id: String,
    /// The remote application.
    pub application: Option<String>,
    /// The remote unit; absent when the whole application is meant.
    pub unit: Option<String>,
    /// The unit that leaves, which can be this one.
    pub departing: Option<String>,
    /// Kind of event.
    pub what: RelationChange,
}

/// Kinds of relation events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Juju's")]
pub enum RelationChange {
    Created,
    Joined,
    Changed,
    Departed,
    Broken,
}

/// Kinds of events of a workload container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkloadEvent {
    /// Its Pebble answers.
    Ready,
    /// A custom notice came.
    Notice {
        /// Its id.
        id: String,
        /// Its key, for example `example.com/path`.
        key: String,
    },
    /// A check failed.
    CheckFailed {
        /// The check.
        name: String,
    },
    /// A check is well again.
    CheckRecovered {
        /// The check.
        name: String,
    },
}

/// Kinds of secret events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretEvent {
    /// A secret that this unit reads has a new revision.
    Changed,
    /// A secret of this application is due for a new value.
    Rotate,
    /// A revision has expired.
    Expired {
        /// The revision.
        revision: u64,
    },
    /// No consumer reads a revision any more.
    Remove {
        /// The revision.
        revision: u64,
    },
}

/// Why the environment is not one of an event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not run by Juju.
    #[error("{0} is not set; this process was not started by Juju")]
    Missing(&'static str),
    /// A variable has a value that Juju would not give.
    #[error("{name} is {value:?}, expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The expected form.
        expected: &'static str,
    },
}

impl Event {
    /// Reads the event.
    pub fn from_env(env: Lookup<'_>) -> Result<Self, EventError> {
        let path =
            variable(env, "JUJU_DISPATCH_PATH").ok_or(EventError::Missing("JUJU_DISPATCH_PATH"))?;
        if let Some(name) = path.strip_prefix("actions/") {
            return Ok(Self::Action {
                name: name.to_owned(),
                id: variable(env, "JUJU_ACTION_UUID").unwrap_or_default(),
            });
        }
        let Some(name) = path.strip_prefix("hooks/") else {
            return Err(EventError::Invalid {
                name: "JUJU_DISPATCH_PATH",
                value: path,
                expected: "hooks/NAME or actions/NAME",
            });
        };
        if let Some(lifecycle) = lifecycle(name) {
            return Ok(Self::Lifecycle(lifecycle));
        }
        let known = relation(env, name)
            .transpose()
            .or_else(|| secret(env, name).transpose())
            .or_else(|| workload(env, name).transpose())
            .or_else(|| storage(env, name).transpose());
        known.unwrap_or_else(|| Ok(Self::Unknown { name: name.to_owned() }))
    }
}

fn lifecycle(name: &str) -> Option<Lifecycle> {
    Some(match name {
        "install" => Lifecycle::Install,
        "leader-elected" => Lifecycle::LeaderElected,
        "leader-settings-changed" => Lifecycle::LeaderSettingsChanged,
        "config-changed" => Lifecycle::ConfigChanged,
        "start" => Lifecycle::Start,
        "update-status" => Lifecycle::UpdateStatus,
        "upgrade-charm" => Lifecycle::UpgradeCharm,
        "stop" => Lifecycle::Stop,
        "remove" => Lifecycle::Remove,
        _ => return None,
    })
}

fn required(env: Lookup<'_>, name: &'static str) -> Result<String, EventError> {
    variable(env, name).ok_or(EventError::Missing(name))
}

fn relation(env: Lookup<'_>, name: &str) -> Result<Option<Event>, EventError> {
    let changes = [
        ("-relation-created", RelationChange::Created),
        ("-relation-joined", RelationChange::Joined),
        ("-relation-changed", RelationChange::Changed),
        ("-relation-departed", RelationChange::Departed),
        ("-relation-broken", RelationChange::Broken),
    ];
    let Some((endpoint, what)) =
        changes.into_iter().find_map(|(suffix, what)| Some((name.strip_suffix(suffix)?, what)))
    else {
        return Ok(None);
    };
    Ok(Some(Event::Relation(RelationEvent {
        endpoint: endpoint.to_owned(),
        id: required(env, "JUJU_RELATION_ID")?,
        application: variable(env, "JUJU_REMOTE_APP"),
        unit: variable(env, "JUJU_REMOTE_UNIT"),
        departing: variable(env, "JUJU_DEPARTING_UNIT"),
        what,
    })))
}

fn secret(env: Lookup<'_>, name: &str) -> Result<Option<Event>, EventError> {
    let revision = || {
        let value = required(env, "JUJU_SECRET_REVISION")?;
        value.parse().map_err(|_| EventError::Invalid {
            name: "JUJU_SECRET_REVISION",
            value,
            expected: "a number",
        })
    };
    let what = match name {
        "secret-changed" => SecretEvent::Changed,
        "secret-rotate" => SecretEvent::Rotate,
        "secret-expired" => SecretEvent::Expired { revision: revision()? },
        "secret-remove" => SecretEvent::Remove { revision: revision()? },
        _ => return Ok(None),
    };
    Ok(Some(Event::Secret {
        id: required(env, "JUJU_SECRET_ID")?,
        label: variable(env, "JUJU_SECRET_LABEL"),
        what,
    }))
}

fn workload(env: Lookup<'_>, name: &str) -> Result<Option<Event>, EventError> {
    let Some(container) = variable(env, "JUJU_WORKLOAD_NAME") else {
        return Ok(None);
    };
    let check = || required(env, "JUJU_PEBBLE_CHECK_NAME");
    let what = match name.strip_prefix(&container) {
        Some("-pebble-ready") => WorkloadEvent::Ready,
        Some("-pebble-custom-notice") => WorkloadEvent::Notice {
            id: required(env, "JUJU_NOTICE_ID")?,
            key: required(env, "JUJU_NOTICE_KEY")?,
        },
        Some("-pebble-check-failed") => WorkloadEvent::CheckFailed { name: check()? },
        Some("-pebble-check-recovered") => WorkloadEvent::CheckRecovered { name: check()? },
        _ => return Ok(None),
    };
    Ok(Some(Event::Workload { container, what }))
}

fn storage(env: Lookup<'_>, name: &str) -> Result<Option<Event>, EventError> {
    let attached = name.ends_with("-storage-attached");
    if !attached && !name.ends_with("-storage-detaching") {
        return Ok(None);
    }
    let id = required(env, "JUJU_STORAGE_ID")?;
    Ok(Some(Event::Storage { id, attached }))
}

/// The unit that runs, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name, for example `ckf-hardening/0`.
    pub name: String,
    /// The model's name, which on Kubernetes is its namespace.
    pub model: String,
    /// The model's UUID.
    pub model_uuid: String,
    /// Version of Juju's agent, for example `3.6.9`.
    pub juju_version: String,
    /// The charm's directory.
    pub charm_directory: PathBuf,
}

impl Unit {
    /// Reads it.
    pub fn from_env(env: Lookup<'_>) -> Result<Self, EventError> {
        Ok(Self {
            name: required(env, "JUJU_UNIT_NAME")?,
            model: required(env, "JUJU_MODEL_NAME")?,
            model_uuid: required(env, "JUJU_MODEL_UUID")?,
            juju_version: required(env, "JUJU_VERSION")?,
            charm_directory: required(env, "JUJU_CHARM_DIR")?.into(),
        })
    }

    /// The application, for example `ckf-hardening`.
    pub fn application(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(variables: &[(&str, &str)]) -> Result<Event, EventError> {
        Event::from_env(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn unknown_hook_is_an_event() {
        let name = "collect-metrics".to_owned();
        assert_eq!(
            event(&[("JUJU_DISPATCH_PATH", "hooks/collect-metrics")]),
            Ok(Event::Unknown { name })
        );
    }

    #[test]
    fn set_but_empty_is_absent() {
        let broken = event(&[
            ("JUJU_DISPATCH_PATH", "hooks/my-db-relation-broken"),
            ("JUJU_RELATION_ID", "my-db:7"),
            ("JUJU_REMOTE_APP", "pg"),
            ("JUJU_REMOTE_UNIT", ""),
        ]);
        let Ok(Event::Relation(relation)) = broken else { panic!("{broken:?}") };
        assert_eq!((relation.endpoint.as_str(), relation.unit), ("my-db", None));
        let changed = event(&[
            ("JUJU_DISPATCH_PATH", "hooks/secret-changed"),
            ("JUJU_SECRET_ID", "secret:9prue3hk1gajoic8kgkg"),
            ("JUJU_SECRET_LABEL", ""),
        ]);
        assert!(matches!(changed, Ok(Event::Secret { label: None, .. })));
    }

    #[test]
    fn container_name_with_dashes_is_parsed_from_the_hook() {
        let ready = event(&[
            ("JUJU_DISPATCH_PATH", "hooks/my-web-pebble-ready"),
            ("JUJU_WORKLOAD_NAME", "my-web"),
        ]);
        let container = "my-web".to_owned();
        let what = WorkloadEvent::Ready;
        assert_eq!(ready, Ok(Event::Workload { container, what }));
    }

    #[test]
    fn missing_juju_environment_is_an_error() {
        let error = event(&[]).expect_err("there is no event");
        assert!(error.to_string().contains("not started by Juju"));
        let error = event(&[("JUJU_DISPATCH_PATH", "elsewhere")]).expect_err("no hook");
        assert!(error.to_string().contains("\"elsewhere\""));
    }
}
