//! A release as Juju deploys it: the controller beside its world, with every application of the
//! bundle by channel, trust and the options that decide something.

use std::path::Path;

use juju_sim::Juju;
use juju_sim::controller::{Application, CharmOption, Controller, State};
use serde_json::{Value, json};

/// Options of the platform's charms with their defaults, as far as controls read them.
fn options(charm: &str) -> Vec<(&'static str, &'static str, Value)> {
    match charm {
        "dex-auth" => vec![
            ("connectors", "string", Value::Null),
            ("enable-password-db", "boolean", json!(true)),
            ("issuer-url", "string", json!("")),
            ("public-url", "string", json!("")),
            ("static-password", "string", json!("")),
            ("static-username", "string", json!("admin")),
        ],
        "istio-pilot" => vec![
            ("cni-bin-dir", "string", json!("")),
            ("cni-conf-dir", "string", json!("")),
            ("csr-domain-name", "string", json!("")),
            ("default-gateway", "string", json!("kubeflow-gateway")),
            ("tls-secret-id", "secret", Value::Null),
        ],
        "kubeflow-profiles" => vec![("security-policy", "string", json!("privileged"))],
        "minio" => vec![
            ("access-key", "string", json!("minio")),
            ("mode", "string", json!("server")),
            ("secret-key", "string", json!("")),
        ],
        "oidc-gatekeeper" => vec![
            ("ca-bundle", "string", json!("")),
            ("public-url", "string", json!("")),
            ("skip-auth-urls", "string", json!("")),
        ],
        "jupyter-ui" | "kubeflow-volumes" | "tensorboards-web-app" => {
            vec![("secure-cookies", "boolean", json!(false))]
        }
        _ => Vec::new(),
    }
}

/// A controller's state with a model that has these charms, each on its channel with an active unit.
pub fn state_of(charms: &[(&str, &str)]) -> State {
    let mut state = State::new(Juju::V3_6, "admin-pw");
    let model = state.add_model("62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e", ckf_worlds::NAMESPACE);
    for (charm, channel) in charms {
        let mut application = Application {
            charm: format!("ch:amd64/{charm}-1"),
            channel: (*channel).into(),
            ..Application::default()
        };
        application.units.insert(format!("{charm}/0"), ("active".into(), String::new()));
        model.applications.insert((*charm).into(), application);
    }
    state
}

/// A controller whose model of this uuid is the release's, with the user `hardening` of the charm.
pub fn controller(release: &Value, uuid: &str) -> Controller {
    let mut state = State::new(Juju::V3_6, "admin-pw");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let model = state.add_model(uuid, ckf_worlds::NAMESPACE);
    model.users.insert("hardening".into(), "write".into());
    for (name, known) in release["applications"].as_object().expect("a release has applications") {
        let charm = known["charm"].as_str().expect("an application has a charm");
        let mut application = Application {
            charm: format!("ch:amd64/{charm}-1"),
            channel: known["channel"].as_str().unwrap_or_default().into(),
            trusted: known["trust"] == true,
            ..Application::default()
        };
        for (option, kind, default) in options(charm) {
            let known = CharmOption { kind: kind.into(), default, set: None };
            application.options.insert(option.into(), known);
        }
        application.units.insert(format!("{name}/0"), ("active".into(), String::new()));
        model.applications.insert(name.clone(), application);
    }
    Controller::start(state).expect("the controller starts")
}

/// Runs the binary as its operator, who is logged in to the controller and to the cluster.
pub fn operator(store: &Path, kubeconfig: &Path, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(crate::binary())
        .args(arguments)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .env("JUJU_DATA", store)
        .env_remove("JUJU_DISPATCH_PATH")
        .output()
        .expect("the binary runs")
}
