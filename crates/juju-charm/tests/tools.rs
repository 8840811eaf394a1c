//! Every function of the crate, called by a real process in a simulated Juju of
//! either line. The test starts itself as the charm's `dispatch`.

use std::collections::BTreeMap;
use std::path::Path;

use juju_charm::event::RelationChange;
use juju_charm::metadata::Charm;
use juju_charm::port::Port;
use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::secret::{self, Attributes, Content, Owner, Rotate, Value, Which};
use juju_charm::{
    Event, Status, ToolError, Unit, action, config, credential, goal, leader, network, port,
    relation, resource, state, status, storage, tool, version,
};
use serde_json::json;

fn main() {
    if std::env::var_os("JUJU_DISPATCH_PATH").is_some() {
        return inside();
    }
    for juju in [juju_sim::Juju::V3_6, juju_sim::Juju::V4_0] {
        outside(juju);
        println!("test every_family_under_{juju:?} ... ok");
    }
}

fn charm_files() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../juju-sim/tests/charm")
}

fn outside(version: juju_sim::Juju) {
    let dispatch = std::env::current_exe().unwrap();
    let mut juju = juju_sim::Simulation::new(&charm_files(), &dispatch).unwrap();
    let mut db = juju_sim::Relation::new(7, "db", "pg", 1);
    let databag = [("host".to_owned(), "10.0.0.5".to_owned())];
    db.remote_units.insert("pg/0".into(), databag.into());
    db.remote_application_data = [("ready".to_owned(), "yes".to_owned())].into();
    juju.change(|model| {
        model.juju = version;
        model.addresses.placeholder_first = true;
        model.relations.push(db.clone());
        model.resources.insert("blob".into(), "/tmp/blob".into());
        model.storage.push(juju_sim::Storage {
            id: "data/0".into(),
            kind: "filesystem".into(),
            location: "/data".into(),
        });
        model.cloud_credential = Some(json!({
            "type": "kubernetes", "name": "k8s", "endpoint": "https://10.0.0.1",
            "credential": {"auth-type": "oauth2", "attrs": {"Token": "cloud-secret"}},
        }));
    });
    let mut uri = String::new();
    juju.change(|model| uri = model.add_user_secret(&[("password", "of-a-user")], true));
    juju.set_option("sec", uri);
    let outcome = juju.run(&juju_sim::Event::relation(&db, "changed", Some("pg/0")));
    assert!(outcome.committed(), "{outcome:?}");
    let model = juju.model();
    assert_eq!(model.relations[0].unit_data["said"], "--file=-\nlong");
    assert_eq!(model.state["k"].len(), state::LONGEST_VALUE);
    assert_eq!(model.secrets.len(), 2);
    let mut traces = outcome.traces();
    traces.extend(juju.traces());
    let values = ["first-secret", "second-secret", "of-a-user", "cloud-secret"];
    assert_eq!(juju_sim::Trace::leaks(&traces, &values), [""; 0]);

    juju.change(|model| model.leader = false);
    let outcome = juju.run(&juju_sim::Event::hook("update-status"));
    assert!(outcome.committed(), "{outcome:?}");
    let outcome = juju.run(&juju_sim::Event::action("do", json!({"name": "n"})));
    assert_eq!(outcome.results()["a"], json!({"b": "--x"}));
    assert_eq!(outcome.action.unwrap().log, ["half way"]);
}

fn inside() {
    let env = |name: &str| std::env::var(name).ok();
    match Event::from_env(&env).unwrap() {
        Event::Relation(event) => {
            assert_eq!(event.what, RelationChange::Changed);
            assert_eq!(event.unit.as_deref(), Some("pg/0"));
            everything(&Unit::from_env(&env).unwrap(), &Relation::new(event.id));
        }
        Event::Action { .. } => {
            let parameters: BTreeMap<String, String> = action::parameters().unwrap();
            assert_eq!(parameters["name"], "n");
            action::log("half way").unwrap();
            action::set(&[("a.b", "--x")]).unwrap();
            let reserved = action::set(&[("stdout", "x")]).unwrap_err();
            assert!(matches!(reserved, ToolError::Usage { .. }), "{reserved}");
        }
        _ => without_leadership(),
    }
}

