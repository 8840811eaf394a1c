//! The recorded life of a model under Juju 4.0.15, hook by hook: what each tool
//! prints, how it exits, and what Juju commits.

use std::collections::BTreeMap;

use juju_sim::{Event, Model, Relation, Secret, Simulation, Status};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::play::{replay, simulation};

mod play;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Recorded {
    name: String,
    unit: String,
    hook: String,
    relation: Option<u32>,
    remote_unit: Option<String>,
    #[serde(default)]
    exit: u8,
    commit_error: Option<String>,
    environment: BTreeMap<String, String>,
    calls: Vec<Value>,
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(include_str!("recordings/life.json")).unwrap()
}

type Bag = BTreeMap<String, String>;

/// What the units and applications of the model have written, whichever of them acts.
#[derive(Default)]
struct World {
    bags: BTreeMap<(u32, String), Bag>,
    state: BTreeMap<String, Bag>,
}

const UUID: &str = "62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e";
const USER_SECRET: &str = "9prue3hk1gajoic8kgkg";

fn bag<const N: usize>(pairs: [(&str, &str); N]) -> Bag {
    pairs.map(|(k, v)| (k.into(), v.into())).into()
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        let mut put = |name: &str, bag: Bag| world.bags.insert((1, name.into()), bag);
        let own = [("egress-subnets", "10.152.183.12/32"), ("ingress-address", "10.152.183.12")];
        put("self/0", bag(own));
        put("self/1", bag(own));
        put(
            "other/0",
            bag([
                ("egress-subnets", "10.152.183.13/32"),
                ("host", "10.0.0.5"),
                ("ingress-address", "10.152.183.13"),
                ("multi", "l1\nl2"),
                ("url", "postgres://u:p@h/db?x=1"),
            ]),
        );
        put("other", bag([("appkey", "appval"), ("json", "{\"a\":1}")]));
        world
    }

    fn bag(&self, relation: u32, name: &str) -> Bag {
        let key = (relation, name.to_owned());
        self.bags.get(&key).cloned().unwrap_or_default()
    }

    /// A relation as a unit sees it.
    fn relation(&self, id: u32, endpoint: &str, unit: &str, others: &[&str]) -> Relation {
        let own = unit.split('/').next().unwrap();
        let remote = others[0].split('/').next().unwrap();
        Relation {
            remote_units: others
                .iter()
                .map(|other| ((*other).to_owned(), self.bag(id, other)))
                .collect(),
            sibling_units: [("self/0".to_owned(), self.bag(id, "self/0"))].into(),
            remote_application_data: self.bag(id, remote),
            application_data: self.bag(id, own),
            unit_data: self.bag(id, unit),
            ..Relation::new(id, endpoint, remote, 0)
        }
    }

    /// Lets a unit act.
    fn show(&self, unit: &str, model: &mut Model) {
        model.unit = unit.to_owned();
        model.leader = unit != "self/1";
        model.state = self.state.get(unit).cloned().unwrap_or_default();
        model.relations = match unit {
            "other/0" => vec![self.relation(1, "db", unit, &["self/0", "self/1"])],
            _ => {
                let peer = if unit == "self/0" { "self/1" } else { "self/0" };
                vec![
                    self.relation(0, "peer", unit, &[peer]),
                    self.relation(1, "db", unit, &["other/0"]),
                ]
            }
        };
    }

    /// Keeps what the unit has written.
    fn keep(&mut self, model: &Model) {
        self.state.insert(model.unit.clone(), model.state.clone());
        for relation in &model.relations {
            let mut put = |name: &str, bag: &Bag| {
                self.bags.insert((relation.id, name.to_owned()), bag.clone());
            };
            put(&model.unit, &relation.unit_data);
            put(model.application(), &relation.application_data);
        }
    }
}

/// What others than the charm did before a recorded hook.
fn before(name: &str, juju: &mut Simulation) {
    let encode = |text: &str| match text {
        "p1" => "cDE=".to_owned(),
        "p2" => "cDI=".to_owned(),
        _ => "dTE=".to_owned(),
    };
    let content = |pass: &str| -> Bag { bag([("pass", &encode(pass)), ("user", &encode("u1"))]) };
    match name {
        "everything" => juju.set_option("b-default", true),
        "secrets-created" => {
            // By whose clock 24 hours were recorded.
            let now = "2026-11-23T09:56:35.689021827Z".parse().unwrap();
            juju.change(|model| model.now = now);
        }
        "secrets-after-the-removal-job" => juju.settle(),
        "user-secret-before-grant" => {
            let secret = Secret::new(USER_SECRET, juju_sim::Owner::Model, content("p1"));
            juju.change(|model| model.secrets.push(secret));
            juju.set_option("sec", format!("secret:{USER_SECRET}"));
        }
        "user-secret-after-grant" => juju.change(|model| {
            let grant = juju_sim::Grant { relation: None, to: "self".into() };
            user_secret(model).grants.push(grant);
        }),
        "user-secret-after-update" => juju.change(|model| {
            let now = model.now;
            user_secret(model).revise(content("p2"), now);
        }),
        "resource" => juju.change(|model| {
            let path = "/run/hooks/resources/blob.txt".into();
            model.resources.insert("blob".into(), path);
        }),
        _ => {}
    }
}

