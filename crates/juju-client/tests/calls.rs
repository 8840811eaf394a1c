//! Logins and calls, as a controller of each version answers them.

use std::collections::BTreeMap;

use juju_client::{
    ActionStatus, Code, Connection, Endpoint, Error, Login, OptionSource, Password, Target, Trust,
    store,
};
use juju_sim::Juju;
use juju_sim::controller::{ActionFailure, Application, Controller, Offer, State};
use serde_json::{Map, json};

const MODEL: &str = "62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e";
const BOTH: [Juju; 2] = [Juju::V3_6, Juju::V4_0];

fn controller(juju: Juju) -> Controller {
    let mut state = State::new(juju, "admin-pw");
    state.add_user("bob", "bob-pw");
    let set_password = |parameters: &Map<String, _>| match parameters.get("username") {
        Some(user) if user == "root" => Ok(Map::from_iter([("password".into(), json!("new"))])),
        _ => Err(ActionFailure::from("no such user")),
    };
    let dex = Application {
        charm: "ch:amd64/dex-auth-612".into(),
        trusted: true,
        ..Application::default()
    };
    let mut database = Application::default();
    database.actions.insert("set-password".into(), std::sync::Arc::new(set_password));
    database.units.insert("katib-db/0".into(), ("active".into(), "Primary".into()));
    let model = state.add_model(MODEL, "kubeflow");
    let dex = dex
        .with_option("static-password", "string", Some("in the clear"))
        .with_option("port", "int", None);
    model.applications.insert("dex-auth".into(), dex);
    model.applications.insert("katib-db".into(), database);
    model.users.insert("bob".into(), "read".into());
    state.offers.push(Offer {
        model: MODEL.into(),
        application: "dex-auth".into(),
        name: "dex".into(),
        users: BTreeMap::from([("bob".into(), "consume".into())]),
    });
    Controller::start(state).unwrap()
}

fn endpoint(controller: &Controller) -> Endpoint {
    Endpoint {
        addresses: vec![controller.address().into()],
        trust: Trust::Authority(controller.authority().into()),
    }
}

fn open(controller: &Controller, target: &Target, user: &str) -> Result<Connection, Error> {
    let login = Login::new(user, Password::new(format!("{user}-pw")))?;
    Connection::open(&endpoint(controller), target, &login)
}

fn model() -> Target {
    Target::Model(MODEL.into())
}

#[test]
fn client_version_is_accepted_by_the_controller() {
    for (juju, versions) in [(Juju::V3_6, &["3.6.0"][..]), (Juju::V4_0, &["3.6.0", "4.0.0"])] {
        let controller = controller(juju);
        let connection = open(&controller, &Target::Controller, "admin").unwrap();
        assert!(connection.is_superuser());
        assert_eq!(connection.server_version(), juju.version());
        assert_eq!(connection.controller_uuid(), "deadbeef-1bad-500d-9000-4b1d0d06f00d");
        let said: Vec<String> = controller.state(|state| {
            let logins = state.requests.iter().filter(|r| r.name == "Admin.Login");
            logins.map(|r| r.params["client-version"].as_str().unwrap().to_owned()).collect()
        });
        assert_eq!(said, versions);
    }
}

#[test]
fn users_are_listed_changed_and_taken_out() {
    for juju in BOTH {
        let controller = controller(juju);
        let mut admin = open(&controller, &Target::Controller, "admin").unwrap();
        let names = |connection: &mut Connection| -> Vec<String> {
            let users = connection.users().unwrap();
            users.into_iter().map(|user| user.username).collect()
        };
        // Juju's own come with them.
        let listed = ["admin", "bob", "everyone@external", "juju-metrics"];
        assert_eq!(names(&mut admin), listed);
        let bob = admin.user_info("bob").unwrap();
        assert_eq!((bob.access.as_str(), bob.last_connection), ("login", None));

        let new = Password::new("another");
        admin.set_password("bob", &new).unwrap();
        assert!(controller.state(|state| state.accepts("bob", "another")));
        let registration = admin.reset_password("bob").unwrap();
        assert!(!controller.state(|state| state.accepts("bob", "another")));
        assert_eq!(registration.secret_key.expose().len(), 44);
        assert_eq!(format!("{registration:?}"), "Registration { secret_key: Password(..) }");

        admin.set_password("bob", &Password::new("bob-pw")).unwrap();
        let mut bob = open(&controller, &Target::Controller, "bob").unwrap();
        assert_eq!(names(&mut bob), ["bob"]);
        let denied = bob.set_password("admin", &new).unwrap_err();
        assert_eq!(denied.failure().unwrap().code, Code::Unauthorized);

        admin.disable_user("bob").unwrap();
        admin.disable_user("bob").unwrap();
        let refused = open(&controller, &Target::Controller, "bob").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the controller refuses the login of bob: invalid entity name or password"
        );
        assert!(!refused.is_temporary());
        admin.enable_user("bob").unwrap();
        open(&controller, &Target::Controller, "bob").unwrap();

        let added = admin.add_user("carol", "Carol", None).unwrap();
        assert_eq!(added.tag, "user-carol");
        assert!(added.secret_key.is_some());
        let again = admin.add_user("carol", "Carol", None).unwrap_err();
        assert_eq!(again.failure().unwrap().code, Code::AlreadyExists);
        let nobody = admin.reset_password("nobody").unwrap_err();
        assert_eq!(nobody.failure().unwrap().code, Code::NotFound);
    }
}

