//! Changes that Juju applies: options of applications, relations, and configuration.
//!
//! They are edited and reverted within the bounds of the remedy only, and an option that may
//! hold a secret is never recorded.

use std::collections::BTreeMap;

use juju_client::{Code, Connection, Error, OptionSource, Password};
use log::warn;

use super::model::{JujuError, Model};
use super::recorded::Recorded;
use super::{Cluster, configuration};
use crate::remedies::{JujuEdit, JujuOperation, Remedy, Setting};

/// Applies an operation of a remedy.
pub(super) fn apply(
    cluster: &Cluster,
    model: &mut dyn Model,
    remedy: Remedy,
    operation: &JujuOperation,
) -> Result<(), JujuError> {
    match operation {
        JujuOperation::Edit(edit, record) => {
            make(&Recorded { cluster, remedy, record }, model, edit)
        }
        JujuOperation::Revert(edit, record) => {
            if !remedy.may_edit_juju(edit) {
                return Err(JujuError::OutOfBounds(remedy));
            }
            revert(&Recorded { cluster, remedy, record }, model, edit)?;
            Ok(cluster.take(record)?)
        }
    }
}

fn make(recorded: &Recorded<'_>, model: &mut dyn Model, edit: &JujuEdit) -> Result<(), JujuError> {
    match edit {
        JujuEdit::Settings { application, options, .. } => {
            let model = model.connect()?;
            let known = options_of(model, application)?;
            let with_before = options.iter().map(|(name, setting)| {
                let before = known.get(name).and_then(Clone::clone);
                let after = setting.after.clone();
                (name.clone(), Setting { before, after })
            });
            let edit = JujuEdit::Settings {
                application: application.clone(),
                options: with_before.collect(),
                unrecorded: BTreeMap::new(),
            };
            let key = recorded.cluster.record_key(&recorded.platform())?;
            recorded.write(edit.without_secrets(&key))?;
            let values = options.iter().map(|(name, setting)| (name, &setting.after));
            Ok(write(model, application, values)?)
        }
        JujuEdit::Relation { endpoints } => {
            let model = model.connect()?;
            recorded.write(edit.clone())?;
            Ok(model.add_relation(endpoints)?)
        }
        JujuEdit::Configuration { of, options } => {
            configuration::set(recorded, model, *of, options)
        }
    }
}

fn revert(
    recorded: &Recorded<'_>,
    model: &mut dyn Model,
    edit: &JujuEdit,
) -> Result<(), JujuError> {
    match edit {
        JujuEdit::Settings { application, options, unrecorded } => {
            let model = model.connect()?;
            let known = match options_of(model, application) {
                Err(error) if is_gone(&error) => {
                    warn!("application {application} is gone: nothing to revert");
                    return Ok(());
                }
                known => known?,
            };
            let mut back = Vec::new();
            for (name, setting) in options {
                let Some(seen) = known.get(name) else {
                    warn!("{application} has no option {name} any more");
                    continue;
                };
                if *seen == setting.after {
                    back.push((name, &setting.before));
                } else if *seen != setting.before {
                    warn!(
                        "{name} of {application} stays as it is: it was set by someone else meanwhile"
                    );
                }
            }
            if !unrecorded.is_empty() {
                let key = recorded.cluster.record_key(&recorded.platform())?;
                for (name, before) in unrecorded {
                    let seen = known.get(name).and_then(Option::as_deref);
                    let seen = seen.map(|value| key.digest(application, name, value));
                    if seen != *before {
                        warn!(
                            "{name} of {application} stays as it is: what it was may be secret, \
                             and was not recorded"
                        );
                    }
                }
            }
            Ok(write(model, application, back.into_iter())?)
        }
        JujuEdit::Relation { endpoints } => match model.connect()?.destroy_relation(endpoints) {
            Err(error) if is_gone(&error) => {
                warn!("relation {} is gone already", endpoints.join(" "));
                Ok(())
            }
            destroyed => Ok(destroyed?),
        },
        JujuEdit::Configuration { of, options } => configuration::restore(model, *of, options),
    }
}

/// Whether the requested entity no longer exists.
fn is_gone(error: &Error) -> bool {
    error.failure().is_some_and(|failure| failure.code == Code::NotFound)
}

/// An application's options, each with its value as text unless it has its default.
fn options_of(
    model: &mut Connection,
    application: &str,
) -> Result<BTreeMap<String, Option<String>>, Error> {
    let config = model.application_config(application)?;
    let options = config.config.into_iter();
    Ok(options
        .map(|(name, option)| {
            let is_set = option.source == OptionSource::User;
            let value = match option.value {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            (name, is_set.then_some(value))
        })
        .collect())
}

/// Sets options, and resets those without a value.
fn write<'a>(
    model: &mut Connection,
    application: &str,
    values: impl Iterator<Item = (&'a String, &'a Option<String>)>,
) -> Result<(), Error> {
    let (mut set, mut reset) = (BTreeMap::new(), Vec::new());
    for (name, value) in values {
        match value {
            Some(value) => {
                set.insert(name.as_str(), Password::new(value.clone()));
            }
            None => reset.push(name.as_str()),
        }
    }
    if !set.is_empty() {
        let set = set.iter().map(|(name, value)| (*name, value)).collect();
        model.set_application_config(application, &set)?;
    }
    if !reset.is_empty() {
        model.reset_application_config(application, &reset)?;
    }
    Ok(())
}
