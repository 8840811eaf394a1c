//! What no client of the recordings asks for, as curl was recorded to be answered.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use juju_sim::pebble::{Options, Pebble, Program};
use serde_json::{Value, json};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct Container {
    pebble: Pebble,
    directory: tempfile::TempDir,
}

impl Container {
    /// A pretended one.
    fn new(programs: Vec<Program>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            root: Some(directory.path().join("root")),
            programs,
            okay_delay: Duration::from_millis(50),
        };
        let socket = directory.path().join("pebble.socket");
        let pebble = Pebble::start(&socket, options).unwrap();
        Self { pebble, directory }
    }

    /// Status and body of an answer at the socket.
    fn ask(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        let stream = UnixStream::connect(self.pebble.socket()).unwrap();
        ask(stream, method, target, "", body)
    }

    /// The same at the port, perhaps with a password.
    fn ask_port(&self, target: &str, authorization: &str) -> (u16, String) {
        let stream = std::net::TcpStream::connect(self.pebble.address()).unwrap();
        let header = match authorization {
            "" => String::new(),
            encoded => format!("Authorization: Basic {encoded}\r\n"),
        };
        ask(stream, "GET", target, &header, "")
    }

    fn get(&self, target: &str) -> Value {
        let (_, text) = self.ask("GET", target, "");
        serde_json::from_str(&text).unwrap()
    }

    fn post(&self, target: &str, body: &Value) -> Value {
        let (status, text) = self.ask("POST", target, &body.to_string());
        assert!(status < 300, "{target}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn layer(&self, layer: &Value) {
        let body = json!({"action": "add", "combine": true, "label": "test", "format": "yaml",
            "layer": layer.to_string()});
        self.post("/v1/layers", &body);
    }

    /// Replans, and returns the change when it is ready.
    fn replan(&self) -> Value {
        let change = self.post("/v1/services", &json!({"action": "replan"}));
        let id = change["change"].as_str().unwrap();
        self.get(&format!("/v1/changes/{id}/wait?timeout=20s"))["result"].clone()
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < PATIENCE, "{what} did not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn ask(
    mut stream: impl std::io::Read + Write,
    method: &str,
    target: &str,
    header: &str,
    body: &str,
) -> (u16, String) {
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

fn refusal(status: u16, reason: &str, message: &str) -> Value {
    json!({"type": "error", "status-code": status, "status": reason, "result": {"message": message}})
}

fn denied() -> Value {
    let mut denied = refusal(401, "Unauthorized", "access denied");
    denied["result"]["kind"] = "login-required".into();
    denied
}

#[test]
fn invalid_request_is_refused_in_pebble_words() {
    let container = Container::new(Vec::new());
    for (method, target, body, status, reason, message) in [
        (
            "POST",
            "/v1/services",
            r#"{"action":"nope"}"#,
            400,
            "Bad Request",
            "must specify services for nope action",
        ),
        ("GET", "/v1/nope", "", 404, "Not Found", "invalid API endpoint requested"),
        ("DELETE", "/v1/services", "", 405, "Method Not Allowed", "method \"DELETE\" not allowed"),
    ] {
        let (came, text) = container.ask(method, target, body);
        let text: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((came, text), (status, refusal(status, reason, message)));
    }
    let (status, text) = container.ask("POST", "/v1/services", "not json");
    assert!(status == 400 && text.contains("cannot decode data from request body: "), "{text}");
}

#[test]
fn port_serves_health_and_nothing_else() {
    let container = Container::new(Vec::new());
    for (target, key) in [("/v1/system-info", "version"), ("/v1/health", "healthy")] {
        let (status, text) = container.ask_port(target, "");
        assert!(status == 200 && text.contains(key), "{target}: {text}");
    }
    for topic in ["plan", "services", "metrics", "checks", "notices", "files"] {
        let (status, text) = container.ask_port(&format!("/v1/{topic}"), "");
        let text: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, text), (401, denied()), "{topic}");
    }
}

#[test]
fn identity_password_reads_metrics() {
    let container = Container::new(Vec::new());
    container.layer(&json!({"services": {"web": {"override": "replace", "command": "web",
        "startup": "enabled"}}}));
    assert_eq!(container.replan()["status"], "Done");
    // The hash of `secret`.
    let hash = "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.";
    let identities = json!({"prom": {"access": "metrics", "basic": {"password": hash}}});
    let body = json!({"action": "replace", "identities": identities});
    let answer = container.post("/v1/identities", &body);
    assert_eq!(answer, json!({"type": "sync", "status-code": 200, "status": "OK"}));
    let (status, text) = container.ask_port("/v1/metrics", "cHJvbTpzZWNyZXQ=");
    let recorded = "# HELP pebble_service_active Whether the service is currently active (1) or not (0)\n\
        # TYPE pebble_service_active gauge\n\
        pebble_service_active{service=\"web\"} 1\n\n\
        # HELP pebble_service_start_count Number of times the service has started\n\
        # TYPE pebble_service_start_count counter\n\
        pebble_service_start_count{service=\"web\"} 1\n\n";
    assert_eq!((status, text.as_str()), (200, recorded));
    let (status, text) = container.ask_port("/v1/metrics", "cHJvbTp3cm9uZw==");
    let text: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, text), (401, denied()));
    let (status, _) = container.ask_port("/v1/services", "cHJvbTpzZWNyZXQ=");
    assert_eq!(status, 401, "metrics is all that it may read");
}

