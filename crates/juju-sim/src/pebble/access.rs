//! Who may ask what: root, the user that Pebble runs as, and identities.

use axum::extract::connect_info::Connected;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::IncomingStream;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use nix::unistd::getuid;
use tokio::net::{TcpListener, UnixListener};

use super::answer::{Answer, Refusal};
use super::records::identity::Access;
use super::state::{App, State as Pebble};

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer {
    /// A user of this machine, at the socket.
    User(u32),
    /// A client at the port.
    Network,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        match stream.io().peer_cred() {
            Ok(credentials) => Self::User(credentials.uid()),
            Err(_) => Self::Network,
        }
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        Self::Network
    }
}

impl Peer {
    /// The user; none at the port.
    pub(super) fn user(self) -> Option<u32> {
        match self {
            Self::User(user) => Some(user),
            Self::Network => None,
        }
    }
}

/// Lets through who may.
pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Answer {
    let needed = needed(request.method(), request.uri().path());
    let peer = peer(&request);
    let password = basic(&request);
    let has = app.lock().access(peer, password.as_ref());
    if has < needed {
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "access denied");
        return Err(refusal.of_kind("login-required"));
    }
    Ok::<Response, _>(next.run(request).await)
}

/// Who asks.
pub(super) fn peer(request: &Request) -> Peer {
    let info = request.extensions().get::<axum::extract::ConnectInfo<Peer>>();
    info.map_or(Peer::Network, |info| info.0)
}

/// What a request needs.
fn needed(method: &Method, path: &str) -> Access {
    let topic = path.trim_start_matches("/v1/").split('/').next().unwrap_or("");
    match (method, topic) {
        (&Method::GET, "system-info" | "health") => Access::Untrusted,
        (&Method::GET, "metrics") => Access::Metrics,
        (&Method::GET, "services" | "checks" | "changes" | "identities" | "logs") => Access::Read,
        (_, "notices") => Access::Read,
        _ => Access::Admin,
    }
}

impl Pebble {
    /// What a client may, perhaps with a name and a password.
    pub(super) fn access(&self, peer: Peer, password: Option<&(String, String)>) -> Access {
        match (peer, password) {
            (Peer::User(user), _) if user == 0 || user == getuid().as_raw() => Access::Admin,
            (Peer::User(user), _) => self
                .identities
                .of_user(user)
                // Every client that reaches the socket may read.
                .unwrap_or(Access::Read),
            (Peer::Network, Some((name, password))) => {
                self.identities.of_password(name, password).unwrap_or(Access::Untrusted)
            }
            (Peer::Network, None) => Access::Untrusted,
        }
    }
}

/// Name and password of a request.
fn basic(request: &Request) -> Option<(String, String)> {
    let header = request.headers().get(header::AUTHORIZATION)?;
    let encoded = header.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::{Peer, needed};
    use crate::pebble::Options;
    use crate::pebble::records::identity::Access;
    use crate::pebble::state::Shared;

    /// As recorded of `nobody` at the socket, and of root.
    #[test]
    fn foreign_user_reads_and_changes_nothing() {
        let app = Shared::new(Options::default(), ([127, 0, 0, 1], 0).into(), None);
        let nobody = app.lock().access(Peer::User(65_534), None);
        for (method, path, may) in [
            (Method::GET, "/v1/system-info", true),
            (Method::GET, "/v1/services", true),
            (Method::GET, "/v1/identities", true),
            (Method::GET, "/v1/notices", true),
            (Method::POST, "/v1/notices", true),
            (Method::GET, "/v1/plan", false),
            (Method::GET, "/v1/files", false),
            (Method::POST, "/v1/services", false),
            (Method::POST, "/v1/exec", false),
            (Method::GET, "/v1/tasks/1/websocket/control", false),
        ] {
            assert_eq!(nobody >= needed(&method, path), may, "{method} {path}");
        }
        assert_eq!(app.lock().access(Peer::User(0), None), Access::Admin);
    }
}
