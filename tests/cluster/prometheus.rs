//! A real Prometheus scrapes the agent: every panel of the dashboard shows something, and
//! every rule can be evaluated.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ckf_hardening::catalog;
use ckf_test_support::binary;
use ckf_worlds::World;
use serde_json::{Value, json};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    kube_sandbox::free_port().unwrap()
}

/// The JSON that an address answers; null if it does not.
fn get(port: u16, path: &str) -> Value {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return Value::Null;
    };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_default()
}

/// Labels of the scrape job, as `prometheus_scrape.py` v0.61 makes it: Prometheus has it from the
/// charm, opentelemetry-collector-k8s (2a77867) by the same library before it writes to Prometheus.
const LABELS: [(&str, &str); 5] = [
    // The longer name first, as one is the beginning of the other.
    ("juju_model_uuid", "9c1b7a52-6e0f-4a3d-9b61-0c2d4e6f8a10"),
    ("juju_model", "kubeflow"),
    ("juju_application", "ckf-hardening"),
    ("juju_unit", "ckf-hardening/0"),
    ("juju_charm", "ckf-hardening"),
];

/// What the variables of the dashboard are set to.
#[derive(Clone, Copy, Debug)]
enum Selection {
    /// `All`, as the dashboard opens.
    All,
    /// The value of this deployment, each selected by hand.
    Ours,
}

/// A query with the variables of Grafana filled in.
fn query(port: u16, expression: &str, selection: Selection) -> Value {
    let mut filled = expression.replace("$__rate_interval", "1m");
    for (variable, value) in LABELS {
        let value = match selection {
            Selection::All => ".*",
            Selection::Ours => value,
        };
        filled = filled.replace(&format!("${variable}"), value);
    }
    let encoded: String = filled.bytes().map(|byte| format!("%{byte:02X}")).collect();
    get(port, &format!("/api/v1/query?query={encoded}"))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn every_panel_has_data_and_every_rule_is_evaluated() {
    let mut world = World::hardened("1.11");
    // Something is open, and something is to be fixed.
    world.get("Namespace", "team-a")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] =
        "privileged".into();
    let sandbox = ckf_test_support::cluster(&world);
    let directory = tempfile::tempdir().unwrap();
    let input = json!({
        "namespace": "kubeflow", "is-leader": true,
        "options": {"enforce": "tls-floor", "external-hostname": ckf_worlds::HOST},
        "credentials": {"dex": {"rotated": "2026-11-01T00:00:00Z", "due": "2027-01-30T00:00:00Z"}},
    });
    fs::write(directory.path().join("input.json"), input.to_string()).unwrap();
    let (agent_port, port) = (free_port(), free_port());
    let _agent = Server(
        Command::new(binary())
            .args(["serve", "--listen", &format!("127.0.0.1:{agent_port}"), "--input"])
            .arg(directory.path())
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    until("the first audit", || get(agent_port, "/api/v1/report").is_object());

    let groups = catalog::alerts("hardening");
    let groups: Vec<Value> = groups
        .iter()
        .map(|(name, rules)| json!({"name": name, "interval": "1s", "rules": rules}))
        .collect();
    fs::write(directory.path().join("rules.yml"), json!({"groups": groups}).to_string()).unwrap();
    let labels = Value::from_iter(LABELS);
    let config = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "agent", "static_configs": [
            {"targets": [format!("127.0.0.1:{agent_port}")], "labels": labels}]}],
    });
    fs::write(directory.path().join("prometheus.yml"), config.to_string()).unwrap();
    let _prometheus = Server(
        Command::new(test_programs::debian::program("prometheus", "prometheus").unwrap())
            .arg(format!("--config.file={}", directory.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap(),
    );
    until("two scrapes", || {
        let counted = query(port, "count_over_time(up[1m])", Selection::All);
        counted["data"]["result"][0]["value"][1]
            .as_str()
            .is_some_and(|n| n.parse::<f64>().unwrap() > 2.0)
    });

    let mut empty = Vec::new();
    for (_, text) in catalog::DASHBOARDS {
        let dashboard: Value = serde_json::from_str(text).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap();
                for selection in [Selection::All, Selection::Ours] {
                    let answer = query(port, expression, selection);
                    if answer["data"]["result"].as_array().is_none_or(Vec::is_empty) {
                        let panel = &panel["title"];
                        empty.push(format!("{panel}, {selection:?}: {expression}: {answer}"));
                    }
                }
            }
        }
    }
    // What clients see is not looked at here, and nothing of Juju lists images: their
    // panels show what the Secrets and the pods tell.
    assert!(empty.is_empty(), "{}", empty.join("\n"));
    until("an evaluation", || {
        let groups = get(port, "/api/v1/rules");
        let rules = groups["data"]["groups"].as_array().into_iter().flatten();
        let mut rules =
            rules.flat_map(|group| group["rules"].as_array().unwrap().clone()).peekable();
        rules.peek().is_some() && rules.all(|rule| rule["health"] == "ok")
    });
}
