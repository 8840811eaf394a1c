//! Client, Application and Action, of the model that is logged in to.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::blocks;
use super::caller::Caller;
use super::refresh;
use super::reply::{Entities, Refusal, Reply, denied, each, name_of, parse, refuse};
use super::state::{ActionFailure, Application, CharmOption, HostedModel, Life, Operation, State};

/// How long the units of an application work after it was refreshed.
const REFRESHES: Duration = Duration::from_millis(300);
/// How long a relation is there after its removal was asked for.
const DIES: Duration = Duration::from_millis(300);

pub(super) fn status(state: &State, caller: &Caller, method: &str) -> Option<Reply> {
    if method != "FullStatus" {
        return None;
    }
    let model = state.models.get(caller.model.as_deref()?)?;
    let version = state.version();
    let applications = model.applications.iter();
    let applications: Map<String, Value> =
        applications.map(|(name, application)| (name.clone(), describe(application))).collect();
    Some(Ok(json!({
        "model": {
            "name": model.name, "type": "caas", "cloud-tag": "cloud-k8s", "region": "local",
            "version": version, "available-version": "",
            "model-status": said("available", ""),
        },
        "machines": {}, "applications": applications, "remote-applications": {}, "offers": {},
        "relations": [], "controller-timestamp": jiff::Timestamp::now(), "branches": {},
        "filesystems": null, "storage": null, "volumes": null,
    })))
}

fn said(status: &str, info: &str) -> Value {
    json!({
        "status": status, "info": info, "data": {}, "since": jiff::Timestamp::now(),
        "kind": "", "version": "", "life": "",
    })
}

fn describe(application: &Application) -> Value {
    // Hooks of a refresh take a moment.
    let works = application.refreshed.is_some_and(|at| at.elapsed() < REFRESHES);
    let agent = if works { "executing" } else { "idle" };
    let units = application.units.iter().map(|(name, (status, info))| {
        let unit = json!({
            "agent-status": said(agent, ""), "workload-status": said(status, info),
            "workload-version": "", "machine": "", "opened-ports": [], "public-address": "",
            "charm": "", "subordinates": null, "leader": name.ends_with("/0"),
        });
        (name.clone(), unit)
    });
    let units: Map<String, Value> = units.collect();
    let first = application.units.values().next();
    let (status, info) = first.map_or(("waiting", ""), |(s, i)| (s.as_str(), i.as_str()));
    json!({
        "charm": application.charm, "charm-version": "", "charm-profile": "",
        "charm-channel": application.channel, "can-upgrade-to": application.can_upgrade_to,
        "base": {"name": "ubuntu", "channel": "22.04/stable"}, "exposed": false,
        "life": application.life.name(), "relations": application.relations, "subordinate-to": [], "units": units,
        "meter-statuses": null, "status": said(status, info), "workload-version": "",
        "endpoint-bindings": null, "public-address": "",
    })
}

pub(super) fn application(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    let blocked = state.blocked;
    let uuid = caller.model.as_deref()?;
    let model = state.models.get_mut(uuid)?;
    Some(match method {
        "Get" | "GetCharmURLOrigin" if !caller.may_read(model) => denied(),
        "Get" => get(model, params),
        "GetCharmURLOrigin" => refresh::origin(model, params),
        "SetConfigs"
        | "UnsetApplicationsConfig"
        | "AddRelation"
        | "DestroyRelation"
        | "SetCharm"
            if !caller.may_write(model) =>
        {
            denied()
        }
        "DestroyRelation" => blocks::check(blocked, model, &["BlockChange", "BlockRemove"])
            .and_then(|()| destroy_relation(model, params)),
        "UnsetApplicationsConfig" | "AddRelation" | "SetCharm" | "SetConfigs" => {
            if let Err(refusal) = blocks::check(blocked, model, &["BlockChange"]) {
                return Some(Err(refusal));
            }
            match method {
                "UnsetApplicationsConfig" => unset_config(model, params),
                "SetCharm" => refresh::set_charm(model, params),
                "AddRelation" => add_relation(model, params),
                _ => set_configs(model, params),
            }
        }
        _ => return None,
    })
}

