//! Plays Pebble's side of a recording on a unix socket.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use juju_charm::pebble::Client;
use serde::Deserialize;
use serde_json::Value;
use tiny_http::{Header, Request, Response, Server, StatusCode};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// What every file holds here.
pub const FILE: &[u8] = b"\x00\x01\r\n--\r\nhello \xc3\xa9\xff";

#[derive(Deserialize)]
pub struct Recorded {
    pub name: String,
    pub summary: String,
    pub exchanges: Vec<Exchange>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exchange {
    method: String,
    target: String,
    pub body: Option<Value>,
    /// The request in a body of several parts.
    parts: Option<Value>,
    status: u16,
    answer: Option<Value>,
    /// The last part of an answer of several.
    response: Option<Value>,
    #[serde(default)]
    from_client: Vec<(String, String)>,
    #[serde(default)]
    from_pebble: Vec<(String, String)>,
}

pub fn recordings() -> Vec<Recorded> {
    serde_json::from_str(include_str!("../../../juju-sim/tests/recordings/pebble.json")).unwrap()
}

/// Serves the recorded exchanges, so many times, and returns what the client made
/// of them. Each must be asked for.
pub fn play<T>(recorded: &Recorded, repeats: usize, call: impl FnOnce(&Client) -> T) -> T {
    let exchanges: Vec<Exchange> =
        std::iter::repeat_n(&recorded.exchanges, repeats).flatten().cloned().collect();
    let left = Arc::new(Mutex::new(exchanges));
    let expected = left.clone();
    let name = recorded.name.clone();
    let result = serve(
        move |request| {
            let mut request = request;
            let Some(exchange) = take(&mut request, &expected) else {
                let (method, url) = (request.method(), request.url());
                panic!("{name}: no recording asks {method} {url}");
            };
            answer_recorded(request, &exchange);
        },
        call,
    );
    let left = left.lock().unwrap();
    let left: Vec<&String> = left.iter().map(|exchange| &exchange.target).collect();
    assert!(left.is_empty(), "{}: never asked: {left:?}", recorded.name);
    result
}

/// Serves one answer, whatever is asked.
pub fn answer<T>(text: &str, call: impl FnOnce(&Client) -> T) -> T {
    let text = text.to_owned();
    let respond = move |request: Request| {
        request.respond(Response::from_string(text.clone())).unwrap();
    };
    serve(respond, call)
}

/// Serves a command that prints its input, as `cat` does.
pub fn echo<T>(call: impl FnOnce(&Client) -> T) -> T {
    let json = |request: Request, code: u16, text: &str| {
        let response = Response::from_string(text).with_status_code(StatusCode(code));
        request.respond(response).unwrap();
    };
    let respond = move |request: Request| match request.url().rsplit('/').next() {
        Some("exec") => {
            json(request, 202, r#"{"type":"async","change":"1","result":{"task-id":"2"}}"#)
        }
        Some("stdio") => {
            let mut socket = upgrade(request);
            while let Ok(message) = socket.read() {
                let last = message.is_text();
                if socket.send(message).is_err() || last {
                    break;
                }
            }
            while socket.read().is_ok() {}
        }
        Some("control") => {
            let mut socket = upgrade(request);
            while socket.read().is_ok() {}
        }
        _ => json(
            request,
            200,
            r#"{"type":"sync","result":{"id":"1","kind":"exec","summary":"","status":"Done","ready":true,
            "tasks":[{"id":"2","kind":"exec","summary":"","status":"Done","data":{"exit-code":0}}]}}"#,
        ),
    };
    serve(respond, call)
}

fn serve<T>(
    respond: impl Fn(Request) + Send + Sync + 'static,
    call: impl FnOnce(&Client) -> T,
) -> T {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pebble.socket");
    let server = Arc::new(Server::http_unix(&path).unwrap());
    let (serving, respond) = (server.clone(), Arc::new(respond));
    let thread = std::thread::spawn(move || {
        let mut answers = Vec::new();
        for request in serving.incoming_requests() {
            let respond = respond.clone();
            // A websocket stays open while others are asked for.
            answers.push(std::thread::spawn(move || respond(request)));
        }
        for answer in answers {
            answer.join().expect("the request was as recorded");
        }
    });
    let result = call(&Client::at(&path));
    server.unblock();
    thread.join().expect("every request was as recorded");
    result
}