#[test]
fn health_is_that_of_the_checks_of_a_level() {
    let container = Container::new(Vec::new());
    let check = |level: &str, url: &str| {
        json!({"override": "replace", "level": level, "period": "20ms", "threshold": 2,
            "http": {"url": url}})
    };
    let up = format!("http://{}/v1/health?names=none", container.pebble.address());
    container.layer(&json!({"checks": {
        "bad": check("ready", "http://127.0.0.1:1/"),
        "good": check("alive", &up),
    }}));
    container.until("the failure", || container.ask("GET", "/v1/health?level=ready", "").0 == 502);
    let sick = json!({"type": "sync", "status-code": 502, "status": "Bad Gateway",
        "result": {"healthy": false}});
    assert_eq!(container.get("/v1/health"), sick);
    assert_eq!(container.ask("GET", "/v1/health?level=alive", "").0, 200);
    let refreshed = container.post("/v1/checks/refresh", &json!({"name": "bad"}));
    assert_eq!(
        refreshed["result"]["error"],
        "Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused"
    );
    assert_eq!(refreshed["result"]["info"]["status"], "down");
}

#[test]
fn wait_without_notice_times_out() {
    let container = Container::new(Vec::new());
    container.layer(&json!({"checks": {"slow": {"override": "replace", "period": "1h",
        "tcp": {"port": 1}}}}));
    let (status, text) = container.ask("GET", "/v1/changes/1/wait?timeout=200ms", "");
    let text: Value = serde_json::from_str(&text).unwrap();
    let message = "timed out waiting for change after 200ms";
    assert_eq!((status, text), (504, refusal(504, "Gateway Timeout", message)));
    let target = "/v1/notices?users=all&types=custom&timeout=200ms&after=2030-01-01T00:00:00Z";
    assert_eq!(container.get(target)["result"], json!([]));
}

#[test]
fn waiting_client_gets_the_notice_at_once() {
    let container = Container::new(Vec::new());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| container.get("/v1/notices?types=custom&timeout=20s"));
        std::thread::sleep(Duration::from_millis(100));
        let notice = json!({"action": "add", "type": "custom", "key": "example.com/now"});
        container.post("/v1/notices", &notice);
        let notices = waiting.join().unwrap();
        assert_eq!(notices["result"][0]["key"], "example.com/now");
    });
}

#[test]
fn service_runs_and_restarts_by_its_layer() {
    let container = Container::new(vec![
        Program::new(&["/bin/once"]).ends(0).prints("did it\n"),
        Program::new(&["/bin/fails"]).ends(3).complains("it broke\n"),
    ]);
    container.layer(&json!({"services": {
        "fails": {"override": "replace", "command": "/bin/fails now", "on-failure": "ignore"},
        "goes": {"override": "replace", "command": "/bin/goes", "startup": "enabled",
            "after": ["needed"], "requires": ["needed"]},
        "needed": {"override": "replace", "command": "/bin/needed"},
        "once": {"override": "replace", "command": "/bin/once", "on-success": "ignore"},
    }}));
    let change = container.replan();
    assert_eq!(change["summary"], "Replan service \"goes\" and 1 more");
    let tasks: Vec<&Value> =
        change["tasks"].as_array().unwrap().iter().map(|task| &task["summary"]).collect();
    assert_eq!(tasks, ["Start service \"needed\"", "Start service \"goes\""]);
    // What has not changed is left alone, what has is started again.
    let since = |name: &str| {
        let services = container.get(&format!("/v1/services?names={name}"));
        services["result"][0]["current-since"].clone()
    };
    let before = (since("goes"), since("needed"));
    container.layer(&json!({"services": {"goes": {"override": "merge",
        "environment": {"MORE": 1}}}}));
    let change = container.replan();
    assert_eq!(change["tasks"][0]["summary"], "Stop service \"goes\"");
    let after = (since("goes"), since("needed"));
    assert!(after.0 != before.0 && after.1 == before.1, "{after:?}");
    assert_eq!(container.pebble.plan()["services"]["goes"]["environment"], json!({"MORE": "1"}));

    let body = json!({"action": "start", "services": ["fails"]});
    let id = container.post("/v1/services", &body)["change"].clone();
    let target = format!("/v1/changes/{}/wait", id.as_str().unwrap());
    let failed = container.get(&target)["result"].clone();
    assert_eq!(failed["status"], "Error");
    let log = failed["tasks"][0]["log"].to_string();
    assert!(log.contains("    it broke") && log.contains("exited quickly with code 3\""), "{log}");
    assert_eq!(container.pebble.services()["fails"], "error");

    // Who requires it goes with it.
    let body = json!({"action": "stop", "services": ["needed"]});
    let id = container.post("/v1/services", &body)["change"].clone();
    container.get(&format!("/v1/changes/{}/wait", id.as_str().unwrap()));
    let services = container.pebble.services();
    assert_eq!((services["goes"], services["needed"]), ("inactive", "inactive"));

    let body = json!({"action": "start", "services": ["once"]});
    container.post("/v1/services", &body);
    container.until("its output", || {
        let (_, text) = container.ask("GET", "/v1/logs?n=2&services=once", "");
        let line: Value = serde_json::from_str(&text).unwrap_or_default();
        line["message"] == "did it" && line["service"] == "once" && line["time"].is_string()
    });
}

