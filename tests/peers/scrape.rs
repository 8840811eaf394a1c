//! A real Prometheus scrapes two units by their databags, each at its own address, with
//! `metrics-endpoint` alone.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use juju_sim::{Event, Relation};
use serde_json::{Value, json};

use crate::libraries::unit;

/// Longest wait for Prometheus.
const PATIENCE: Duration = Duration::from_secs(60);
/// Addresses of the pods of two units.
const PODS: [&str; 2] = ["127.90.25.1", "127.90.25.2"];

/// A process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers every scrape at a pod's address with the pod's own number; returns the port.
fn pod(address: &str, number: usize, port: u16) -> u16 {
    let listener = TcpListener::bind((address, port)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let body = format!("pod_number {number}\n");
            // A scrape that is given up is tried again.
            let _ = stream.read(&mut request);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    port
}

/// Databags of the application and of both units.
fn databags() -> (Value, Vec<Value>) {
    let mut application = Value::Null;
    let units = PODS.iter().enumerate().map(|(number, address)| {
        let mut unit = unit();
        unit.set_option("offline", true);
        let relation = Relation::new(11, "metrics-endpoint", "prometheus", 1);
        unit.change(|model| {
            model.unit = format!("ckf-hardening/{number}");
            model.leader = number == 0;
            model.addresses.pod = (*address).to_owned();
            model.relations.push(relation.clone());
        });
        let outcome = unit.run(&Event::relation(&relation, "created", None));
        assert!(outcome.committed(), "{outcome:?}");
        let model = unit.model();
        assert!(!model.ports.is_empty(), "the port is open");
        let relation = model.relation(11).unwrap();
        if number == 0 {
            application = json!(relation.application_data);
        }
        json!(relation.unit_data)
    });
    let units = units.collect();
    (application, units)
}

/// Scrape configuration as `prometheus_scrape.py` v0.61 of prometheus-k8s, 432c227, makes it: a
/// target `*:PORT` becomes one of each unit, with the labels of the topology.
fn configuration(application: &Value, units: &[Value], port: u16) -> Value {
    let read =
        |key: &str| -> Value { serde_json::from_str(application[key].as_str().unwrap()).unwrap() };
    let (jobs, metadata) = (read("scrape_jobs"), read("scrape_metadata"));
    let job = &jobs[0];
    assert_eq!(job["static_configs"][0]["targets"], json!(["*:8090"]));
    let targets: Vec<Value> = units
        .iter()
        .map(|unit| {
            let address = unit["prometheus_scrape_unit_address"].as_str().unwrap();
            // The pods of this test listen at a free port.
            json!({"targets": [format!("{address}:{port}")], "labels": {
                "juju_model": metadata["model"],
                "juju_model_uuid": metadata["model_uuid"],
                "juju_application": metadata["application"],
                "juju_unit": unit["prometheus_scrape_unit_name"],
            }})
        })
        .collect();
    json!({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": job["job_name"], "metrics_path": job["metrics_path"],
            "static_configs": targets}],
    })
}

/// The numbers that Prometheus has, by unit.
fn scraped(port: u16) -> Option<Vec<(String, String)>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET /api/v1/query?query=pod_number HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let answer: Value = serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()?;
    let series = answer["data"]["result"].as_array()?.iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> =
        series.map(|one| (text(&one["metric"]["juju_unit"]), text(&one["value"][1]))).collect();
    all.sort();
    Some(all)
}

#[test]
fn two_units_are_two_targets_that_answer_for_themselves() {
    let (application, units) = databags();
    let pods = pod(PODS[0], 0, 0);
    pod(PODS[1], 1, pods);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("prometheus.yml");
    fs::write(&file, configuration(&application, &units, pods).to_string()).unwrap();
    let port = kube_sandbox::free_port().unwrap();
    let _prometheus = Server(
        Command::new(test_programs::debian::program("prometheus", "prometheus").unwrap())
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap(),
    );
    let started = Instant::now();
    let wanted = [0, 1].map(|number| (format!("ckf-hardening/{number}"), number.to_string()));
    while scraped(port).is_none_or(|found| found != wanted) {
        assert!(started.elapsed() < PATIENCE, "{:?}", scraped(port));
        std::thread::sleep(Duration::from_millis(100));
    }
}
