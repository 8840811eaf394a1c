//! Pictures of the dashboard, a row each: a real Prometheus scrapes the agent beside a real API
//! server, and Chromium draws a page from the dashboard's own JSON and what Prometheus answers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ckf_hardening::catalog;
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{panels, photograph};
use crate::run::{debug_binary, root};

/// Where the pictures are.
const FOLDER: &str = "docs/images";
/// Longest wait for a server.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long is scraped, in seconds.
const RANGE: u64 = 40;
/// Width of a picture, in pixels.
const WIDTH: u64 = 1200;

/// A process that ends with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes the pictures again.
pub fn take() -> anyhow::Result<()> {
    let binary = debug_binary()?;
    let sandbox = cluster()?;
    let folder = tempfile::tempdir()?;
    let (agent_port, port) = (kube_sandbox::free_port()?, kube_sandbox::free_port()?);
    let _agent = agent(&binary, &sandbox, folder.path(), agent_port)?;
    until("the first audit", || get(agent_port, "/api/v1/report").is_object())?;
    let _prometheus = prometheus(folder.path(), agent_port, port)?;
    let scraped = format!("count_over_time(up[{RANGE}s]) >= {}", RANGE - 2);
    until("the scrapes", || {
        let answer = query(port, &scraped);
        answer["data"]["result"].as_array().is_some_and(|result| !result.is_empty())
    })?;
    for (_, text) in catalog::DASHBOARDS {
        let dashboard: Value = serde_json::from_str(text)?;
        for (title, panels) in rows(&dashboard) {
            let answers = panels.iter().map(|panel| (*panel, answers(port, panel)));
            let answers: Vec<_> = answers.collect();
            let page = panels::page(&title, &answers);
            let name = format!("{FOLDER}/dashboard-{}.png", slug(&title));
            photograph::page(&page, &root().join(&name), WIDTH, panels::height(&answers))?;
            println!("{name}");
        }
    }
    Ok(())
}

/// Panels by row.
fn rows(dashboard: &Value) -> Vec<(String, Vec<&Value>)> {
    let mut rows: Vec<(String, Vec<&Value>)> = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        if panel["type"] == "row" {
            rows.push((panel["title"].as_str().unwrap_or_default().to_owned(), Vec::new()));
        } else if let Some((_, panels)) = rows.last_mut() {
            panels.push(panel);
        }
    }
    rows
}

fn slug(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

/// A deployment in which some controls fail.
fn cluster() -> anyhow::Result<Sandbox> {
    let mut world = World::hardened("1.11");
    for namespace in ["team-a", "team-b"] {
        let is_there = |object: &Value| {
            object["kind"] == "Namespace" && object["metadata"]["name"] == namespace
        };
        if world.objects.iter().any(is_there) {
            let labels = &mut world.get("Namespace", namespace)["metadata"]["labels"];
            labels["pod-security.kubernetes.io/enforce"] = "privileged".into();
        }
    }
    let is_kept = |object: &Value| {
        object["kind"] != "NetworkPolicy" || object["metadata"]["namespace"] != "team-a"
    };
    world.objects.retain(is_kept);
    let sandbox = Sandbox::start()?;
    let loader = sandbox.define(&World::definitions())?;
    loader.load(&world.objects)?;
    Ok(sandbox)
}

fn agent(binary: &Path, sandbox: &Sandbox, folder: &Path, port: u16) -> anyhow::Result<Server> {
    let input = json!({
        "namespace": "kubeflow", "is-leader": true,
        "options": {"enforce": "tls-floor", "external-hostname": ckf_worlds::HOST, "log-level": "error"},
        "credentials": {
            "dex": {"rotated": "2026-11-01T00:00:00Z", "due": "2027-01-30T00:00:00Z"},
            "minio": {"rotated": "2026-10-10T00:00:00Z", "due": "2027-01-08T00:00:00Z"},
            "own-login": {"rotated": "2026-11-20T00:00:00Z", "due": "2027-02-18T00:00:00Z"},
        },
    });
    fs::write(folder.join("input.json"), input.to_string())?;
    let child = Command::new(binary)
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--input"])
        .arg(folder)
        .arg("--kubeconfig")
        .arg(sandbox.kubeconfig("admin"))
        .env_remove("JUJU_DISPATCH_PATH")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Server(child))
}