fn find<'a>(model: &'a mut HostedModel, name: &str) -> Result<&'a mut Application, Refusal> {
    match model.applications.get_mut(name) {
        Some(application) => Ok(application),
        None => refuse(format!("application {name:?} not found"), "not found"),
    }
}

/// What a call says that does something with one that is dead.
fn alive(application: &Application, what: &str) -> Result<(), Refusal> {
    match application.life {
        Life::Dead => refuse(format!("{what}: application is dead"), ""),
        Life::Alive | Life::Dying => Ok(()),
    }
}

fn get(model: &HostedModel, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        application: String,
    }
    let params: Params = parse(params)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if params.application.is_empty() || !params.application.chars().all(is_name) {
        return refuse("application name not valid", "");
    }
    let Some(application) = model.applications.get(&params.application) else {
        let message = format!("application {} not found", params.application);
        return refuse(message, "not found");
    };
    alive(application, "querying application config")?;
    let options = application.options.iter().map(|(name, option)| {
        let CharmOption { kind, default, set } = option;
        let source = match (set, default.is_null()) {
            (Some(_), _) => "user",
            (None, false) => "default",
            (None, true) => "unset",
        };
        let mut answer = json!({"description": "", "source": source, "type": kind});
        if !default.is_null() {
            answer["default"] = default.clone();
        }
        if let Some(value) = set.as_ref().or(Some(default)).filter(|v| !v.is_null()) {
            answer["value"] = value.clone();
        }
        (name.clone(), answer)
    });
    let options: Map<String, Value> = options.collect();
    let trust = json!({
        "default": false, "description": "Does this application have access to trusted credentials",
        "source": if application.trusted { "user" } else { "default" }, "type": "bool",
        "value": application.trusted,
    });
    Ok(json!({
        "application": params.application, "charm": params.application, "config": options,
        "application-config": {"trust": trust}, "constraints": {},
        "base": {"name": "ubuntu", "channel": "22.04/stable"}, "channel": application.channel,
    }))
}

fn set_configs(model: &mut HostedModel, params: &Value) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Set {
        application: String,
        #[serde(default)]
        config: Map<String, Value>,
        #[serde(default)]
        config_yaml: String,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "Args")]
        arguments: Vec<Set>,
    }
    let params: Params = parse(params)?;
    each(params.arguments, |set| {
        let application = find(model, &set.application)?;
        alive(application, "updating application config")?;
        if !set.config_yaml.is_empty() && set.config.is_empty() {
            return refuse("config yaml not supported not implemented", "not implemented");
        }
        let is_known =
            |name: &&String| *name == "trust" || application.options.contains_key(name.as_str());
        if let Some(name) = set.config.keys().find(|name| !is_known(name)) {
            let message = format!("invalid application config: unknown option {name:?}");
            return refuse(message, "not valid");
        }
        let mut values = Vec::new();
        for (name, value) in set.config {
            let kind = application.options.get(&name).map_or("", |option| option.kind.as_str());
            values.push((typed(&name, kind, value)?, name));
        }
        for (value, name) in values {
            if let Some(option) = application.options.get_mut(&name) {
                // An empty text is none.
                option.set = Some(value).filter(|value| *value != json!(""));
            }
        }
        Ok(json!({}))
    })
}

/// A value as Juju keeps it: texts of booleans become such.
fn typed(name: &str, kind: &str, value: Value) -> Reply {
    match (kind, value.as_str()) {
        ("boolean", Some(text)) => match text {
            "true" | "True" | "1" => Ok(json!(true)),
            "false" | "False" | "0" => Ok(json!(false)),
            _ => refuse(format!("option {name:?} expected boolean, got {text:?}"), ""),
        },
        _ => Ok(value),
    }
}

