//! `secret-add`, `secret-set`, `secret-remove`, `secret-grant`, `secret-revoke`.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use super::relation::{RELATION, chosen};
use super::state::parse;
use crate::failure::Failure;
use crate::flags::Arguments;
use crate::model::Juju;
use crate::pending_secrets::{Revoke, Update};
use crate::protocol::Request;
use crate::secret::{Content, Owner, Rotate, Secret, application, parse_id};
use crate::session::{Session, hook};

/// The largest sum of a secret's encoded values, in bytes.
const LARGEST: usize = 1_000_000;

const DESCRIBED: [(&[&str], bool); 6] = [
    (&["label"], true),
    (&["description"], true),
    (&["rotate"], true),
    (&["expire"], true),
    (&["owner"], true),
    (&["file"], true),
];

pub fn add(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &DESCRIBED)?;
    let update = described(&arguments, session.model.now)?;
    let owner = arguments.value("owner").unwrap_or("application");
    if !["application", "unit"].contains(&owner) {
        return Err(Failure::usage(format!("secret owner {owner:?} not valid")));
    }
    let content = content(&arguments.positionals, &arguments, request)?;
    let content = content.ok_or_else(|| Failure::usage("missing secret value or filename"))?;
    let model = &mut session.model;
    let owner = match owner {
        "unit" => Owner::Unit(model.unit.clone()),
        _ if !model.leader => return Err(Failure::run("this unit is not the leader")),
        _ => Owner::Application(model.application().to_owned()),
    };
    let (now, juju, uuid) = (model.now, model.juju, model.uuid.clone());
    let pending = &hook(session)?.pending.secrets;
    if let Some(label) = &update.label
        && pending.creates.iter().any(|s| s.label == *label)
    {
        return Err(Failure::run(format!("secret with label {label:?} already exists")));
    }
    let id = session.model.next_secret_id();
    let mut secret = Secret::new(&id, owner, content);
    update.describe(&mut secret, now);
    hook(session)?.pending.secrets.creates.push(secret);
    Ok(match juju {
        Juju::V3_6 => format!("secret:{id}\n"),
        Juju::V4_0 => format!("secret://{uuid}/{id}\n"),
    })
}

pub fn set(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &DESCRIBED)?;
    let id = id(&arguments)?;
    let update = Update {
        content: content(&arguments.positionals[1..], &arguments, request)?,
        ..described(&arguments, session.model.now)?
    };
    let now = session.model.now;
    let pending = &mut hook(session)?.pending.secrets;
    match pending.creates.iter_mut().find(|s| s.id == id) {
        Some(secret) => {
            if let Some(content) = &update.content {
                secret.revisions = [(1, content.clone())].into();
            }
            update.describe(secret, now);
        }
        None => pending.updates.entry(id).or_default().merge(update),
    }
    Ok(String::new())
}

