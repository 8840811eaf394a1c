//! Records of what Juju has: they hold no secret, and what is gone leaves nothing to revert.

use std::path::Path;
use std::process::Command;

use ckf_worlds::World;
use juju_sim::Juju;
use juju_sim::controller::{Application, Controller, State};
use kube_sandbox::Sandbox;

use super::{kubectl, names};
use ckf_test_support::{binary, client_store, cluster};

const CONNECTORS: &str = "[{type: oidc, config: {clientSecret: S3CR3T-OF-THE-IDP}}]";
const POLICY: &str =
    "options:\n  dex-auth:\n    connectors: '[]'\n    public-url: https://wanted.example\n";

fn controller() -> Controller {
    let mut state = State::new(Juju::V3_6, "admin-pw");
    let model = state.add_model("62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e", "kubeflow");
    let application = |charm: &str| Application {
        charm: format!("ch:amd64/{charm}-1"),
        channel: "1.10/stable".into(),
        ..Application::default()
    };
    let dex = application("dex-auth")
        .with_option("connectors", "string", Some(CONNECTORS))
        .with_option("public-url", "string", Some("https://before.example"));
    model.applications.insert("dex-auth".into(), dex);
    for charm in ["minio", "grafana-agent-k8s"] {
        model.applications.insert(charm.into(), application(charm));
    }
    Controller::start(state).unwrap()
}

fn run(sandbox: &Sandbox, store: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary())
        .args(arguments)
        .arg("--kubeconfig")
        .arg(sandbox.kubeconfig("admin"))
        .env("JUJU_DATA", store)
        .env_remove("JUJU_DISPATCH_PATH")
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), text)
}

fn records(sandbox: &Sandbox) -> usize {
    let all = names(sandbox, "configmap", "kubeflow").into_iter();
    all.filter(|name| name.starts_with("ckf-hardening-")).count()
}

#[test]
fn record_holds_no_secret_and_is_dropped_once_its_application_is_gone() {
    let sandbox = cluster(&World::stock("1.10"));
    let controller = controller();
    let store = client_store(&controller);
    let policy = store.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    let policy = policy.to_str().unwrap();
    let of_dex = |option: &str| {
        controller.state(|state| {
            let model = state.models.values().next().unwrap();
            let value = model.applications["dex-auth"].option(option);
            value.map(|value| value.as_str().unwrap().to_owned())
        })
    };
    let apply = || {
        let remedies = ["apply", "declared-options", "cos-relations"];
        let arguments = [&remedies[..], &["--yes", "--policy", policy]].concat();
        let (code, text) = run(&sandbox, store.path(), &arguments);
        assert_eq!(code, Some(0), "{text}");
        assert!(records(&sandbox) >= 2, "{text}");
    };
    apply();
    // An option that may hold a secret is neither set by a remedy nor recorded.
    assert_eq!(of_dex("connectors").as_deref(), Some(CONNECTORS));
    assert_eq!(of_dex("public-url").as_deref(), Some("https://wanted.example"));
    let all = kubectl(&sandbox, &["get", "configmap", "-n", "kubeflow", "-o", "json"]);
    assert!(all.contains("https://before.example"), "what is no secret is recorded");
    assert!(!all.contains("S3CR3T"), "a record holds a secret");

    // What was recorded is reverted.
    let (code, text) = run(&sandbox, store.path(), &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(of_dex("connectors").as_deref(), Some(CONNECTORS));
    assert_eq!(of_dex("public-url").as_deref(), Some("https://before.example"));
    assert_eq!(records(&sandbox), 0);

    apply();
    controller.change(|state| {
        let model = state.models.values_mut().next().unwrap();
        model.applications.remove("dex-auth");
        model.applications.remove("grafana-agent-k8s");
        for application in model.applications.values_mut() {
            application.relations.clear();
        }
    });
    let (code, text) = run(&sandbox, store.path(), &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("application dex-auth is gone"), "{text}");
    assert_eq!(records(&sandbox), 0);
}
