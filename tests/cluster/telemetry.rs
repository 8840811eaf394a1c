//! What arrives in COS, on a real Prometheus that scrapes a real collector of OpenTelemetry: an
//! application whose scrape fails, data that the collector gives up and a queue that is full.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ckf_hardening::catalog;
use ckf_test_support::rotation::{connect, hook};
use ckf_test_support::{control, run};
use ckf_worlds::World;
use juju_sim::{Event, Juju};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing listens at this port.
const DEAD: u16 = 9;
const UNIT: &str = "opentelemetry-collector-k8s/0";

/// A process that ends with the test.
struct Server(Child);

impl Server {
    fn start(program: &Path, arguments: &[String], folder: &Path) -> Self {
        let log = File::create(folder.join(program.file_name().unwrap())).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A collector and the Prometheus that has its counters.
struct Cos {
    folder: tempfile::TempDir,
    receiver: u16,
    counters: u16,
    port: u16,
    _collector: Server,
    prometheus: Server,
}

impl Cos {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = || kube_sandbox::free_port().unwrap();
        let (receiver, counters, port) = (port(), port(), port());
        let endpoint = format!("http://127.0.0.1:{DEAD}");
        let reader = json!({"host": "127.0.0.1", "port": counters});
        let config = json!({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{receiver}")}}}},
            "exporters": {
                // One gives up at once, the other tries again and fills its queue.
                "otlphttp/loki": {"endpoint": endpoint, "retry_on_failure": {"enabled": false}},
                "otlphttp/slow": {"endpoint": endpoint,
                    "sending_queue": {"queue_size": 5, "num_consumers": 1}},
            },
            "service": {
                "telemetry": {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": reader}}}]}},
                "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["otlphttp/loki", "otlphttp/slow"]}},
            },
        });
        let path = folder.path().join("otelcol.yaml");
        fs::write(&path, config.to_string()).unwrap();
        let collector = Server::start(
            &test_programs::collector::otelcol().unwrap(),
            &["--config".into(), path.display().to_string()],
            folder.path(),
        );
        scrape(folder.path(), counters, port, Some(DEAD));
        let prometheus = Server::start(
            &test_programs::debian::program("prometheus", "prometheus").unwrap(),
            &[
                format!("--config.file={}", folder.path().join("prometheus.yml").display()),
                format!("--storage.tsdb.path={}", folder.path().join("data").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
            ],
            folder.path(),
        );
        Self { folder, receiver, counters, port, _collector: collector, prometheus }
    }

    /// Mends the scrape that fails, as an operator who reloads Prometheus does.
    fn mend(&self) {
        scrape(self.folder.path(), self.counters, self.port, None);
        let id = self.prometheus.0.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    /// Sends ten batches of logs.
    fn send_logs(&self) {
        let record = json!({"body": {"stringValue": "a line"}});
        let batch =
            json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).to_string();
        for _ in 0..10 {
            let mut stream = TcpStream::connect(("127.0.0.1", self.receiver)).unwrap();
            write!(stream, "POST /v1/logs HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{batch}", batch.len()).unwrap();
            // It answers whether or not a queue took the batch.
            stream.read_to_string(&mut String::new()).unwrap();
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Configures Prometheus to scrape each application of the release with metrics. What answers for
/// them is Prometheus itself; for dex-auth it may be another port.
fn scrape(folder: &Path, counters: u16, own: u16, dex: Option<u16>) {
    let job = |application: &str, port: u16| {
        json!({"targets": [format!("127.0.0.1:{port}")], "labels": {"juju_model": "kubeflow",
            "juju_application": application, "juju_unit": format!("{application}/0")}})
    };
    let release = catalog::release("1.11").unwrap();
    let observed = release.applications.iter();
    let observed = observed.filter(|(_, of)| of.cos.iter().any(|name| name == "metrics-endpoint"));
    let mut jobs: Vec<Value> = observed
        .map(|(name, _)| job(name, dex.filter(|_| name == "dex-auth").unwrap_or(own)))
        .collect();
    jobs.push(job("opentelemetry-collector-k8s", counters));
    let config = json!({"global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "platform", "static_configs": jobs}]});
    fs::write(folder.join("prometheus.yml"), config.to_string()).unwrap();
}

/// The verdict on a control, with its reason.
fn verdict(report: &Value, id: &str) -> (String, String) {
    let control = control(report, id);
    let text = |field: &str| control[field].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("reason"))
}

fn audit(sandbox: &Sandbox, url: &str) -> Value {
    let kubeconfig = sandbox.kubeconfig("admin").display().to_string();
    let arguments = ["audit", "--format=json", "--fail-on=never", "--kubeconfig", &kubeconfig];
    let output = run(&[&arguments[..], &["--control=OBS-*", "--prometheus", url]].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Audits until a control has a verdict, with this among its reason and findings.
fn until(sandbox: &Sandbox, url: &str, id: &str, wanted: &str, has: &str) {
    let started = Instant::now();
    loop {
        let report = audit(sandbox, url);
        let (seen, reason) = verdict(&report, id);
        let findings = control(&report, id)["findings"].as_array().cloned().unwrap_or_default();
        let field = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let mut all = findings
            .iter()
            .map(|finding| format!("{} is {}", field(finding, "field"), field(finding, "seen")));
        if seen == wanted && (reason.contains(has) || all.any(|text| text.contains(has))) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{id} is {seen}, not {wanted}: {reason}");
    }
}

#[test]
fn scrape_that_fails_and_data_that_is_lost_are_findings() {
    let sandbox = ckf_test_support::cluster(&World::hardened("1.11"));
    let cos = Cos::start();

    until(&sandbox, &cos.url(), "OBS-08", "fail", "up in COS is 0 for dex-auth/0");
    until(&sandbox, &cos.url(), "OBS-09", "pass", UNIT);
    cos.mend();
    until(&sandbox, &cos.url(), "OBS-08", "pass", "applications arrived");

    cos.send_logs();
    for lost in [
        "otelcol_exporter_send_failed_log_records of otlphttp/loki",
        "otelcol_exporter_enqueue_failed_log_records of otlphttp/slow",
        "queue of otlphttp/slow",
    ] {
        until(&sandbox, &cos.url(), "OBS-09", "fail", lost);
    }

    // A snapshot has it too.
    let snapshot = cos.folder.path().join("snapshot").display().to_string();
    let kubeconfig = sandbox.kubeconfig("admin").display().to_string();
    run(&["collect", "--kubeconfig", &kubeconfig, "--prometheus", &cos.url(), &snapshot]);
    let later = run(&["audit", "--from", &snapshot, "--format=json", "--fail-on=never"]);
    let later: Value = serde_json::from_slice(&later.stdout).unwrap();
    assert_eq!(verdict(&later, "OBS-08").0, "pass");
    assert_eq!(verdict(&later, "OBS-09").0, "fail");

    // The charm reads it by its option.
    let mut unit = ckf_test_support::rotation::unit(Juju::V3_6, "", |model| {
        let release: Value = serde_yaml::from_str(
            &fs::read_to_string(ckf_test_support::root().join("catalog/releases/1.11.yaml"))
                .unwrap(),
        )
        .unwrap();
        ckf_test_support::deployment::controller(&release, model)
    });
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into_os_string());
    connect(&mut unit);
    unit.set_option("prometheus-url", cos.url());
    hook(&mut unit, "config-changed");
    let outcome = unit.run(&Event::action("get-report", json!({"format": "json"})));
    assert!(outcome.committed(), "{outcome:?}");
    let report = outcome.results()["report"].as_str().unwrap().to_owned();
    let report: Value = serde_json::from_str(&report).unwrap();
    // Its model is of another UUID than these metrics say, and so nothing of it arrives.
    let (seen, reason) = verdict(&report, "OBS-08");
    assert_eq!(seen, "fail", "{reason}");
    assert!(reason.contains("up of model kubeflow in COS is missing"), "{reason}");
}

#[test]
fn prometheus_that_does_not_answer_or_is_none_is_not_assessed() {
    let sandbox = ckf_test_support::cluster(&World::hardened("1.11"));
    let cos = Cos::start();
    let nobody = format!("http://127.0.0.1:{DEAD}");
    let collector = format!("http://127.0.0.1:{}", cos.counters);
    for (url, why) in [(nobody, "unreachable"), (collector, "HTTP status 4")] {
        until(&sandbox, &url, "OBS-08", "not-assessed", why);
    }
    // Without a URL nothing is queried.
    let kubeconfig = sandbox.kubeconfig("admin").display().to_string();
    let output = run(&["audit", "--format=json", "--fail-on=never", "--kubeconfig", &kubeconfig]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (seen, reason) = verdict(&report, "OBS-08");
    assert_eq!((&*seen, &*reason), ("not-assessed", "needs the address of COS's Prometheus"));
}