#[test]
fn models_clouds_and_offers_tell_who_may_do_what() {
    for juju in BOTH {
        let controller = controller(juju);
        let mut admin = open(&controller, &Target::Controller, "admin").unwrap();
        let models = admin.models().unwrap();
        assert_eq!(models.len(), 2);
        let info = admin.model(MODEL).unwrap();
        assert_eq!(info.owner(), "admin");
        assert_eq!(info.credential().as_deref(), Some("k8s/admin/default"));
        let access: Vec<_> = info.users.iter().map(|u| (&*u.user, &*u.access)).collect();
        assert_eq!(access, [("admin", "admin"), ("bob", "read")]);
        assert_eq!(admin.clouds().unwrap(), ["k8s"]);
        assert_eq!(admin.cloud("k8s").unwrap().users[0].access, "admin");
        let offers = admin.offers("admin", "kubeflow").unwrap();
        assert_eq!(offers[0].offer_url, "admin/kubeflow.dex");
        let access: Vec<_> = offers[0].users.iter().map(|u| (&*u.user, &*u.access)).collect();
        // A superuser is listed as an administrator of every offer.
        assert_eq!(access, [("admin", "admin"), ("bob", "consume")]);
        assert_eq!(admin.offers("admin", "controller").unwrap(), []);
        let config = admin.controller_config().unwrap();
        assert_eq!(config["auditing-enabled"], json!(false));
        let gone = admin.model("00000000-0000-0000-0000-000000000000");
        assert_eq!(gone.unwrap_err().failure().unwrap().code, Code::NotFound);
    }
}

#[test]
fn model_status_and_options_are_read_and_set() {
    for juju in BOTH {
        let controller = controller(juju);
        let mut admin = open(&controller, &model(), "admin").unwrap();
        let status = admin.status().unwrap();
        assert_eq!(status.model.name, "kubeflow");
        assert_eq!(status.applications["dex-auth"].charm, "ch:amd64/dex-auth-612");
        let unit = &status.applications["katib-db"].units["katib-db/0"];
        assert_eq!(unit.workload_status.info, "Primary");
        assert_eq!(admin.model_config().unwrap()["agent-version"], json!(juju.version()));

        let config = admin.application_config("dex-auth").unwrap();
        assert!(config.is_trusted());
        assert_eq!(config.config["static-password"].source, OptionSource::User);
        assert_eq!(config.text("static-password").unwrap().expose(), "in the clear");
        assert!(config.text("port").is_none());
        assert!(!format!("{config:?}").contains("in the clear"));

        let new = Password::new("another");
        let options = BTreeMap::from([("static-password", &new)]);
        admin.set_application_config("dex-auth", &options).unwrap();
        let config = admin.application_config("dex-auth").unwrap();
        assert_eq!(config.text("static-password").unwrap().expose(), "another");

        admin.reset_application_config("dex-auth", &["static-password"]).unwrap();
        let config = admin.application_config("dex-auth").unwrap();
        assert!(config.text("static-password").is_none());
        let endpoints = ["dex-auth:logging", "katib-db:logging"].map(str::to_owned);
        admin.add_relation(&endpoints).unwrap();
        admin.add_relation(&endpoints).expect("it is related already");
        let related = |admin: &mut juju_client::Connection| {
            admin.status().unwrap().applications["dex-auth"].relations.get("logging").cloned()
        };
        assert_eq!(related(&mut admin), Some(vec!["katib-db".to_owned()]));
        admin.destroy_relation(&endpoints).unwrap();
        admin.destroy_relation(&endpoints).expect("it is gone already");
        assert!(related(&mut admin).unwrap_or_default().is_empty());
        let nobody = ["dex-auth:logging", "nobody:logging"].map(str::to_owned);
        assert!(admin.add_relation(&nobody).is_err());

        let mut bob = open(&controller, &model(), "bob").unwrap();
        let denied = bob.set_application_config("dex-auth", &options).unwrap_err();
        assert_eq!(denied.failure().unwrap().code, Code::Unauthorized);
        let unknown = BTreeMap::from([("colour", &new)]);
        let error = admin.set_application_config("dex-auth", &unknown).unwrap_err();
        assert!(error.to_string().contains("unknown option \"colour\""), "{error}");
    }
}

