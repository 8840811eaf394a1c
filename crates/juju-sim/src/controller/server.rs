//! The wire: websockets in TLS, and their faults.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tungstenite::handshake::server::{ErrorResponse, Request as Opening, Response};
use tungstenite::{Message, WebSocket};

use super::caller::{About, Caller};
use super::connection::Request;
use super::shared::{Shared, Wire, lock};
use crate::fault::{Absence, Interruption};

/// How long a slow call takes.
const SLOW: Duration = Duration::from_millis(500);

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// Listens until the process ends; returns the address.
pub(super) fn listen(
    tls: Arc<ServerConfig>,
    authority: String,
    shared: Arc<Mutex<Shared>>,
) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let listening = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (tls, shared) = (tls.clone(), shared.clone());
            let (address, authority) = (address.clone(), authority.clone());
            std::thread::spawn(move || {
                let about = About { address: &address, authority: &authority };
                // A client that goes is no fault.
                let _ = serve(stream, tls, &about, &shared);
            });
        }
    });
    Ok(listening)
}

fn serve(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    about: &About<'_>,
    shared: &Mutex<Shared>,
) -> anyhow::Result<()> {
    if lock(shared).wire == Wire::Silent {
        std::thread::sleep(Duration::from_secs(60));
        return Ok(());
    }
    stream.set_nodelay(true)?;
    let stream = StreamOwned::new(ServerConnection::new(tls)?, stream);
    let mut path = String::new();
    #[allow(clippy::result_large_err, reason = "tungstenite's own type")]
    let opened = |opening: &Opening, response: Response| {
        opening.uri().path().clone_into(&mut path);
        let known = path == "/api" || path.starts_with("/model/") && path.ends_with("/api");
        match known {
            true => Ok(response),
            false => {
                let mut refused = ErrorResponse::new(None);
                *refused.status_mut() = tungstenite::http::StatusCode::NOT_FOUND;
                Err(refused)
            }
        }
    };
    let mut socket = tungstenite::accept_hdr(stream, opened)
        .map_err(|error| anyhow::anyhow!("no websocket: {error}"))?;
    let model = path.strip_prefix("/model/").and_then(|rest| rest.strip_suffix("/api"));
    let mut caller = Caller::new(model.map(str::to_owned));
    loop {
        let text = match socket.read()? {
            Message::Text(text) => text,
            Message::Close(_) => return Ok(()),
            _ => continue,
        };
        let Some(request) = Request::parse(&text) else {
            socket.close(None)?;
            // Until the other side has closed too.
            while socket.read().is_ok() {}
            return Ok(());
        };
        let name = request.name();
        let absence = lock(shared).link.as_ref().and_then(|link| link.absence(&name));
        if absence == Some(Absence::Slow) {
            std::thread::sleep(SLOW);
        }
        let Some(answer) = answer(shared, about, &mut caller, &request, absence) else {
            return Ok(());
        };
        let wire = lock(shared).wire;
        say(&mut socket, wire, &answer)?;
    }
}

/// The answer to a request, by the faults that are set; `None` if the connection ends.
fn answer(
    shared: &Mutex<Shared>,
    about: &About<'_>,
    caller: &mut Caller,
    request: &Request,
    absence: Option<Absence>,
) -> Option<Value> {
    let is_logged_in = !caller.user.is_empty();
    let mut shared = lock(shared);
    let interruption = shared.link.as_ref().and_then(|link| link.interruption(&request.name()));
    match interruption {
        Some(Interruption::KillBefore) => {
            shared.kill();
            return None;
        }
        Some(Interruption::Refuse) => return Some(request.refusal("try again", "try again")),
        Some(Interruption::KillAfter) => {
            caller.answer(&mut shared.state, about, request);
            shared.kill();
            return None;
        }
        // As by a controller that is restarted.
        Some(Interruption::Lose) => {
            caller.answer(&mut shared.state, about, request);
            return None;
        }
        None if absence == Some(Absence::Disconnected) => return None,
        None => {}
    }
    match (absence.and_then(Absence::refusal), shared.wire) {
        (Some((message, code)), _) => Some(request.refusal(message, code)),
        (_, Wire::Redirect) => Some(redirect(request)),
        (_, Wire::Busy) => Some(request.refusal("try again", "try again")),
        (_, Wire::Close) if is_logged_in => None,
        (_, Wire::SilentAfterLogin) if is_logged_in => {
            drop(shared);
            std::thread::sleep(Duration::from_secs(60));
            None
        }
        _ => Some(caller.answer(&mut shared.state, about, request)),
    }
}

impl Shared {
    fn kill(&self) {
        if let Some(link) = &self.link {
            link.kill();
        }
    }
}

fn redirect(request: &Request) -> Value {
    let mut answer = request.refusal("redirection required", "redirection required");
    let server = json!({"value": "198.51.100.7", "type": "ipv4", "scope": "public", "port": 17070});
    answer["error-info"] = json!({"servers": [[server]], "ca-cert": "", "controller-tag": ""});
    answer
}

fn say(socket: &mut WebSocket<Stream>, wire: Wire, answer: &Value) -> anyhow::Result<()> {
    let text = match wire {
        Wire::Garbage => "\u{1}not json".to_owned(),
        Wire::Giant => format!("{{\"request-id\":1,\"error\":\"{}\"}}", "x".repeat(100_000_000)),
        Wire::OtherTypes => {
            let id = &answer["request-id"];
            format!(
                "{{\"request-id\":{id},\"response\":{{\"results\":7,\"facades\":\"all\",\"user-info\":[]}}}}"
            )
        }
        Wire::Trickle => {
            for byte in [0x81_u8, 0x7e, 0x40, 0x00].iter().chain([b' '; 64].iter()) {
                socket.get_mut().write_all(&[*byte])?;
                socket.get_mut().flush()?;
                std::thread::sleep(Duration::from_millis(300));
            }
            return Ok(());
        }
        _ => answer.to_string(),
    };
    Ok(socket.send(Message::text(text))?)
}