fn everything(unit: &Unit, db: &Relation) {
    let charm = Charm::read(&unit.charm_directory).unwrap();
    assert_eq!(charm.metadata.requires["db"].interface, "db");
    assert_eq!(charm.options["i-default"].default, json!(8080));
    assert!(charm.actions["do"].required.contains(&"name".to_owned()));

    let options = config::all().unwrap();
    assert_eq!(options.integer("i-default"), Some(8080));
    assert_eq!(options.number("f-whole"), Some(2.0));
    assert_eq!(options.boolean("b-false"), Some(false));
    assert_eq!((options.text("s-empty"), options.text("s-nodefault")), (None, None));

    assert_eq!(relation::of_endpoint("db").unwrap(), std::slice::from_ref(db));
    assert_eq!(relation::of_endpoint("site").unwrap(), []);
    assert_eq!(db.units().unwrap(), ["pg/0"]);
    assert_eq!(db.application().unwrap().as_deref(), Some("pg"));
    assert_eq!(db.get(Side::Unit("pg/0")).unwrap()["host"], "10.0.0.5");
    assert_eq!(db.get(Side::Application("pg")).unwrap()["ready"], "yes");
    assert_eq!(db.model_uuid().unwrap(), unit.model_uuid);
    let said = Databag::from([("said".into(), "--file=-\nlong".into())]);
    db.set(&said).unwrap();
    assert_eq!(db.get(Side::Unit(&unit.name)).unwrap(), said);
    db.set_application(&Databag::from([("a".into(), "b".into())])).unwrap();
    let gone = Relation::new("db:99").units().unwrap_err();
    assert!(matches!(gone, ToolError::NotFound { .. }), "{gone}");
    let stranger = db.get(Side::Unit("pg/9")).unwrap_err();
    assert!(matches!(stranger, ToolError::NotFound { .. }), "{stranger}");

    assert_eq!(state::all().unwrap(), BTreeMap::new());
    let long = "x".repeat(state::LONGEST_VALUE);
    state::set(&BTreeMap::from([("k", long), ("gone", "1".into())])).unwrap();
    state::delete("gone").unwrap();
    assert_eq!(state::all().unwrap().len(), 1);

    assert!(leader::is_leader().unwrap());
    status::set(Status::Active, "-v: well").unwrap();
    status::set_application(Status::Waiting, "too").unwrap();
    version::set("-1.0").unwrap();
    status::set(Status::Active, &"long ".repeat(tool::LONGEST_ARGUMENT)).unwrap();

    port::open(Port::Tcp(80)).unwrap();
    port::open(Port::Udp(53)).unwrap();
    port::close(Port::Tcp(80)).unwrap();
    assert_eq!(port::opened().unwrap(), [Port::Udp(53)]);

    let network = network::of_binding("db").unwrap();
    assert_eq!(network.bind_address(), Some("10.1.0.11"));
    assert_eq!(network.ingress_addresses, ["10.152.183.12"]);
    let goal = goal::state().unwrap();
    assert_eq!(goal.planned_units(), 1);
    assert!(goal.relations["db"].contains_key("pg/0"));
    assert_eq!(resource::path("blob").unwrap(), Path::new("/tmp/blob"));
    assert!(matches!(resource::path("none"), Err(ToolError::NotFound { .. })));
    assert_eq!(storage::list("data").unwrap(), ["data/0"]);
    assert_eq!(storage::get("data/0").unwrap().location, Path::new("/data"));
    let cloud = credential::get().unwrap();
    assert_eq!(cloud.credential.attributes["Token"].expose(), "cloud-secret");

    secrets(&options, db);
}

fn content(value: &str) -> Content {
    Content::from([("value".into(), Value::new(value))])
}

fn secrets(options: &config::Options, db: &Relation) {
    let monthly = Attributes {
        label: Some("mine"),
        description: Some("--a token"),
        rotate: Some(Rotate::Monthly),
        owner: Some(Owner::Application),
        ..Attributes::default()
    };
    assert_eq!(secret::ids().unwrap(), [""; 0]);
    let id = secret::add(&content("first-secret"), &monthly).unwrap();
    assert_eq!(secret::get(&id, Which::Pinned).unwrap()["value"].expose(), "first-secret");
    let (bare, info) = secret::info_by_label("mine").unwrap();
    assert!(id.ends_with(&bare));
    assert_eq!((info.revision, info.rotation), (1, Some(Rotate::Monthly)));
    assert_eq!(info.description.as_deref(), Some("--a token"));
    assert_eq!(secret::ids().unwrap(), [bare]);
    secret::set(&id, &content("second-secret"), &Attributes::default()).unwrap();
    let now = secret::get_by_label("mine", Which::Peek).unwrap();
    assert_eq!(now["value"].expose(), "second-secret");
    secret::grant(&id, db, Some("pg/0")).unwrap();
    secret::revoke(&id, db, Some("pg/0")).unwrap();
    let dotted = Content::from([("tls.key".into(), Value::new("x"))]);
    let wrong = secret::add(&dotted, &monthly).unwrap_err();
    assert!(matches!(wrong, secret::SecretError::Key(_)), "{wrong}");
    let gone = secret::get("secret:9m4e2mr0ui3e8a215n4g", Which::Pinned).unwrap_err();
    assert!(matches!(gone, ToolError::NotFound { .. }), "{gone}");
    let temporary = secret::add(&content("first-secret"), &Attributes::default()).unwrap();
    secret::remove(&temporary, None).unwrap();

    let of_user = options.secret("sec").unwrap();
    let read = secret::get_and_label(of_user, "theirs", Which::Refresh).unwrap();
    assert_eq!(read["password"].expose(), "of-a-user");
    let refused = secret::set(of_user, &content("x"), &Attributes::default()).unwrap_err();
    let secret::SecretError::Tool(refused) = refused else { panic!("{refused}") };
    assert!(matches!(refused, ToolError::NotFound { .. }), "{refused}");
}

fn without_leadership() {
    let refused = status::set_application(Status::Active, "").unwrap_err();
    assert!(matches!(refused, ToolError::NotLeader { .. }), "{refused}");
    let refused = secret::add(&content("first-secret"), &Attributes::default()).unwrap_err();
    let secret::SecretError::Tool(refused) = refused else { panic!("{refused}") };
    assert!(matches!(refused, ToolError::NotLeader { .. }), "{refused}");
    let missing = tool::run("leader-set", &["a=b"]).unwrap_err();
    assert!(matches!(missing, ToolError::NotRun { .. }), "{missing}");
}