fn user_secret(model: &mut Model) -> &mut Secret {
    let mut secrets = model.secrets.iter_mut();
    secrets.find(|s| s.id == USER_SECRET).unwrap()
}

/// Ids that Juju gave, so that the simulation gives the same.
fn secret_ids(calls: &[Value]) -> impl Iterator<Item = String> {
    calls.iter().filter(|call| call["argv"][0] == "secret-add" && call.get("exit").is_none()).map(
        |call| {
            let uri = call["stdout"].as_str().unwrap().trim();
            uri.rsplit('/').next().unwrap().to_owned()
        },
    )
}

fn event(recorded: &Recorded, juju: &Simulation) -> Event {
    match recorded.relation {
        Some(id) => {
            let (_, what) = recorded.hook.split_once("-relation-").unwrap();
            let model = juju.model();
            let relation = model.relation(id).unwrap();
            Event::relation(relation, what, recorded.remote_unit.as_deref())
        }
        None => Event::hook(&recorded.hook),
    }
}

#[test]
fn every_recorded_hook_prints_exits_and_commits_the_same() {
    let mut juju = simulation();
    let mut world = World::new();
    juju.change(|model| {
        model.uuid = UUID.into();
        let waiting = Status::new("waiting", "installing agent");
        model.other_units.insert("self/1".into(), waiting);
    });
    std::fs::write(
        juju.charm_directory().join("secret.yaml"),
        "token: filetok\nother#base64: AAEC\n",
    )
    .unwrap();
    let mut played = 0;
    for recorded in recorded() {
        println!("{}", recorded.name);
        before(&recorded.name, &mut juju);
        juju.resolve();
        let goal = |call: &&Value| call["argv"] == json!(["goal-state", "--format=json"]);
        let goal = recorded.calls.iter().find(goal);
        let goal = goal.map(|call| serde_json::from_str(call["stdout"].as_str().unwrap()).unwrap());
        juju.change(|model| {
            world.show(&recorded.unit, model);
            model.goal = goal;
            model.secret_ids = secret_ids(&recorded.calls).collect();
            let broken = recorded.hook.ends_with("-relation-broken");
            model.relations.last_mut().unwrap().broken = broken;
        });
        let event = event(&recorded, &juju);
        let outcome = replay(&mut juju, &event, &recorded.calls, recorded.exit);
        played += recorded.calls.len();
        let expected = recorded
            .commit_error
            .map(|error| error.replace("5a69147b-a47e-4536-8b0d-f9cbaa9004ce", UUID));
        assert_eq!(outcome.commit_error, expected, "{}", recorded.name);
        world.keep(&juju.model());
    }
    assert!(played > 490, "{played}");
}

#[test]
fn hooks_have_the_recorded_environment() {
    let is_action = |r: &&Recorded| r.environment.contains_key("JUJU_ACTION_NAME");
    for recorded in recorded().iter().filter(|r| !is_action(r)) {
        let mut juju = simulation();
        let world = World::new();
        juju.change(|model| world.show(&recorded.unit, model));
        let owner = match recorded.hook.as_str() {
            "secret-changed" => juju_sim::Owner::Model,
            _ => juju_sim::Owner::Unit(recorded.unit.clone()),
        };
        let secret = Secret::new(USER_SECRET, owner, Bag::new());
        juju.change(|model| model.secrets = vec![secret.clone()]);
        let get = |name: &str| recorded.environment.get(name).map(String::as_str);
        let label = get("JUJU_SECRET_LABEL").unwrap_or_default();
        let revision = get("JUJU_SECRET_REVISION").map(|text| text.parse().unwrap());
        let event = match recorded.hook.split_once('-').unwrap_or((&recorded.hook, "")) {
            ("secret", what) => Event::secret(what, &secret, label, revision),
            ("web", "pebble-ready") => Event::pebble_ready("web"),
            ("web", "pebble-custom-notice") => Event::pebble_notice("web", "1", "example.com/x"),
            ("web", check) => Event::pebble_check("web", "up", &check["pebble-check-".len()..]),
            _ => event(recorded, &juju),
        };
        let outcome = juju.run_program(&event, "/usr/bin/env".as_ref(), &[]);
        let came: Bag = outcome
            .stdout
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        for (name, value) in &recorded.environment {
            // Real agents write the id otherwise than the recording's; the model does.
            if name != "JUJU_SECRET_ID" {
                assert_eq!(came.get(name), Some(value), "{}: {name}", recorded.name);
            }
        }
    }
}
