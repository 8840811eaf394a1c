//! A container's Pebble, as far as the charm asks: it takes files and layers, and has done
//! every change when it is asked for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What was asked: method, path, body.
type Asked = Arc<Mutex<Vec<(String, String, String)>>>;

/// A running Pebble. It ends with the process.
pub struct Pebble {
    asked: Asked,
    directory: tempfile::TempDir,
}

impl Pebble {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// One whose container's folder of the agent is this one.
    pub fn start_with(folder: Option<std::path::PathBuf>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("hardening")).unwrap();
        let listener =
            UnixListener::bind(directory.path().join("hardening/pebble.socket")).unwrap();
        let asked = Asked::default();
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own affair.
                let _ = serve(stream, &noted, folder.as_deref());
            }
        });
        Self { asked, directory }
    }

    /// Where Juju would have its containers.
    pub fn containers(&self) -> &Path {
        self.directory.path()
    }

    /// What was asked since it was looked last.
    fn take(&self) -> Vec<(String, String, String)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// Files that were pushed and layers that were added since it was looked last, by path
    /// and label.
    pub fn given(&self) -> Vec<(String, Value)> {
        let mut given = Vec::new();
        for (method, path, body) in self.take() {
            match (method.as_str(), path.as_str()) {
                ("POST", "/v1/layers") => {
                    let asked: Value = serde_json::from_str(&body).unwrap();
                    let layer = serde_json::from_str(asked["layer"].as_str().unwrap()).unwrap();
                    given.push((asked["label"].as_str().unwrap().to_owned(), layer));
                }
                ("POST", "/v1/files") => {
                    let (path, content) = pushed(&body).unwrap();
                    given.push((path, serde_json::from_str(content).unwrap()));
                }
                _ => {}
            }
        }
        given
    }
}

/// Path and content of a file that is pushed: parts, the request, then the content.
fn pushed(body: &str) -> Option<(String, &str)> {
    let parts: Vec<&str> = body.split("\r\n\r\n").collect();
    let request: Value = serde_json::from_str(parts.get(1)?.lines().next()?).ok()?;
    let path = request["files"][0]["path"].as_str()?.to_owned();
    Some((path, parts.get(2)?.rsplit_once("\r\n--")?.0))
}

fn serve(stream: UnixStream, asked: &Asked, folder: Option<&Path>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        is_chunked |= line == "transfer-encoding: chunked";
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while is_chunked {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        body.extend(&chunk[..size]);
        is_chunked = size > 0;
    }
    let bare = path.split('?').next().unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&body).into_owned();
    if let (Some(folder), "/v1/files") = (folder, bare.as_str())
        && let Some((_, content)) = pushed(&body)
    {
        std::fs::write(folder.join("told.part"), content)?;
        std::fs::rename(folder.join("told.part"), folder.join("told.json"))?;
    }
    asked
        .lock()
        .unwrap()
        .push((method.clone(), bare.clone(), body));
    let result = match (method.as_str(), bare.as_str()) {
        (_, "/v1/system-info") => json!({"version": "v1.26.0", "boot-id": "b", "http-address": ""}),
        ("POST", "/v1/files") => json!([{"path": "x"}]),
        ("POST", "/v1/notices") => json!({"id": "1"}),
        ("GET", path) if path.starts_with("/v1/changes/") => {
            json!({"id": "1", "kind": "replan", "summary": "Replan", "status": "Done", "ready": true, "tasks": []})
        }
        _ => json!(true),
    };
    let answer = match (method.as_str(), bare.as_str()) {
        ("POST", "/v1/services") => {
            json!({"type": "async", "status-code": 202, "status": "Accepted", "change": "1", "result": null})
        }
        _ => json!({"type": "sync", "status-code": 200, "status": "OK", "result": result}),
    };
    let text = answer.to_string();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}
