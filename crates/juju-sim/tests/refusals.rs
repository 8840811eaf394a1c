//! What hook tools of Juju 4.0.15 refused, in which words: in hooks of a unit whose relations or
//! which itself are being removed, and of what a unit may not do.

mod play;

use std::path::Path;

use juju_sim::{
    Event, Forgotten, Gone, Juju, Model, Outcome, Owner, Port, Relation, Secret, Simulation,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// A hook, and what its tools said.
#[derive(Deserialize)]
struct Recorded {
    name: String,
    situation: String,
    hook: String,
    unit: String,
    /// Relation of the hook, for example `ingress:5`.
    relation: Option<String>,
    /// Remote unit or application.
    remote: Option<String>,
    calls: Vec<Value>,
    /// Why Juju did not commit it.
    commit_error: Option<String>,
    /// Nothing of it was committed: the unit's agent tried for four minutes.
    #[serde(default)]
    lost: bool,
    /// Ports that are open after it, with their endpoints.
    ports: Option<Vec<String>>,
}

fn relate(model: &mut Model, id: u32, endpoint: &str, application: &str, gone: Gone) {
    let relation = Relation { gone, ..Relation::new(id, endpoint, application, 1) };
    model.relations.push(relation);
}

/// A unit in the situation of a hook.
fn unit(recorded: &Recorded) -> Simulation {
    let charm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut juju = Simulation::new(&charm, env!("CARGO_BIN_EXE_hookplay").as_ref()).unwrap();
    let broken = recorded.hook.ends_with("-broken");
    juju.change(|model| {
        model.juju = Juju::V4_0;
        model.unit = recorded.unit.clone();
        model.leader = recorded.name != "26e ckf-hardening/0 tools";
        let mut peers = Relation::new(0, "peers", "ckf-hardening", 2);
        peers.remote_units.remove(&recorded.unit);
        model.relations.push(peers);
        match recorded.situation.as_str() {
            "removed-by-force" => {
                relate(model, 1, "metrics-endpoint", "cos", Gone::No);
                relate(model, 2, "catalogue", "cos", Gone::No);
                relate(model, 3, "dashboard-links", "cos", Gone::No);
                relate(model, 4, "gateway-certificates", "istio-pilot", Gone::Removed);
                relate(model, 5, "ingress", "istio-pilot", Gone::Removed);
                // This one has departed.
                model.relations[5].remote_units.clear();
            }
            "blocked" => {
                model.dying.insert(model.unit.clone());
                model.relations[0].remote_units.clear();
                model.relations[0].gone = Gone::Left;
                if recorded.relation.is_some() {
                    relate(model, 1, "catalogue", "cos", Gone::No);
                    model.relations[1].remote_units.clear();
                    model.relations[1].broken = broken;
                }
            }
            "forgotten" => {
                model.relations.clear();
                model.dying.insert(model.unit.clone());
                model.forgotten = Forgotten::Unit;
            }
            _ => relate(model, 1, "metrics-endpoint", "cos", Gone::No),
        }
        if recorded.situation == "ports-open" {
            let port = |protocol: &str, number, endpoint: &str| Port {
                protocol: protocol.into(),
                number,
                endpoint: endpoint.into(),
            };
            model.ports = [port("tcp", 8090, ""), port("udp", 9000, "metrics-endpoint")].into();
        }
        if recorded.situation == "secrets" {
            model.leader = recorded.unit == "ckf-hardening/1";
            let content = |text: &str| [("token".to_owned(), text.to_owned())].into();
            let application = Owner::Application("ckf-hardening".into());
            let of_unit = Owner::Unit("ckf-hardening/0".into());
            model.secrets = vec![
                Secret::new("4ecqtvlm4fpdhs45krl0", application, content("cm90YXRlZC0xMDU=")),
                Secret::new("le15h4cdvr6odlal90v0", of_unit, content("dTE=")),
            ];
        }
        let content = [("key".to_owned(), "dg==".to_owned())].into();
        let secret = Secret::new("na49g77pp52mentlf260", Owner::Model, content);
        model.secrets.push(secret);
    });
    juju
}

fn event(recorded: &Recorded, model: &Model) -> Event {
    let Some(name) = &recorded.relation else {
        let hook = if recorded.hook == "tools" { "config-changed" } else { &recorded.hook };
        return Event::hook(hook);
    };
    let id = name.rsplit(':').next().unwrap().parse().unwrap();
    let relation = model.relation(id).unwrap();
    let kind = recorded.hook.rsplit('-').next().unwrap();
    let remote = recorded.remote.as_deref().filter(|remote| remote.contains('/'));
    Event::relation(relation, kind, remote)
}

/// What of the commit differs from the recorded one.
fn committed(recorded: &Recorded, outcome: &Outcome, before: &Model, after: &Model) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, juju: &str, here: &str| {
        if juju != here {
            wrong.push(format!("{}: {what}\n  Juju {juju}\n  here {here}", recorded.name));
        }
    };
    if let Some(error) = &recorded.commit_error {
        compare("commit", error, outcome.commit_error.as_deref().unwrap_or_default());
    }
    if recorded.lost {
        compare("commit", "lost", if outcome.commit_error.is_some() { "lost" } else { "done" });
        let secrets = |model: &Model| {
            let revisions = model.secrets.iter().map(|secret| &secret.revisions);
            format!("{:?}", revisions.collect::<Vec<_>>())
        };
        compare("secrets", &secrets(before), &secrets(after));
    }
    if let Some(ports) = &recorded.ports {
        let name = |port: &Port| {
            let endpoint = if port.endpoint.is_empty() { "*" } else { &port.endpoint };
            format!("{}/{} ({endpoint})", port.number, port.protocol)
        };
        let open: Vec<String> = after.ports.iter().map(name).collect();
        compare("ports", &format!("{ports:?}"), &format!("{open:?}"));
    }
    wrong
}

#[test]
fn tools_refuse_invalid_calls_in_juju_words() {
    let recorded: Vec<Recorded> =
        serde_json::from_str(include_str!("recordings/refusals.json")).unwrap();
    let (mut wrong, mut number) = (Vec::new(), 0);
    for one in &recorded {
        let mut juju = unit(one);
        let event = event(one, &juju.model());
        let directory = tempfile::tempdir().unwrap();
        let (asked, came) = (directory.path().join("calls"), directory.path().join("results"));
        std::fs::write(&asked, json!(one.calls).to_string()).unwrap();
        let arguments = [asked.to_str().unwrap(), came.to_str().unwrap()];
        let program = env!("CARGO_BIN_EXE_hookplay");
        let before = juju.model();
        let outcome = juju.run_program(&event, program.as_ref(), &arguments);
        wrong.extend(committed(one, &outcome, &before, &juju.model()));
        let came: Vec<Value> = serde_json::from_slice(&std::fs::read(&came).unwrap()).unwrap();
        assert_eq!(came.len(), one.calls.len());
        for (call, came) in one.calls.iter().zip(&came) {
            number += 1;
            for field in ["exit", "stderr", "stdout"] {
                if let Some(recorded) = call.get(field).filter(|recorded| **recorded != came[field])
                {
                    let call = &call["argv"];
                    wrong.push(format!(
                        "{} {call}: {field}\n  Juju {recorded}\n  here {}",
                        one.name, came[field]
                    ));
                }
            }
        }
    }
    println!("{number} calls in {} hooks", recorded.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