#[test]
fn action_is_enqueued_and_awaited() {
    for juju in BOTH {
        let controller = controller(juju);
        let mut admin = open(&controller, &model(), "admin").unwrap();
        let root = BTreeMap::from([("username", "root")]);
        let id = admin.enqueue_action("katib-db/0", "set-password", &root).unwrap();
        assert_eq!(admin.action(&id).unwrap().status, ActionStatus::Running);
        let done = admin.action(&id).unwrap();
        assert_eq!(done.status, ActionStatus::Completed);
        assert_eq!(done.output["password"].expose(), "new");

        let other = BTreeMap::from([("username", "toor")]);
        let id = admin.enqueue_action("katib-db/0", "set-password", &other).unwrap();
        admin.action(&id).unwrap();
        let failed = admin.action(&id).unwrap();
        assert_eq!(failed.status, ActionStatus::Failed);
        assert_eq!(failed.message, "no such user");
        let unknown = admin.enqueue_action("katib-db/0", "sing", &root).unwrap_err();
        assert_eq!(unknown.failure().unwrap().code, Code::NotFound);
    }
}

#[test]
fn change_blocked_by_operator_is_named() {
    let controller = controller(Juju::V3_6);
    let mut admin = open(&controller, &Target::Controller, "admin").unwrap();
    controller.change(|state| state.blocked = true);
    let error = admin.set_password("bob", &Password::new("x")).unwrap_err();
    assert_eq!(error.failure().unwrap().code, Code::Blocked);
    assert_eq!(
        error.to_string(),
        "UserManager.SetPassword: operator says no (an operator blocked it: `juju enable-command`)"
    );
}

#[test]
fn missing_facade_is_named() {
    let controller = controller(Juju::V4_0);
    let mut admin = open(&controller, &model(), "admin").unwrap();
    let error = admin.users().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the controller {} offers UserManager in no version; version 2, 3 are understood",
            Juju::V4_0.version()
        )
    );
}

#[test]
fn operator_login_is_read_from_the_store() {
    let controller = controller(Juju::V3_6);
    let store = tempfile::tempdir().unwrap();
    let write = |file: &str, text: String| std::fs::write(store.path().join(file), text).unwrap();
    let authority = controller.authority().replace('\n', "\n      ");
    write(
        "controllers.yaml",
        format!(
            "controllers:\n  here:\n    uuid: deadbeef-1bad-500d-9000-4b1d0d06f00d\n    \
             api-endpoints: ['{}']\n    ca-cert: |\n      {authority}\n    cloud: k8s\n\
             current-controller: here\n",
            controller.address()
        ),
    );
    write(
        "accounts.yaml",
        "controllers:\n  here:\n    user: admin\n    password: admin-pw\n    last-known-access: superuser\n".into(),
    );
    write(
        "models.yaml",
        format!(
            "controllers:\n  here:\n    models:\n      admin/kubeflow:\n        uuid: {MODEL}\n        type: caas\n    current-model: admin/kubeflow\n"
        ),
    );
    let account = store::account(store.path(), None).unwrap();
    assert_eq!((&*account.controller, &*account.user), ("here", "admin"));
    let target = Target::Model(account.models["admin/kubeflow"].clone());
    let mut connection = Connection::open(&account.endpoint, &target, &account.login).unwrap();
    assert_eq!(connection.status().unwrap().model.name, "kubeflow");

    let error = |name: Option<&str>| store::account(store.path(), name).unwrap_err().to_string();
    assert!(error(Some("there")).contains("controller there is not in the client store"));
    write("accounts.yaml", "controllers:\n  here:\n    user: admin\n".into());
    assert!(error(None).contains("no password of admin on the controller here"));
    write("accounts.yaml", "controllers: {}\n".into());
    assert!(error(None).contains("juju login -c here"));
    write("accounts.yaml", "controllers:\n  here: {user: [s3cr3t]}\n".into());
    let text = error(None);
    assert!(text.contains("accounts.yaml: line 2") && !text.contains("s3cr3t"), "{text}");
}