/// The exchange of a request, if it is as recorded.
fn take(request: &mut Request, expected: &Mutex<Vec<Exchange>>) -> Option<Exchange> {
    let mut body = Vec::new();
    // A websocket has no end before the client goes.
    if request.method().to_string() == "POST" {
        request.as_reader().read_to_end(&mut body).unwrap();
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    let mut expected = expected.lock().unwrap();
    let same = |exchange: &Exchange| {
        exchange.method == request.method().to_string()
            && query(&exchange.target) == query(request.url())
            && is_body(exchange, &body)
    };
    let index = expected.iter().position(same)?;
    Some(expected.remove(index))
}

/// A path and its parameters in any order. How long a client waits is its own affair.
fn query(target: &str) -> Vec<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let waits = path.ends_with("/wait");
    let mut parts: Vec<String> = query
        .split('&')
        .filter(|part| !part.is_empty())
        .filter(|part| !waits || !part.starts_with("timeout="))
        // Whether a letter is encoded that need not be is no difference.
        .map(|part| part.replace("%2A", "*").replace("%2F", "/"))
        .collect();
    parts.sort();
    parts.insert(0, path.to_owned());
    // The recordings have every path below their own folder cut short.
    if path == "/v1/files" {
        parts.retain(|part| !part.starts_with("path="));
    }
    parts
}

fn is_body(exchange: &Exchange, body: &str) -> bool {
    let meant = |value: &Value| {
        let mut value = value.clone();
        normalise(&mut value);
        value
    };
    match (&exchange.body, &exchange.parts) {
        (Some(recorded), _) => {
            serde_json::from_str::<Value>(body).is_ok_and(|sent| meant(&sent) == meant(recorded))
        }
        (None, Some(recorded)) => {
            let json = body.lines().find(|line| line.starts_with('{'));
            let sent = json.and_then(|json| serde_json::from_str::<Value>(json).ok());
            sent.is_some_and(|sent| meant(&sent) == meant(recorded))
        }
        (None, None) => body.is_empty(),
    }
}

/// Without what is not said, what was cut short, and what only `ops` can ask for.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let removes = map.get("action").is_some_and(|action| action == "remove");
            map.retain(|key, v| removes || (!v.is_null() && key != "path" && key != "bob"));
            if !removes {
                map.values_mut().for_each(normalise);
            }
            if let Some(paths) = map.get_mut("paths") {
                normalise(paths);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(normalise),
        _ => {}
    }
}

fn answer_recorded(request: Request, exchange: &Exchange) {
    if exchange.status == 101 {
        return websocket(request, exchange);
    }
    let (content_type, body) = match (&exchange.answer, &exchange.response) {
        (Some(answer), _) => ("application/json", answer.to_string().into_bytes()),
        (None, Some(response)) => ("multipart/form-data; boundary=b0und", parts(response)),
        (None, None) => panic!("a recording without an answer"),
    };
    let header = Header::from_bytes("Content-Type", content_type).unwrap();
    let response =
        Response::from_data(body).with_status_code(StatusCode(exchange.status)).with_header(header);
    request.respond(response).unwrap();
}

fn parts(response: &Value) -> Vec<u8> {
    let has_failed = response["result"][0].get("error").is_some();
    let mut body = Vec::new();
    if !has_failed {
        body.extend_from_slice(
            b"--b0und\r\nContent-Disposition: form-data; name=\"files\"; filename=\"/scratch\"\r\n\
              Content-Type: application/octet-stream\r\n\r\n",
        );
        body.extend_from_slice(FILE);
        body.extend_from_slice(b"\r\n");
    }
    let last = format!(
        "--b0und\r\nContent-Disposition: form-data; name=\"response\"\r\n\
         Content-Type: application/json\r\n\r\n{response}\n\r\n--b0und--\r\n"
    );
    body.extend_from_slice(last.as_bytes());
    body
}

fn websocket(request: Request, exchange: &Exchange) {
    let mut socket = upgrade(request);
    for (_, text) in &exchange.from_client {
        let sent = socket.read().unwrap().into_text().unwrap();
        match serde_json::from_str::<Value>(text) {
            Ok(json) => assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), json),
            Err(_) => assert_eq!(sent.as_str(), text),
        }
    }
    for (kind, text) in &exchange.from_pebble {
        let message = match kind.as_str() {
            "binary" => Message::binary(text.clone().into_bytes()),
            _ => Message::text(text.clone()),
        };
        socket.send(message).unwrap();
    }
    // Until the client goes.
    while socket.read().is_ok() {}
}

fn upgrade(request: Request) -> WebSocket<Box<dyn tiny_http::ReadWrite + Send>> {
    let key = request
        .headers()
        .iter()
        .find(|header| header.field.equiv("Sec-WebSocket-Key"))
        .map(|header| header.value.to_string())
        .expect("a websocket has a key");
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let header = Header::from_bytes("Sec-WebSocket-Accept", accept).unwrap();
    let response = Response::empty(StatusCode(101)).with_header(header);
    let mut stream = request.upgrade("websocket", response);
    stream.flush().unwrap();
    WebSocket::from_raw_socket(stream, Role::Server, None)
}
