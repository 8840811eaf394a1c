//! Carries changes out, wherever they are made: by the API server, or by Juju's.
//!
//! What Juju has is edited and reverted within the bounds of the remedy only, and an option
//! that may hold a secret is never recorded.

use std::collections::BTreeMap;

use juju_client::{Code, Connection, Error, OptionSource, Password};
use log::warn;

use crate::cluster::Cluster;
use crate::remedies::{Change, Deed, Edit, Entry, OwnObject, Remedy, Setting};

/// What changes are carried out with.
pub struct Hands<'a> {
    /// The API server.
    pub cluster: &'a Cluster,
    /// The model of the platform, or why there is no connection with it.
    pub juju: Result<&'a mut Connection, String>,
}

impl Hands<'_> {
    /// Carries out a change.
    pub fn carry_out(&mut self, change: &Change) -> Result<(), String> {
        if self.cluster.carry_out(change).map_err(|why| why.to_string())? {
            return Ok(());
        }
        let target = change.target();
        let told = |why: String| format!("{target}: {why}");
        let model = match &mut self.juju {
            Ok(model) => &mut **model,
            Err(why) => return Err(told(why.clone())),
        };
        let done = match &change.deed {
            Deed::Edit(edit, record) => make(self.cluster, model, change.remedy, edit, record),
            Deed::PutBack(entry, record) => {
                put_back(self.cluster, model, change.remedy, &entry.edit, record)
            }
            _ => Ok(()),
        };
        done.map_err(told)
    }
}

fn said(why: impl std::fmt::Display) -> String {
    why.to_string()
}

fn make(
    cluster: &Cluster,
    model: &mut Connection,
    remedy: Remedy,
    edit: &Edit,
    record: &OwnObject,
) -> Result<(), String> {
    let write_record = |edit: Edit| {
        let entry = Entry { edit, uid: String::new(), namespace_uid: String::new() };
        cluster.record(remedy, record, &entry).map_err(said)
    };
    match edit {
        Edit::Settings { application, options, .. } => {
            let known = options_of(model, application).map_err(said)?;
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
            let edit = edit.without_secrets(&cluster.record_key(&platform).map_err(said)?);
            // What was there before the first edit is kept, whatever is there now.
            let earlier = cluster.recorded(record).map_err(said)?;
            write_record(match earlier {
                Some(earlier) => edit.after(&earlier.edit),
                None => edit,
            })?;
            let values = options.iter().map(|(name, setting)| (name, &setting.after));
            write(model, application, values).map_err(said)
        }
        Edit::Relation { endpoints } => {
            write_record(edit.clone())?;
            model.add_relation(endpoints).map_err(said)
        }
        Edit::Labels { .. } | Edit::Removal(_) => Ok(()),
    }
}

fn put_back(
    cluster: &Cluster,
    model: &mut Connection,
    remedy: Remedy,
    edit: &Edit,
    record: &OwnObject,
) -> Result<(), String> {
    let platform = record.reference().namespace;
    if !remedy.may_edit(edit, &platform) {
        return Err(format!("{remedy} may not edit it so, and does not revert it"));
    }
    match edit {
        Edit::Settings { application, options, unrecorded } => {
            let known = match options_of(model, application) {
                Err(error) if is_gone(&error) => {
                    warn!("application {application} is gone, and nothing is left to revert");
                    return cluster.take(record).map_err(said);
                }
                known => known.map_err(said)?,
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
                    warn!("{name} of {application} stays as it is: somebody set it meanwhile");
                }
            }
            if !unrecorded.is_empty() {
                let key = cluster.record_key(&platform).map_err(said)?;
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
            write(model, application, back.into_iter()).map_err(said)?;
        }
        Edit::Relation { endpoints } => match model.destroy_relation(endpoints) {
            Err(error) if is_gone(&error) => {
                warn!("relation {} is gone already", endpoints.join(" "));
            }
            destroyed => destroyed.map_err(said)?,
        },
        Edit::Labels { .. } | Edit::Removal(_) => {}
    }
    cluster.take(record).map_err(said)
}

/// Whether what was asked for is not there any more.
fn is_gone(error: &Error) -> bool {
    error.failure().is_some_and(|failure| failure.code == Code::NotFound)
}

/// An application's options, each with its value as text where somebody set one.
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