pub fn remove(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[(&["revision"] as &[&str], true)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    let id = id(&arguments)?;
    arguments.at_most(1)?;
    let revision = match arguments.value("revision") {
        None => None,
        Some(text) => Some(text.parse::<u32>().map_err(|_| {
            Failure::usage(format!(
                "invalid value {text:?} for option --revision: strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))
        })?),
    };
    let pending = &mut hook(session)?.pending.secrets;
    // Whatever the hook did to it before is lost, even if one revision only goes.
    pending.forget(&id);
    let revisions: &mut BTreeSet<u32> = pending.removes.entry(id).or_default();
    revisions.extend(revision);
    Ok(String::new())
}

pub fn grant(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[RELATION, (&["unit"] as &[&str], true)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    let id = id(&arguments)?;
    let relation = chosen(session, &arguments)?;
    let to = match arguments.value("unit") {
        None => relation.remote_application.clone(),
        Some(unit) if application(unit) == relation.remote_application => unit.to_owned(),
        Some(unit) => {
            return Err(Failure::usage(format!(
                "cannot specify unit {unit:?} in relation to application {:?}",
                relation.remote_application
            )));
        }
    };
    let (relation, model) = (relation.id, &session.model);
    let managed = model.secret(&id).is_some_and(|s| s.is_managed_by(&model.unit, model.leader));
    let pending = &mut hook(session)?.pending.secrets;
    if !managed && pending.created(&id).is_none() {
        return Err(Failure::run(format!("secret {id:?} not found")));
    }
    pending.grants.insert((id, relation), to);
    Ok(String::new())
}

pub fn revoke(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[RELATION, (&["unit"] as &[&str], true), (&["app", "application"], true)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    let id = id(&arguments)?;
    let from = arguments.value("unit").or(arguments.value("app"));
    let relation = match arguments.value("relation") {
        Some(_) => Some(chosen(session, &arguments)?.id),
        None => None,
    };
    if relation.is_none() && from.is_none() {
        return Err(Failure::usage("missing relation or application or unit"));
    }
    let revoke = Revoke { relation, from: from.map(str::to_owned) };
    let pending = &mut hook(session)?.pending.secrets;
    pending.revokes.push((id, revoke));
    Ok(String::new())
}

/// The secret that the first positional names.
fn id(arguments: &Arguments) -> Result<String, Failure> {
    match arguments.positionals.first() {
        None => Err(Failure::usage("missing secret URI")),
        Some(text) => valid_id(text),
    }
}

/// An id from its URI.
pub fn valid_id(text: &str) -> Result<String, Failure> {
    parse_id(text)
        .map(str::to_owned)
        .ok_or_else(|| Failure::usage(format!("secret URI {text:?} not valid")))
}

/// What the flags say of a secret, but for its content.
fn described(arguments: &Arguments, now: Timestamp) -> Result<Update, Failure> {
    let text = |name: &str| arguments.value(name).map(str::to_owned);
    let rotate = match arguments.value("rotate") {
        None => None,
        Some(name) => Some(
            Rotate::parse(name)
                .ok_or_else(|| Failure::usage(format!("rotate policy {name:?} not valid")))?,
        ),
    };
    let expires = match arguments.value("expire") {
        None => None,
        Some(text) => Some(expiry(text, now)?),
    };
    Ok(Update {
        content: None,
        label: text("label"),
        description: text("description"),
        rotate,
        expires,
    })
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if text.contains('T')
        && let Ok(time) = text.parse::<civil::DateTime>()
        && let Ok(time) = time.to_zoned(TimeZone::UTC)
    {
        return Ok(time.timestamp());
    }
    match text.trim_start_matches('-').parse::<SignedDuration>() {
        Ok(_) if text.starts_with('-') => {
            Err(Failure::usage(format!("negative expire duration {text:?} not valid")))
        }
        Ok(span) => now.checked_add(span).map_err(|e| Failure::usage(e.to_string())),
        Err(_) => Err(Failure::usage(format!("expire time or duration {text:?} not valid"))),
    }
}

/// A file that an argument names cannot be read; as Go says it.
#[derive(Debug, thiserror::Error)]
#[error("open {0}: no such file or directory")]
struct NoFile(String);

/// The content that arguments and a file give, encoded; `None` if they give none.
fn content(
    pairs: &[String],
    arguments: &Arguments,
    request: &Request,
) -> Result<Option<Content>, Failure> {
    let read = |path: &str| {
        std::fs::read(Path::new(&request.directory).join(path)).map_err(|_| NoFile(path.to_owned()))
    };
    let mut content = Content::new();
    for pair in pairs {
        let (key, value) = pair
            .split_once('=')
            .filter(|(_, value)| !value.is_empty())
            .ok_or_else(|| Failure::usage(format!("key value {pair:?} not valid")))?;
        put(&mut content, key, value, &read)?;
    }
    if let Some(path) = arguments.value("file") {
        let text = read(path).map_err(|error| Failure::usage(error.to_string()))?;
        for (key, value) in parse(&String::from_utf8_lossy(&text))? {
            put(&mut content, &key, &value, &read)?;
        }
    }
    let size: usize = content.values().map(String::len).sum();
    if size > LARGEST {
        return Err(Failure::usage(format!("secret content too large: {size} bytes")));
    }
    Ok((!content.is_empty()).then_some(content))
}

fn put(
    content: &mut Content,
    key: &str,
    value: &str,
    read: &dyn Fn(&str) -> Result<Vec<u8>, NoFile>,
) -> Result<(), Failure> {
    let (key, form) = key.split_once('#').unwrap_or((key, ""));
    if !is_key(key) {
        return Err(Failure::usage(format!("key {key:?} not valid")));
    }
    let encoded = match form {
        // Taken as it is; a wrong one fails when it is read.
        "base64" => value.to_owned(),
        "file" => {
            let bytes = read(value).map_err(|why| {
                Failure::usage(format!("reading content for secret key {key:?}: {why}"))
            })?;
            BASE64.encode(bytes)
        }
        _ => BASE64.encode(value),
    };
    content.insert(key.to_owned(), encoded);
    Ok(())
}

/// At least three lower-case letters and digits, with single dashes between them.
fn is_key(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    key.chars().filter(|c| plain(*c)).count() >= 3
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.ends_with(plain)
        && key.chars().all(|c| plain(c) || c == '-')
        && !key.contains("--")
}