fn unset_config(model: &mut HostedModel, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Unset {
        application: String,
        options: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "Args")]
        arguments: Vec<Unset>,
    }
    let params: Params = parse(params)?;
    each(params.arguments, |unset| {
        let application = find(model, &unset.application)?;
        alive(application, "updating application config")?;
        // One that is not known is no error.
        for name in unset.options {
            if let Some(option) = application.options.get_mut(&name) {
                option.set = None;
            }
        }
        Ok(json!({}))
    })
}

#[derive(Deserialize)]
struct Endpoints {
    endpoints: Vec<String>,
}

/// Application and endpoint of each side.
type Side = (String, String);

fn sides(params: &Value) -> Result<[Side; 2], Refusal> {
    let params: Endpoints = parse(params)?;
    let mut sides = params.endpoints.iter().map(|endpoint| {
        let (application, name) = endpoint.split_once(':')?;
        Some((application.to_owned(), name.to_owned()))
    });
    let (Some(Some(one)), Some(Some(other)), None) = (sides.next(), sides.next(), sides.next())
    else {
        return refuse("a relation must involve two applications", "not valid");
    };
    Ok([one, other])
}

/// A relation by its endpoints, as messages name it.
fn relation_of([one, other]: &[Side; 2]) -> String {
    format!("{}:{} {}:{}", one.0, one.1, other.0, other.1)
}

/// Whether a relation is being removed, which takes a moment.
fn is_dying(model: &HostedModel, relation: &str) -> bool {
    model.dying_relations.get(relation).is_some_and(|since| since.elapsed() < DIES)
}

fn is_related(model: &HostedModel, [one, other]: &[Side; 2]) -> bool {
    let related = |application: &Application| {
        let with = application.relations.get(&one.1);
        with.is_some_and(|with| with.contains(&other.0))
    };
    model.applications.get(&one.0).is_some_and(related)
}

fn add_relation(model: &mut HostedModel, params: &Value) -> Reply {
    let sides = sides(params)?;
    let [one, other] = &sides;
    if let Some(side) = sides.iter().find(|side| !model.applications.contains_key(&side.0)) {
        let of = |(application, endpoint): &Side| format!("{application}:{endpoint}");
        let (one, other, side) = (of(one), of(other), of(side));
        let message = format!(
            "adding relation between endpoints {one:?} and {other:?}: cannot relate endpoints \
             {one:?} and {other:?}: no candidates for {side}: relation endpoint not found"
        );
        return refuse(message, "");
    }
    if is_related(model, &sides) || is_dying(model, &relation_of(&sides)) {
        let of = |(application, endpoint): &Side| format!("{application}:{endpoint}");
        let (one, other) = (of(one), of(other));
        let message = format!(
            "adding relation between endpoints {one:?} and {other:?}: cannot add relation {one:?}, \
             {other:?}: relation {one} {other}: already exists"
        );
        return refuse(message, "");
    }
    let mut endpoints = Map::new();
    for ((own, endpoint), (with, _)) in [(one, other), (other, one)] {
        let application = find(model, own)?;
        let related = application.relations.entry(endpoint.clone()).or_default();
        related.push(with.clone());
        endpoints.insert(
            own.clone(),
            json!({"name": endpoint, "role": "", "interface": "", "optional": true, "limit": 0, "scope": "global"}),
        );
    }
    Ok(json!({"endpoints": endpoints}))
}

fn destroy_relation(model: &mut HostedModel, params: &Value) -> Reply {
    let sides = sides(params)?;
    let [one, other] = &sides;
    let relation = relation_of(&sides);
    if !is_related(model, &sides) {
        // Its removal takes a moment.
        if is_dying(model, &relation) {
            return Ok(json!({}));
        }
        let message = format!("relation with endpoints [{relation}] or id 0 not found");
        return refuse(message, "not found");
    }
    model.dying_relations.insert(relation, Instant::now());
    for ((own, endpoint), (with, _)) in [(one, other), (other, one)] {
        let application = find(model, own)?;
        if let Some(related) = application.relations.get_mut(endpoint) {
            related.retain(|name| name != with);
        }
    }
    Ok(json!({}))
}

