//! What the tests of the binary share. It knows the binary by its path only, so that a change
//! to the product does not compile it again.

pub mod agent;
pub mod chance;
pub mod deployment;
pub mod documents;
pub mod dying;
pub mod objects;
pub mod openssl;
pub mod pebble;
pub mod results;
pub mod rotation;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_worlds::World;
use juju_sim::controller::Controller;
use juju_sim::{Grant, Owner, Secret, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// The project's directory: that of the charm's files and of the documents.
pub fn root() -> &'static Path {
    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    static CANONICAL: LazyLock<PathBuf> = LazyLock::new(|| {
        Path::new(ROOT).canonicalize().expect("the project is where it was built")
    });
    &CANONICAL
}

/// Variable with the path of the binary that a charm has.
const PACKED: &str = "BINARY_UNDER_TEST";

/// The binary under test: the one that a charm has where `cargo xtask test` names it, else the one
/// that cargo built for the tests. Cargo names that to those that it runs; one that was started by
/// hand, as in a debugger, lies one folder below it.
pub fn binary() -> &'static Path {
    const NAME: &str = "ckf-hardening";
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        let beside = || {
            let test = std::env::current_exe().expect("a test has a path");
            test.ancestors().nth(2).expect("a test lies in deps").join(NAME)
        };
        let of_cargo = || std::env::var_os(format!("CARGO_BIN_EXE_{NAME}"));
        std::env::var_os(PACKED).or_else(of_cargo).map_or_else(beside, PathBuf::from)
    });
    &BINARY
}

/// A real API server that holds a world.
pub fn cluster(world: &World) -> Sandbox {
    let sandbox = Sandbox::start().expect("the API server starts");
    let loader = sandbox.define(&World::definitions()).expect("the definitions establish");
    loader.load(&world.objects).expect("the world loads");
    sandbox
}

/// Has the gateway's Service lead to a real gateway at an address, as a load balancer would.
pub fn lead_to(sandbox: &Sandbox, address: &str) {
    let patch = |more: &[&str], patch: Value| {
        let patch = patch.to_string();
        let service = ["patch", "service", "-n", "kubeflow", "istio-ingressgateway-workload"];
        let arguments = [&service[..], &["--type=merge", "-p", &patch], more].concat();
        let output = sandbox.kubectl(&arguments).expect("kubectl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let port = |name, number: u16| json!({"name": name, "port": number, "targetPort": number});
    patch(&[], json!({"spec": {"ports": [port("http", 8080), port("https", 8443)]}}));
    let balancer = json!({"ingress": [{"ip": address}]});
    patch(&["--subresource=status"], json!({"status": {"loadBalancer": balancer}}));
}

/// Id of the secret that an operator gives a certificate by.
const GIVEN: &str = "d3nkb2fmp25c76a0tls1";

/// The option `tls-secret` names a secret of the operator that has this content.
pub fn give_certificate(unit: &mut Simulation, certificate: &str, key: &str) {
    let content = [("tls-crt", certificate), ("tls-key", key)];
    let content = content.map(|(name, value)| (name.to_owned(), STANDARD.encode(value)));
    let mut secret = Secret::new(GIVEN, Owner::Model, content.into());
    secret.grants.push(Grant { relation: None, to: "ckf-hardening".into() });
    unit.change(|model| {
        model.secrets.retain(|known| known.id != GIVEN);
        model.secrets.push(secret);
    });
    unit.set_option("tls-secret", format!("secret:{GIVEN}"));
}

/// The newest committed content of the secret of a label.
pub fn secret_content(unit: &Simulation, label: &str) -> BTreeMap<String, String> {
    let model = unit.model();
    let secret = model.secrets.iter().find(|secret| secret.label == label);
    let secret = secret.unwrap_or_else(|| panic!("no secret {label}"));
    let content = &secret.revisions[&secret.latest()];
    let decode = |(key, value): (&String, &String)| {
        let value = STANDARD.decode(value).expect("content is base64");
        (key.clone(), String::from_utf8(value).expect("content is text"))
    };
    content.iter().map(decode).collect()
}

/// Runs the binary as a user at a shell would.
pub fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    Command::new(binary())
        .args(arguments)
        .env_remove("KUBECONFIG")
        .env("JUJU_DATA", "/nowhere")
        .env_remove("JUJU_DISPATCH_PATH")
        .output()
        .expect("the binary runs")
}

/// The JSON report of an audit.
pub fn audit(arguments: &[&OsStr]) -> Value {
    let mut all: Vec<&OsStr> = ["audit", "--format", "json"].map(OsStr::new).to_vec();
    all.extend(arguments);
    let output = run(&all);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// A control of a report.
pub fn control<'a>(report: &'a Value, id: &str) -> &'a Value {
    let controls = report["controls"].as_array().expect("a report has controls");
    controls.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("no control {id}"))
}

/// The verdict on a control.
pub fn verdict<'a>(report: &'a Value, id: &str) -> &'a str {
    control(report, id)["verdict"].as_str().expect("a control has a verdict")
}

/// An operator's client store that knows a controller.
pub fn client_store(controller: &Controller) -> tempfile::TempDir {
    let store = tempfile::tempdir().unwrap();
    let write = |file: &str, text: String| std::fs::write(store.path().join(file), text).unwrap();
    let authority = controller.authority().replace('\n', "\n      ");
    let address = controller.address();
    write(
        "controllers.yaml",
        format!(
            "controllers:\n  here:\n    uuid: x\n    api-endpoints: ['{address}']\n    ca-cert: |\n      {authority}\ncurrent-controller: here\n"
        ),
    );
    write("accounts.yaml", "controllers: {here: {user: admin, password: admin-pw}}\n".into());
    store
}
