//! The agent: how soon it repairs, and what it costs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// Times that something is changed and repaired.
const TRIES: usize = 50;
/// So often an object may be repaired in a minute, and then the agent gives up.
const MOST: usize = 5;
/// How long things change all the time, and how many a second.
const CHURN: (u64, usize) = (20, 100);
/// Scrapes that are timed.
const SCRAPES: u32 = 20;

/// A running agent. It ends when it is dropped.
struct Agent {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Agent {
    fn start(binary: &Path, sandbox: &Sandbox) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let options = json!({"enforce": "tls-floor", "log-level": "error"});
        let input = json!({"namespace": "kubeflow", "is-leader": true, "options": options});
        std::fs::write(folder.path().join("input.json"), input.to_string())?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--input"])
            .arg(folder.path())
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let agent = Self { child, port, _folder: folder };
        let begun = Instant::now();
        while !agent.get("/api/v1/report").is_ok_and(|text| text.starts_with('{')) {
            if begun.elapsed() > Duration::from_secs(120) {
                bail!("the agent made no audit within 120 s");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(agent)
    }

    fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text.split_once("\r\n\r\n").context("an answer has a body")?.1.to_owned())
    }

    fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.get("/metrics")?;
        let mut lines = text.lines();
        let line =
            lines.find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        Ok(line.context("the metric is there")?.rsplit(' ').next().unwrap_or_default().parse()?)
    }

    /// Largest and present resident memory, in megabytes.
    fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes =
                line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
            kilobytes.unwrap_or_default() / 1e3
        };
        Ok((of("VmHWM:"), of("VmRSS:")))
    }

    /// Seconds of a processor that it has used.
    fn cpu(&self) -> anyhow::Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> =
            text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| {
            fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default()
        };
        // Fields 14 and 15, of which two are before the bracket; a tick is a hundredth.
        Ok((ticks(11) + ticks(12)) / 100.0)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From the write of a drift to its repair, many times.
pub fn repairs(binary: &Path) -> anyhow::Result<()> {
    let sandbox = Sandbox::start_to_measure()?;
    let loader = sandbox.define(&World::definitions())?;
    loader.load(&World::hardened("1.11").objects)?;
    let mut times = Vec::new();
    while times.len() < TRIES {
        // Each is allowed as many repairs as it makes before it gives up.
        let agent = Agent::start(binary, &sandbox)?;
        let stream = TcpStream::connect(("127.0.0.1", agent.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(&stream, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut events = BufReader::new(stream).lines();
        let mut wait_for = |part: &str| -> anyhow::Result<()> {
            for line in events.by_ref() {
                if line?.contains(part) {
                    return Ok(());
                }
            }
            bail!("the events ended")
        };
        wait_for(": listening")?;
        let read = sandbox.kubectl(&[
            "get",
            "envoyfilter",
            "-n",
            "kubeflow",
            "ckf-hardening-tls-floor",
            "-o",
            "json",
        ])?;
        let mut filter: Value =
            serde_json::from_slice(&read.stdout).context("the floor is there")?;
        // Its labels stay: without them it would not be managed, and left alone.
        if let Some(metadata) = filter["metadata"].as_object_mut() {
            metadata.retain(|key, _| {
                ["name", "namespace", "labels", "annotations"].contains(&key.as_str())
            });
        }
        filter["spec"]["configPatches"][0]["patch"]["value"]["transport_socket"]["typed_config"]
            ["common_tls_context"]["tls_params"]["tls_minimum_protocol_version"] = "TLSv1_0".into();
        for _ in 0..MOST - 1 {
            loader.load(std::slice::from_ref(&filter))?;
            let written = Instant::now();
            wait_for("repaired")?;
            times.push(written.elapsed());
            // The next one must be a change.
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    times.sort();
    println!(
        "from the write of a drift to its repair, {} tries: median {:.0} ms, worst {:.0} ms",
        times.len(),
        times[times.len() / 2].as_secs_f64() * 1e3,
        times[times.len() - 1].as_secs_f64() * 1e3
    );
    Ok(())
}

/// What it costs beside a cluster: at rest, after one change, and where pods change all the
/// time.
pub fn costs(binary: &Path, sandbox: &Sandbox, name: &str, pods: &[Value]) -> anyhow::Result<()> {
    let agent = Agent::start(binary, sandbox)?;
    std::thread::sleep(Duration::from_secs(3));
    let whole = agent.metric("ckf_hardening_audit_duration_seconds")?;
    let before = agent.metric("ckf_hardening_assessed_controls_total")?;
    let label = format!("bench={}", std::process::id());
    sandbox.kubectl(&[
        "label",
        "--overwrite",
        "namespace",
        "admin",
        "pod-security.kubernetes.io/warn=baseline",
        &label,
    ])?;
    std::thread::sleep(Duration::from_secs(3));
    let one = agent.metric("ckf_hardening_audit_duration_seconds")?;
    let assessed = agent.metric("ckf_hardening_assessed_controls_total")? - before;
    let begun = Instant::now();
    for _ in 0..SCRAPES {
        agent.get("/metrics")?;
    }
    let scrape = begun.elapsed() / SCRAPES;
    let page = agent.get("/")?.len();
    let (_, at_rest) = agent.memory()?;
    let (began, used) = (Instant::now(), agent.cpu()?);
    let loader = sandbox.loader()?;
    let mut changes = 0;
    let mut round = 0;
    while began.elapsed() < Duration::from_secs(CHURN.0) {
        let second = Instant::now();
        round += 1;
        let some: Vec<Value> = pods
            .iter()
            .cycle()
            .skip(round * CHURN.1 % pods.len())
            .take(CHURN.1)
            .map(|pod| {
                let mut pod = pod.clone();
                pod["metadata"]["labels"]["bench"] = format!("round-{round}").into();
                pod
            })
            .collect();
        loader.load(&some)?;
        changes += some.len();
        std::thread::sleep(Duration::from_secs(1).saturating_sub(second.elapsed()));
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = (agent.cpu()? - used) / seconds * 100.0;
    let (most, now) = agent.memory()?;
    println!(
        "agent beside {name}: {at_rest:.0} MB at rest; after {:.0} changes a second for {seconds:.0} s {now:.0} MB, {most:.0} MB at most, \
         {cpu:.0} % of a processor; assessing all {:.1} ms, after one change {assessed:.0} controls {:.1} ms, 1/{:.0}; \
         a scrape {:.1} ms; page {page} bytes",
        changes as f64 / seconds,
        whole * 1e3,
        one * 1e3,
        whole / one,
        scrape.as_secs_f64() * 1e3
    );
    Ok(())
}
