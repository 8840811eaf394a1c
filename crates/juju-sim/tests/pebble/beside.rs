//! The same requests to the simulated Pebble and to Pebble itself: status, words and form of each
//! answer are the same.

use std::io::Read as _;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use juju_sim::pebble::{Options, Pebble};
use serde_json::{Value, json};

/// Sends a request with a body of JSON, and returns status and body.
fn ask(socket: &Path, method: &str, target: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}

/// Removes what is another each time: ids, times, sizes.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let all = map.into_iter().map(|(key, value)| match key.as_str() {
                "id" | "change" | "change-id" | "prev-change-id" | "task-id" | "boot-id"
                | "http-address" => (key, json!("#")),
                "spawn-time" | "ready-time" | "current-since" | "expire-after" => (key, json!("#")),
                _ if key.ends_with("-occurred") || key.ends_with("-repeated") => (key, json!("#")),
                _ => (key, normal(value)),
            });
            Value::Object(all.collect())
        }
        Value::Array(list) => list.into_iter().map(normal).collect(),
        // Parsers of JSON and YAML have words of their own.
        Value::String(text) => {
            let parsers = ["cannot parse layer \"bad\"", "cannot decode request body"];
            let own =
                parsers.iter().find_map(|words| text.split_once(words).map(|cut| (cut.0, words)));
            own.map_or(json!(text), |(before, words)| json!(format!("{before}{words}")))
        }
        other => other,
    }
}

const LAYER: &str = r#"{"services": {"a": {"override": "replace", "command": "sleep 60", "startup": "enabled"}, "b": {"override": "replace", "command": "sleep 61", "requires": ["a"]}}, "checks": {"c": {"override": "replace", "exec": {"command": "true"}, "period": "1h"}}}"#;

fn layer(label: &str, combine: bool, layer: &str) -> String {
    let body = json!({"action": "add", "combine": combine, "label": label, "format": "yaml",
        "layer": layer});
    body.to_string()
}

/// Requests in turn; what the charm and the agent ask for, and what is refused.
fn requests() -> Vec<(&'static str, &'static str, String)> {
    let none = String::new;
    let services =
        |action: &str, names: &[&str]| json!({"action": action, "services": names}).to_string();
    let cyclic = r#"{"services": {"x": {"override": "replace", "command": "true", "before": ["y"]}, "y": {"override": "replace", "command": "true", "before": ["x"]}}}"#;
    vec![
        ("GET", "/v1/plan?format=yaml", none()),
        ("GET", "/v1/plan?format=json", none()),
        ("GET", "/v1/nothing", none()),
        ("GET", "/v1/services", none()),
        ("POST", "/v1/layers", layer("one", true, LAYER)),
        ("POST", "/v1/layers", layer("one", false, LAYER)),
        ("POST", "/v1/layers", layer("bad", true, "services: 7")),
        ("POST", "/v1/layers", layer("bad", true, "services: {x: {command: y}}")),
        ("POST", "/v1/layers", layer("bad", true, "teapots: {}")),
        ("POST", "/v1/layers", layer("cyclic", true, cyclic)),
        ("POST", "/v1/layers", r#"{"action": "remove"}"#.to_owned()),
        ("POST", "/v1/layers", "{".to_owned()),
        ("GET", "/v1/services?names=a,b", none()),
        ("GET", "/v1/services?names=nope", none()),
        ("POST", "/v1/services", services("start", &["nope"])),
        ("POST", "/v1/services", services("start", &[])),
        ("POST", "/v1/services", services("dance", &["a"])),
        ("POST", "/v1/services", services("start", &["b"])),
        ("GET", "/v1/changes/1/wait?timeout=10s", none()),
        ("GET", "/v1/services", none()),
        ("POST", "/v1/services", services("stop", &["a"])),
        ("GET", "/v1/changes/999", none()),
        ("GET", "/v1/changes/999/wait?timeout=1ms", none()),
        ("GET", "/v1/changes?select=teapots", none()),
        ("GET", "/v1/checks", none()),
        ("GET", "/v1/checks?level=teapot", none()),
        ("POST", "/v1/checks", r#"{"action": "dance", "checks": ["c"]}"#.to_owned()),
        ("GET", "/v1/health", none()),
        ("GET", "/v1/health?level=alive", none()),
        ("GET", "/v1/health?level=teapot", none()),
        (
            "POST",
            "/v1/notices",
            r#"{"action": "add", "type": "custom", "key": "nodomain"}"#.to_owned(),
        ),
        (
            "POST",
            "/v1/notices",
            r#"{"action": "add", "type": "warning", "key": "a.b/c"}"#.to_owned(),
        ),
        (
            "POST",
            "/v1/notices",
            r#"{"action": "take", "type": "custom", "key": "a.b/c"}"#.to_owned(),
        ),
        ("GET", "/v1/notices?types=custom", none()),
        ("GET", "/v1/notices/999", none()),
        ("GET", "/v1/files?action=read&path=relative", none()),
        ("GET", "/v1/files?action=list&path=/no/such/folder", none()),
        ("GET", "/v1/files?action=dance&path=/", none()),
        (
            "POST",
            "/v1/files",
            r#"{"action": "remove", "paths": [{"path": "/no/such"}]}"#.to_owned(),
        ),
        (
            "POST",
            "/v1/files",
            r#"{"action": "make-dirs", "dirs": [{"path": "relative"}]}"#.to_owned(),
        ),
        ("POST", "/v1/exec", r#"{"command": []}"#.to_owned()),
        ("POST", "/v1/exec", r#"{"command": ["/no/such/program"]}"#.to_owned()),
        ("POST", "/v1/exec", r#"{"command": ["true"], "service-context": "nope"}"#.to_owned()),
        ("POST", "/v1/signals", r#"{"signal": "SIGTEAPOT", "services": ["a"]}"#.to_owned()),
        ("POST", "/v1/signals", r#"{"signal": "SIGHUP", "services": ["nope"]}"#.to_owned()),
        ("GET", "/v1/identities", none()),
        ("GET", "/v1/system-info", none()),
        ("PUT", "/v1/services", none()),
    ]
}

#[test]
fn request_has_the_same_answer_in_pebble_1_32_1_and_simulated() {
    let directory = tempfile::tempdir().unwrap();
    let real = test_programs::pebble::Pebble::start(directory.path()).unwrap();
    let socket = directory.path().join("simulated.socket");
    let _simulated = Pebble::start(&socket, Options::default()).unwrap();
    let mut differ = Vec::new();
    for (method, target, body) in requests() {
        let answer = |socket: &Path| {
            let (status, value) = ask(socket, method, target, &body);
            (status, normal(value))
        };
        let (there, here) = (answer(real.socket()), answer(&socket));
        if there != here {
            differ.push(format!("{method} {target} {body}\n  Pebble {there:?}\n  here   {here:?}"));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