#[test]
fn files_of_a_pretended_container_lie_below_its_root() {
    let container = Container::new(Vec::new());
    container.pebble.write_file("/etc/app/x.conf", b"a = 1\n").unwrap();
    let listed = container.get("/v1/files?action=list&path=%2Fetc%2Fapp");
    assert_eq!(listed["result"][0]["path"], "/etc/app/x.conf");
    let under = Path::new("root/etc/app/x.conf");
    let host = container.directory.path().join(under);
    assert_eq!(std::fs::read(host).unwrap(), b"a = 1\n");
    let missing = json!({"action": "remove", "paths": [{"path": "/etc/none"}]});
    let answer = container.post("/v1/files", &missing);
    assert_eq!(
        answer["result"][0]["error"],
        json!({"message": "remove /etc/none: no such file or directory", "kind": "not-found"})
    );
    let relative = json!({"action": "make-dirs", "dirs": [{"path": "etc"}]});
    let answer = container.post("/v1/files", &relative);
    assert_eq!(answer["result"][0]["error"]["kind"], "generic-file-error");
}

#[test]
fn service_output_reaches_loki_as_recorded() {
    let loki = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = loki.local_addr().unwrap();
    let container = Container::new(vec![
        Program::new(&["/bin/web"]).prints("hello-from-web\n"),
        Program::new(&["/bin/quiet"]).prints("not for loki\n"),
    ]);
    container.layer(&json!({
        "services": {
            "web": {"override": "replace", "command": "/bin/web", "startup": "enabled",
                "environment": {"PORT": "8080"}},
            "quiet": {"override": "replace", "command": "/bin/quiet", "startup": "enabled"},
        },
        "log-targets": {"loki": {"override": "replace", "type": "loki",
            "location": format!("http://{address}/loki/api/v1/push"), "services": ["all", "-quiet"],
            "labels": {"juju_model": "m1", "juju_unit": "app/0", "port": "$PORT"}}},
    }));
    container.replan();
    let (stream, _) = loki.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = number.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(&stream, "HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /loki/api/v1/push HTTP/1.1\r\n"), "{head}");
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    let time = body["streams"][0]["values"][0][0].take();
    assert!(time.as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000_000_000_000);
    assert_eq!(
        body,
        json!({"streams": [{"stream": {"juju_model": "m1", "juju_unit": "app/0",
            "pebble_service": "web", "port": "8080"}, "values": [[null, "hello-from-web"]]}]})
    );
}

#[test]
fn unsimulated_feature_is_refused_by_name() {
    let container = Container::new(vec![Program::new(&["top"])]);
    let body = json!({"command": ["top"], "terminal": true}).to_string();
    let (status, text) = container.ask("POST", "/v1/exec", &body);
    assert!(status == 501 && text.contains("a terminal is not simulated"), "{text}");
    assert_eq!(container.ask("GET", "/v1/logs?follow=true", "").0, 501);
}

#[test]
fn stopped_pebble_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("pebble.socket");
    let mark = directory.path().join("process");
    let pebble = Pebble::start(&socket, Options::default()).unwrap();
    let container = Container { pebble, directory };
    let command = format!("/bin/sh -c \"echo $$ > {}; sleep 600\"", mark.display());
    container.layer(&json!({"services": {"web": {"override": "replace", "command": command,
        "startup": "enabled"}}}));
    container.post("/v1/services", &json!({"action": "replan"}));
    container
        .until("the process", || std::fs::read_to_string(&mark).is_ok_and(|t| t.ends_with('\n')));
    let process = std::fs::read_to_string(&mark).unwrap();
    let proc = Path::new("/proc").join(process.trim());
    assert!(proc.exists());
    drop(container.pebble);
    assert!(!socket.exists());
    let started = Instant::now();
    // A process that is dead and not yet reaped has no command line.
    while std::fs::read(proc.join("cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(started.elapsed() < PATIENCE, "process {process} goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}
