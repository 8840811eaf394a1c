//! Carries changes out, wherever they are made: by the API server, or by Juju's.

use std::collections::BTreeMap;

use juju_client::{Connection, OptionSource, Password};
use log::warn;

use crate::cluster::Cluster;
use crate::remedies::{Change, Deed, Edit, OwnObject, Setting};

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
        if self
            .cluster
            .carry_out(change)
            .map_err(|why| why.to_string())?
        {
            return Ok(());
        }
        let target = change.target();
        let told = |why: String| format!("{target}: {why}");
        let model = match &mut self.juju {
            Ok(model) => &mut **model,
            Err(why) => return Err(told(why.clone())),
        };
        let done = match &change.deed {
            Deed::Edit(edit, record) => make(self.cluster, model, edit, record),
            Deed::PutBack(edit, record) => put_back(self.cluster, model, edit, record),
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
    edit: &Edit,
    record: &OwnObject,
) -> Result<(), String> {
    match edit {
        Edit::Settings {
            application,
            options,
        } => {
            let stands = set_options(model, application)?;
            let recorded = match cluster.recorded(record).map_err(said)? {
                Some(Edit::Settings { options, .. }) => options,
                _ => BTreeMap::new(),
            };
            // What stood before the first edit is kept, whatever stands now.
            let with_before = options.iter().map(|(name, setting)| {
                let before = match recorded.get(name) {
                    Some(recorded) => recorded.before.clone(),
                    None => stands.get(name).cloned(),
                };
                let after = setting.after.clone();
                (name.clone(), Setting { before, after })
            });
            let mut all = recorded.clone();
            all.extend(with_before);
            let edit = Edit::Settings {
                application: application.clone(),
                options: all,
            };
            cluster.record(record, &edit).map_err(said)?;
            let values = options.iter().map(|(name, setting)| (name, &setting.after));
            write(model, application, values)
        }
        Edit::Relation { endpoints } => {
            cluster.record(record, edit).map_err(said)?;
            model.add_relation(endpoints).map_err(said)
        }
        Edit::Labels { .. } | Edit::Removal(_) => Ok(()),
    }
}

fn put_back(
    cluster: &Cluster,
    model: &mut Connection,
    edit: &Edit,
    record: &OwnObject,
) -> Result<(), String> {
    match edit {
        Edit::Settings {
            application,
            options,
        } => {
            let stands = set_options(model, application)?;
            let mut back = Vec::new();
            for (name, setting) in options {
                let seen = stands.get(name);
                if seen == setting.after.as_ref() {
                    back.push((name, &setting.before));
                } else if seen != setting.before.as_ref() {
                    warn!("{name} of {application} stays as it is: somebody set it meanwhile");
                }
            }
            write(model, application, back.into_iter())?;
        }
        Edit::Relation { endpoints } => model.destroy_relation(endpoints).map_err(said)?,
        Edit::Labels { .. } | Edit::Removal(_) => {}
    }
    cluster.take(record).map_err(said)
}

/// Options that somebody set, as text.
fn set_options(
    model: &mut Connection,
    application: &str,
) -> Result<BTreeMap<String, String>, String> {
    let config = model.application_config(application).map_err(said)?;
    let set = config.config.into_iter();
    let set = set.filter(|(_, option)| option.source == OptionSource::User);
    Ok(set
        .map(|(name, option)| {
            let value = match option.value {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            (name, value)
        })
        .collect())
}

/// Sets options, and resets those without a value.
fn write<'a>(
    model: &mut Connection,
    application: &str,
    values: impl Iterator<Item = (&'a String, &'a Option<String>)>,
) -> Result<(), String> {
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
        model
            .set_application_config(application, &set)
            .map_err(said)?;
    }
    if !reset.is_empty() {
        model
            .reset_application_config(application, &reset)
            .map_err(said)?;
    }
    Ok(())
}
