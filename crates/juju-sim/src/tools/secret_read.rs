//! `secret-get`, `secret-info-get`, `secret-ids`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::Serialize;

use super::secret::valid_id;
use crate::charm::Role;
use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::model::{Forgotten, Juju, Model};
use crate::protocol::Request;
use crate::secret::{Content, Owner, Rotate, Secret};
use crate::session::{Session, hook};

const LABEL: (&[&str], bool) = (&["label"], true);

/// Which revision is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// The one that the unit keeps reading.
    Kept,
    /// The latest, once.
    Peek,
    /// The latest, from now on.
    Refresh,
}

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[FORMAT, OUTPUT, LABEL, (&["peek"] as &[&str], false), (&["refresh"], false)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    if session.model.forgotten == Forgotten::Unit {
        let unit = &session.model.unit;
        return Err(Failure::run(format!(
            "getting latest secret revision: unit {unit:?} not found"
        )));
    }
    let label = arguments.value("label");
    let read = match (arguments.is_on("peek"), arguments.is_on("refresh")) {
        (true, true) => {
            return Err(Failure::usage("specify one of --peek or --refresh but not both"));
        }
        (true, _) => Read::Peek,
        (_, true) => Read::Refresh,
        _ => Read::Kept,
    };
    let mut rest = arguments.positionals.iter();
    let (id, label) = match rest.next() {
        Some(text) => (valid_id(text)?, label),
        None => match label {
            Some(label) => (labelled(session, label)?, None),
            None => return Err(Failure::usage("require either a secret URI or label")),
        },
    };
    let key = rest.next();
    arguments.at_most(2)?;
    let content = content(session, &id, label, read)?;
    let decode = |text: &String| {
        let bytes =
            BASE64.decode(text).map_err(|e| Failure::run(format!("illegal base64 data: {e}")))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    match key {
        None => {
            let decoded: Result<BTreeMap<&String, String>, Failure> =
                content.iter().map(|(k, v)| Ok((k, decode(v)?))).collect();
            format::print_or(&decoded?, &arguments, "yaml")
        }
        Some(key) => {
            let (name, form) = key.split_once('#').unwrap_or((key, ""));
            let value = content
                .get(name)
                .ok_or_else(|| Failure::run(format!("secret key value {name:?} not found")))?;
            let value = match form {
                "base64" => value.clone(),
                _ => decode(value)?,
            };
            format::print_or(&value, &arguments, "yaml")
        }
    }
}

/// The secret that has a label for this unit: an own one's, else the unit's as a reader.
fn labelled(session: &mut Session, label: &str) -> Result<String, Failure> {
    let pending = hook(session)?.pending.secrets.clone();
    let model = &session.model;
    let own = model
        .secrets
        .iter()
        .filter(|s| s.owner.is_of(&model.unit))
        .chain(&pending.creates)
        .find(|s| s.label == label)
        .map(|s| s.id.clone());
    let relabelled = || {
        let mut updates = pending.updates.iter();
        updates.find(|(_, update)| update.label.as_deref() == Some(label)).map(|(id, _)| id.clone())
    };
    let as_reader = || {
        let mut secrets = model.secrets.iter();
        secrets
            .find(|s| s.consumers.get(&model.unit).is_some_and(|c| c.label == label))
            .map(|s| s.id.clone())
    };
    own.or_else(relabelled)
        .or_else(as_reader)
        .ok_or_else(|| Failure::run(format!("secret URI for consumer label {label:?} not found")))
}

fn content(
    session: &mut Session,
    id: &str,
    label: Option<&str>,
    read: Read,
) -> Result<Content, Failure> {
    let model = &mut session.model;
    let (unit, leader, juju) = (model.unit.clone(), model.leader, model.juju);
    let hook = session.hook.as_mut().ok_or_else(|| Failure::run("no hook is running"))?;
    let pending = &mut hook.pending.secrets;
    if let Some(created) = pending.creates.iter_mut().find(|s| s.id == id) {
        if let Some(label) = label {
            created.label = label.to_owned();
        }
        return Ok(created.revisions.values().next().cloned().unwrap_or_default());
    }
    let not_found = || {
        Failure::run(match juju {
            Juju::V3_6 => format!("secret {id:?} not found"),
            Juju::V4_0 => "getting latest secret revision: secret not found".into(),
        })
    };
    let secret = model.secret(id).ok_or_else(not_found)?;
    if !secret.is_readable_by(&unit) {
        return Err(Failure::run(match juju {
            Juju::V3_6 => "permission denied".into(),
            Juju::V4_0 => format!("{unit:?} is not allowed to read this secret"),
        }));
    }
    let own = secret.is_managed_by(&unit, leader);
    if let (Some(label), false) = (label, own)
        && model
            .secrets
            .iter()
            .any(|s| s.id != id && s.consumers.get(&unit).is_some_and(|c| c.label == label))
    {
        return Err(Failure::run(
            "getting latest secret revision: UNIQUE constraint failed: \
             secret_unit_consumer.label, secret_unit_consumer.unit_uuid",
        ));
    }
    let found = model.secrets.iter_mut().find(|s| s.id == id);
    let secret = found.ok_or_else(not_found)?;
    let latest = secret.latest();
    let consumer = secret.consumers.entry(unit).or_default();
    if consumer.revision == 0 || read == Read::Refresh {
        (consumer.revision, consumer.notified) = (latest, latest);
    }
    let kept = consumer.revision;
    match label {
        Some(label) if own => secret.label = label.to_owned(),
        Some(label) => consumer.label = label.to_owned(),
        None => {}
    }
    let updated = pending.updates.get(id).and_then(|u| u.content.clone());
    if read == Read::Refresh && updated.is_some() {
        pending.refreshed.insert(id.to_owned());
    }
    match (read, updated) {
        (Read::Peek | Read::Refresh, Some(content)) => Ok(content),
        (Read::Kept, _) => secret.revisions.get(&kept).cloned().ok_or_else(not_found),
        _ => secret.revisions.get(&latest).cloned().ok_or_else(not_found),
    }
}

#[derive(Serialize)]
struct Info {
    revision: u32,
    label: String,
    owner: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotates: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access: Vec<Access>,
}

#[derive(Serialize)]
struct Access {
    target: String,
    scope: String,
    role: &'static str,
}

pub fn info(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT, LABEL])?;
    arguments.at_most(1)?;
    let (text, by_label) = match (arguments.positionals.first(), arguments.value("label")) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("specify either a secret URI or label"));
        }
        (Some(uri), None) => (valid_id(uri)?, false),
        (None, Some(label)) => (label.to_owned(), true),
        (None, None) => return Err(Failure::usage("require either a secret URI or label")),
    };
    let is_asked = |s: &Secret| {
        if by_label { s.label == text } else { s.id == text }
    };
    let managed = managed(session)?;
    let Some((secret, pending)) = managed.iter().find(|(s, _)| is_asked(s)) else {
        return Err(Failure::run(format!("secret {text:?} not found")));
    };
    let info = Info {
        revision: secret.latest(),
        label: secret.label.clone(),
        owner: match secret.owner {
            Owner::Unit(_) => "unit",
            _ => "application",
        },
        description: secret.description.clone(),
        rotation: secret.rotate.map(Rotate::name),
        expiry: secret.expires.map(|time| time.to_string()),
        rotates: secret.rotates.filter(|_| !pending).map(|time| time.to_string()),
        access: access(session, secret),
    };
    let by_id: BTreeMap<&str, Info> = [(secret.id.as_str(), info)].into();
    format::print_or(&by_id, &arguments, "yaml")
}