fn prometheus(folder: &Path, agent: u16, port: u16) -> anyhow::Result<Server> {
    let labels = BTreeMap::from([
        ("juju_model", "kubeflow"),
        ("juju_model_uuid", "9c1b7a52-6e0f-4a3d-9b61-0c2d4e6f8a10"),
        ("juju_application", "ckf-hardening"),
        ("juju_unit", "ckf-hardening/0"),
        ("juju_charm", "ckf-hardening"),
    ]);
    let target = format!("127.0.0.1:{agent}");
    let config = json!({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "agent",
            "static_configs": [{"targets": [target], "labels": labels}]}],
    });
    let file = folder.join("prometheus.yml");
    fs::write(&file, config.to_string())?;
    let child = Command::new(test_programs::debian::program("prometheus", "prometheus")?)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Server(child))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> anyhow::Result<()> {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > PATIENCE {
            bail!("{what} did not come");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// The JSON that an address answers; null if it does not.
fn get(port: u16, path: &str) -> Value {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (_, body) = text.split_once("\r\n\r\n").context("an answer has a body")?;
        anyhow::Ok(serde_json::from_str(body)?)
    };
    ask().unwrap_or_default()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn query(port: u16, expression: &str) -> Value {
    get(port, &format!("/api/v1/query?query={}", encoded(expression)))
}

/// What Prometheus answers to the queries of a panel, with Grafana's variables filled in.
fn answers(port: u16, panel: &Value) -> Vec<panels::Answer> {
    let now =
        get(port, "/api/v1/query?query=time()")["data"]["result"][0].as_f64().unwrap_or_default();
    let targets = panel["targets"].as_array().into_iter().flatten();
    let answer = |target: &Value| {
        let mut expression = target["expr"].as_str().unwrap_or_default().to_owned();
        expression = expression.replace("$__rate_interval", "10s");
        for variable in ["juju_model_uuid", "juju_model", "juju_application", "juju_unit"] {
            expression = expression.replace(&format!("${variable}"), ".*");
        }
        let answer = match panel["type"] == "timeseries" {
            true => {
                let range = format!("start={}&end={now}&step=1", now - RANGE as f64);
                get(port, &format!("/api/v1/query_range?query={}&{range}", encoded(&expression)))
            }
            false => query(port, &expression),
        };
        let result = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let series = result.iter().map(|one| {
            let values = match one["values"].as_array() {
                Some(values) => values.clone(),
                None => vec![one["value"].clone()],
            };
            let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
            let point = |value: &Value| Some((value[0].as_f64()?, number(&value[1])?));
            (one["metric"].clone(), values.iter().filter_map(point).collect())
        });
        let legend = target["legendFormat"].as_str().unwrap_or_default().to_owned();
        panels::Answer { legend, series: series.collect() }
    };
    targets.map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_dashboard_has_a_picture_in_the_guide() {
        let guide = fs::read_to_string(root().join("docs/how-to/observe.md")).unwrap();
        let mut number = 0;
        for (_, text) in catalog::DASHBOARDS {
            let dashboard: Value = serde_json::from_str(text).unwrap();
            for (title, panels) in rows(&dashboard) {
                let name = format!("dashboard-{}.png", slug(&title));
                assert!(guide.contains(&format!("(../images/{name})")), "{name}");
                let picture = fs::read(root().join(FOLDER).join(&name)).unwrap();
                assert!(picture.starts_with(b"\x89PNG") && !panels.is_empty(), "{name}");
                number += 1;
            }
        }
        assert_eq!(number, 5);
    }
}