pub(super) fn action(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    Some(match method {
        "EnqueueOperation" => enqueue(state, caller, params),
        "Actions" => results(state, params),
        _ => return None,
    })
}

fn enqueue(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Asked {
        receiver: String,
        name: String,
        #[serde(default)]
        parameters: Map<String, Value>,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(default)]
        actions: Vec<Asked>,
    }
    let params: Params = parse(params)?;
    let uuid = caller.model.as_deref().unwrap_or_default();
    let Some(model) = state.models.get_mut(uuid) else {
        return refuse("model not found", "not found");
    };
    if !caller.may_write(model) {
        return denied();
    }
    let mut enqueued = Vec::new();
    for asked in params.actions {
        let unit = name_of(&asked.receiver, "unit")?;
        let application = unit.rsplit_once('-').map_or(unit, |(name, _)| name);
        let Some(application) = model.applications.get_mut(application) else {
            let message = format!(
                "adding action operation: adding action operation: getting charm UUID for \
                 application {application:?}: application {application:?} not found"
            );
            return refuse(message, "");
        };
        let charm = application.charm.rsplit([':', '/']).next().unwrap_or_default();
        if application.actions.is_empty() {
            let charm = charm.rsplit_once('-').map_or(charm, |(name, _)| name);
            return refuse(format!("no actions defined for charm {charm}."), "not found");
        }
        let Some(run) = application.actions.get(&asked.name) else {
            // One that is not known fails the others too.
            let unit = unit.rsplit_once('-').unwrap_or((unit, "0"));
            let message =
                format!("action {:?} not defined for unit \"{}/{}\".", asked.name, unit.0, unit.1);
            return refuse(message, "not found");
        };
        let (name, number) = unit.rsplit_once('-').unwrap_or((unit, "0"));
        let unit = format!("{name}/{number}");
        if !application.units.contains_key(&unit) {
            let message = format!(
                "linking task to unit: getting unit UUID for {unit:?}: unit {unit:?} not found"
            );
            enqueued.push(json!({"error": {"message": message, "code": ""}}));
            continue;
        }
        state.operations.push(Operation {
            asked: false,
            result: run(&asked.parameters),
            receiver: asked.receiver.clone(),
            name: asked.name.clone(),
        });
        let tag = format!("action-{}", state.operations.len());
        let action = json!({"tag": tag, "receiver": asked.receiver, "name": asked.name});
        enqueued.push(json!({"action": action, "status": "pending"}));
    }
    Ok(json!({"operation": "operation-1", "actions": enqueued}))
}

fn results(state: &mut State, params: &Value) -> Reply {
    let params: Entities = parse(params)?;
    each(params.entities, |entity| {
        let number: usize = name_of(&entity.tag, "action")?.parse().unwrap_or_default();
        let operation = number.checked_sub(1).and_then(|at| state.operations.get_mut(at));
        let Some(operation) = operation else {
            return refuse("id not found", "not found");
        };
        let mut answer = json!({"action": {
            "tag": entity.tag, "receiver": operation.receiver, "name": operation.name,
        }});
        // It takes its time: the first query finds it running.
        match (std::mem::replace(&mut operation.asked, true), &operation.result) {
            (false, _) => answer["status"] = json!("running"),
            (true, Ok(output)) => {
                answer["status"] = json!("completed");
                answer["output"] = json!(output);
            }
            (true, Err(ActionFailure(message))) => {
                answer["status"] = json!("failed");
                answer["message"] = json!(message);
            }
        }
        Ok(answer)
    })
}