fn access(session: &Session, secret: &Secret) -> Vec<Access> {
    let scope = |id: u32| {
        let model: &Model = &session.model;
        let relation = model.relation(id)?;
        let own = format!("{}.{}", model.application(), relation.endpoint);
        let other = format!("{}.{}", relation.remote_application, relation.remote_endpoint);
        Some(match session.charm.endpoints.get(&relation.endpoint) {
            Some(Role::Peer) => format!("relation-{own}"),
            Some(Role::Provider) => format!("relation-{other}#{own}"),
            _ => format!("relation-{own}#{other}"),
        })
    };
    let grants = secret.grants.iter();
    grants
        .map(|grant| Access {
            target: match grant.to.contains('/') {
                true => format!("unit-{}", grant.to.replace('/', "-")),
                false => format!("application-{}", grant.to),
            },
            scope: grant.relation.and_then(scope).unwrap_or_default(),
            role: "view",
        })
        .collect()
}

pub fn ids(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(0)?;
    let managed = managed(session)?;
    let ids: Vec<&str> = managed.iter().map(|(s, _)| s.id.as_str()).collect();
    format::print(&(!ids.is_empty()).then_some(ids), &arguments)
}

/// Secrets that the unit may change as the hook sees them, and whether it made them.
fn managed(session: &mut Session) -> Result<Vec<(Secret, bool)>, Failure> {
    let pending = hook(session)?.pending.secrets.clone();
    let model = &session.model;
    let committed = model
        .secrets
        .iter()
        .filter(|s| s.is_managed_by(&model.unit, model.leader))
        .filter(|s| !pending.removes.contains_key(&s.id))
        .map(|s| (s.clone(), false));
    let created = pending.creates.iter().map(|s| (s.clone(), true));
    Ok(committed.chain(created).collect())
}
