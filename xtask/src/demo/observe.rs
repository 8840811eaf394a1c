//! The part of the demo that watches: the agent serves the report page and sees a change at once,
//! and a real Prometheus scrapes it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ckf_hardening::catalog;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{kubectl, story};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// The control that fails once a cluster role binding has every user among its subjects.
const WATCHED: &str = "AUTHZ-09";
/// The alert on a charm that nothing scrapes.
const MISSING: &str = "CkfHardeningMetricsMissing";
/// The role is one that has rules without the controller that aggregates roles.
const BIND: [&str; 5] = [
    "create",
    "clusterrolebinding",
    "all-users",
    "--clusterrole=cluster-admin",
    "--group=system:authenticated",
];

/// A process that ends with the demo.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Shows it, and `waits` for Ctrl-C at the end.
pub fn show(sandbox: &Sandbox, binary: &Path, waits: bool) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let [agent_port, port] = [free_port()?, free_port()?];
    story::say("The agent, as Pebble runs it in the charm's container:");
    story::command(&format!("ckf-hardening serve --listen 127.0.0.1:{agent_port}"));
    let input = json!({"namespace": "kubeflow", "is-leader": true, "options": {"enforce": "none"}});
    fs::write(directory.path().join("input.json"), input.to_string())?;
    let events = directory.path().join("events");
    let _agent = Server(
        Command::new(binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{agent_port}"), "--input"])
            .arg(directory.path())
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(File::create(&events)?)
            .stderr(Stdio::null())
            .spawn()?,
    );
    until(|| Ok(verdict(agent_port, WATCHED).is_some()))?;
    story::say(format!("{WATCHED}: {}", verdict(agent_port, WATCHED).unwrap_or_default()));
    story::say("\nA new binding makes every user an administrator:");
    let begun = Instant::now();
    kubectl(sandbox, &BIND, "")?;
    until(|| Ok(verdict(agent_port, WATCHED).as_deref() == Some("fail")))?;
    story::say(format!(
        "{WATCHED}: fail, {:.2} s after kubectl was started",
        begun.elapsed().as_secs_f64()
    ));
    let printed = fs::read_to_string(&events)?;
    story::detail("Its event, as Loki gets it:");
    story::detail(printed.lines().find(|line| line.contains(WATCHED)).unwrap_or("(none)"));

    story::say("\nA real Prometheus scrapes the agent and evaluates the charm's alert rules:");
    let groups = catalog::alerts("hardening").into_iter();
    let groups: Vec<Value> =
        groups.map(|(name, rules)| json!({"name": name, "rules": rules})).collect();
    fs::write(directory.path().join("rules.yml"), json!({"groups": groups}).to_string())?;
    let config = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "agent", "static_configs": [{"targets": [format!("127.0.0.1:{agent_port}")],
            "labels": {"juju_model": "kubeflow", "juju_application": "ckf-hardening", "juju_unit": super::UNIT}}]}],
    });
    fs::write(directory.path().join("prometheus.yml"), config.to_string())?;
    let _prometheus = Server(
        Command::new(test_programs::debian::program("prometheus", "prometheus")?)
            .arg(format!("--config.file={}", directory.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let open = "/api/v1/query?query=ckf_hardening_open_controls";
    until(|| {
        Ok(get(port, open).is_some_and(|answer| {
            answer["data"]["result"].as_array().is_some_and(|all| !all.is_empty())
        }))
    })?;
    let answer = get(port, open).context("Prometheus answers")?;
    for result in answer["data"]["result"].as_array().into_iter().flatten() {
        let severity = result["metric"]["severity"].as_str().unwrap_or_default();
        story::say(format!("{} {severity}", result["value"][1].as_str().unwrap_or_default()));
    }
    let alerts = "/api/v1/alerts";
    until(|| {
        let answer = get(port, alerts).unwrap_or_default();
        let alerts = answer["data"]["alerts"].as_array();
        Ok(alerts.is_some_and(|alerts| {
            // Until the first scrape is evaluated the charm's metrics are missing.
            let is_missing = |alert: &Value| alert["labels"]["alertname"] == MISSING;
            !alerts.is_empty() && !alerts.iter().any(is_missing)
        }))
    })?;
    let answer = get(port, alerts).context("Prometheus answers")?;
    for alert in answer["data"]["alerts"].as_array().into_iter().flatten() {
        let name = alert["labels"]["alertname"].as_str().unwrap_or_default();
        story::say(format!("alert {name}: {}", alert["state"].as_str().unwrap_or_default()));
    }
    if waits {
        story::say(format!(
            "\nThe report page:  http://127.0.0.1:{agent_port}/\nPrometheus:       http://127.0.0.1:{port}/alerts"
        ));
        story::say("Ctrl-C ends them and removes everything.");
        loop {
            std::thread::park();
        }
    }
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The JSON that an address answers.
fn get(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
}

fn verdict(port: u16, id: &str) -> Option<String> {
    let report = get(port, "/api/v1/report")?;
    let controls = report["controls"].as_array()?;
    let control = controls.iter().find(|control| control["id"] == id)?;
    Some(control["verdict"].as_str()?.to_owned())
}

fn until(mut holds: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds()? {
        if begun.elapsed() > PATIENCE {
            bail!("it did not come within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
