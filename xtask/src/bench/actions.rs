//! Results of actions: how long they are, in how many parts, and whether a program can read them.

use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_test_support::results::{parts, whole};
use ckf_worlds::World;
use juju_sim::controller::{Controller, State};
use juju_sim::{Event, Grant, Juju, Outcome, Owner, Relation, Secret, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Map, Value, json};

use crate::run;

/// Profiles of the large deployment, with two pods and a Juju user each.
const PROFILES: usize = 2_000;
/// Id of the user's secret with the login.
const LOGIN: &str = "d3nkb2fmp25c76a0log1";
/// Formats of the report, and how a program reads each.
const FORMATS: [(&str, Reader); 14] = [
    ("table", Reader::People),
    ("markdown", Reader::People),
    ("json", Reader::Json),
    ("sarif", Reader::Json),
    ("openreports", Reader::Json),
    ("policyreport", Reader::Json),
    ("oscal", Reader::Json),
    ("oscal-plan", Reader::Json),
    ("gitlab", Reader::Json),
    ("defectdojo", Reader::Json),
    ("ocsf", Reader::JsonLines),
    ("csv", Reader::Ends("\n")),
    ("html", Reader::Ends("</html>\n")),
    ("junit", Reader::Ends("</testsuites>\n")),
];

/// What reads a result.
#[derive(Clone, Copy)]
enum Reader {
    /// A person: any text.
    People,
    /// A document of JSON.
    Json,
    /// A document of JSON in each line.
    JsonLines,
    /// A document whose last characters are known.
    Ends(&'static str),
}

impl Reader {
    fn reads(self, text: &str) -> bool {
        let is_json = |text: &str| serde_json::from_str::<Value>(text).is_ok();
        match self {
            Self::People => true,
            Self::Json => is_json(text),
            Self::JsonLines => text.lines().all(is_json),
            Self::Ends(end) => text.ends_with(end),
        }
    }
}

/// An action, with the result that is measured.
struct Measured {
    name: String,
    parameters: Value,
    key: &'static str,
    reader: Reader,
    /// Whether each part is a document of its own.
    by_part: bool,
}

/// Every action that returns more than a line.
fn all() -> Vec<Measured> {
    let plain = |name: &str, parameters: Value, key| Measured {
        name: name.to_owned(),
        parameters,
        key,
        reader: Reader::People,
        by_part: false,
    };
    let lists = |name: &str, parameters: Value, key| Measured {
        reader: Reader::Json,
        by_part: true,
        ..plain(name, parameters, key)
    };
    let mut all = vec![
        plain("audit", json!({}), "problems"),
        plain("explain", json!({"control": "TLS-01"}), "explanation"),
        plain("plan", json!({"remedies": "profile-network-policies"}), "plan"),
        plain("check-rocks", json!({}), "rocks"),
        lists("check-rocks", json!({"format": "json"}), "rocks"),
        plain("list-users", json!({}), "users"),
        lists("list-users", json!({}), "json"),
        plain("rotation-status", json!({}), "status"),
        lists("rotation-status", json!({}), "other-keys"),
    ];
    for (format, reader) in FORMATS {
        for complete in [false, true] {
            let parameters = json!({"format": format, "complete": complete});
            all.push(Measured { reader, ..plain("get-report", parameters, "report") });
        }
    }
    all
}

/// Runs each action on a stock and on a large deployment, and prints what it returns.
pub fn actions(binary: &Path) -> anyhow::Result<()> {
    let sandbox = Sandbox::start()?;
    let loader = sandbox.define(&World::definitions())?;
    let stock = World::stock("1.10");
    loader.load(&stock.objects)?;
    results(binary, &sandbox, "stock 1.10", 0)?;
    let large = World::large("1.10", 2 * PROFILES, PROFILES);
    loader.load(&large.objects[stock.objects.len()..])?;
    results(binary, &sandbox, &format!("{PROFILES} profiles"), PROFILES)
}

fn results(binary: &Path, sandbox: &Sandbox, name: &str, users: usize) -> anyhow::Result<()> {
    println!("results of actions, {name}: bytes in parts");
    let mut unit = unit(binary, sandbox, users)?;
    for measured in all() {
        let outcome = unit.run(&Event::action(&measured.name, measured.parameters.clone()));
        let parameters = match &measured.parameters {
            Value::Object(map) if map.is_empty() => String::new(),
            parameters => format!(" {parameters}"),
        };
        let results = results_of(&outcome)
            .with_context(|| format!("{}{parameters}: {}", measured.name, outcome.stderr))?;
        let parts = parts(results, measured.key);
        let reads = |text: &str| measured.reader.reads(text);
        let is_read = match measured.by_part {
            true => parts.iter().all(|part| reads(part)),
            false => reads(&whole(results, measured.key)?),
        };
        if !is_read {
            bail!("{}{parameters}: no program reads {}", measured.name, measured.key);
        }
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let key = measured.key;
        println!("  {}{parameters} {key}: {bytes} in {}", measured.name, parts.len());
    }
    Ok(())
}

/// What an action returned, unless it failed.
fn results_of(outcome: &Outcome) -> anyhow::Result<&Map<String, Value>> {
    let action = outcome.action.as_ref().context("it is an action")?;
    match &action.failed {
        Some(why) => bail!("{why}"),
        None => Ok(&action.results),
    }
}

/// A unit beside the cluster, and beside a controller with so many users of its own.
fn unit(binary: &Path, sandbox: &Sandbox, users: usize) -> anyhow::Result<Simulation> {
    let mut unit = Simulation::new(run::root(), binary)?;
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    let mut state = State::new(Juju::V4_0, "admin-pw");
    state.add_user("hardening", "hardening-pw").access = "superuser".into();
    for number in 0..users {
        state.add_user(&format!("user-{number:05}"), "");
    }
    state.add_model(&unit.model().uuid, "kubeflow");
    unit.attach(Controller::start(state)?);
    let controller = unit.controller();
    let content = [
        ("username", "hardening"),
        ("password", "hardening-pw"),
        ("ca-cert", controller.authority()),
        ("addresses", controller.address()),
    ];
    let content = content.map(|(key, value)| (key.to_owned(), STANDARD.encode(value))).into();
    let mut login = Secret::new(LOGIN, Owner::Model, content);
    login.grants.push(Grant { relation: None, to: "ckf-hardening".into() });
    unit.change(|model| {
        model.juju = Juju::V4_0;
        model.relations.push(Relation::new(1, "peers", "ckf-hardening", 0));
        model.secrets.push(login);
    });
    unit.set_option("juju-credentials", format!("secret:{LOGIN}"));
    // Nothing outside of this machine is asked.
    unit.set_option("offline", true);
    Ok(unit)
}
