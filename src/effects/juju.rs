//! Changes that Juju applies: options of applications, and relations.
//!
//! They are edited and reverted within the bounds of the remedy only, and an option that may
//! hold a secret is never recorded.

use std::collections::BTreeMap;

use juju_client::{Code, Connection, Error, OptionSource, Password};
use log::warn;

use super::model::{JujuError, Model};
use super::{Cluster, configuration};
use crate::remedies::{Change, Edit, Entry, ManagedObject, Operation, Remedy, Setting};

/// Applies a change of the model.
pub(super) fn apply(
    cluster: &Cluster,
    model: &mut dyn Model,
    change: &Change,
) -> Result<(), JujuError> {
    let configuration = match &change.operation {
        Operation::Edit(edit, _) => configuration::of(edit),
        Operation::Revert(entry, _) => configuration::of(&entry.edit),
        _ => None,
    };
    if let Some((of, options)) = configuration {
        return configuration::apply(cluster, model, change, of, options);
    }
    let model = model.connect()?;
    match &change.operation {
        Operation::Edit(edit, record) => make(cluster, model, change.remedy, edit, record),
        Operation::Revert(entry, record) => {
            revert(cluster, model, change.remedy, &entry.edit, record)
        }
        Operation::Create(_) | Operation::Restore(..) | Operation::Delete(_) => Ok(()),
    }
}

fn make(
    cluster: &Cluster,
    model: &mut Connection,
    remedy: Remedy,
    edit: &Edit,
    record: &ManagedObject,
) -> Result<(), JujuError> {
    let write_record = |edit: Edit| {
        let entry = Entry { edit, uid: String::new(), namespace_uid: String::new() };
        cluster.record(remedy, record, &entry)
    };
    match edit {
        Edit::Settings { application, options, .. } => {
            let known = options_of(model, application)?;
            let with_before = options.iter().map(|(name, setting)| {
                let before = known.get(name).and_then(Clone::clone);
                let after = setting.after.clone();
                (name.clone(), Setting { before, after })
            });
            let edit = Edit::Settings {
                application: application.clone(),
                options: with_before.collect(),
                unrecorded: BTreeMap::new(),
            };
            let platform = record.reference().namespace;
            let edit = edit.without_secrets(&cluster.record_key(&platform)?);
            // The record has what was there before the first edit, whatever is there now.
            let earlier = cluster.recorded(record)?;
            write_record(match earlier {
                Some(earlier) => edit.after(&earlier.edit),
                None => edit,
            })?;
            let values = options.iter().map(|(name, setting)| (name, &setting.after));
            Ok(write(model, application, values)?)
        }
        Edit::Relation { endpoints } => {
            write_record(edit.clone())?;
            Ok(model.add_relation(endpoints)?)
        }
        Edit::Labels { .. } | Edit::Removal(_) | Edit::Configuration { .. } => Ok(()),
    }
}

fn revert(
    cluster: &Cluster,
    model: &mut Connection,
    remedy: Remedy,
    edit: &Edit,
    record: &ManagedObject,
) -> Result<(), JujuError> {
    let platform = record.reference().namespace;
    if !remedy.may_edit(edit, &platform) {
        return Err(JujuError::OutOfBounds(remedy));
    }
    match edit {
        Edit::Settings { application, options, unrecorded } => {
            let known = match options_of(model, application) {
                Err(error) if is_gone(&error) => {
                    warn!("application {application} is gone: nothing to revert");
                    return Ok(cluster.take(record)?);
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
                let key = cluster.record_key(&platform)?;
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
            write(model, application, back.into_iter())?;
        }
        Edit::Relation { endpoints } => match model.destroy_relation(endpoints) {
            Err(error) if is_gone(&error) => {
                warn!("relation {} is gone already", endpoints.join(" "));
            }
            destroyed => destroyed?,
        },
        Edit::Labels { .. } | Edit::Removal(_) | Edit::Configuration { .. } => {}
    }
    Ok(cluster.take(record)?)
}

/// Whether what was asked for is not there any more.
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
