//! A websocket in TLS whose every wait has an end.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection, StreamOwned};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

use crate::endpoint::{Address, Endpoint};
use crate::{Attempt, ConnectError, Error};

/// Longest message that is read, in bytes. The status of a model of a thousand
/// units is a few MiB.
const LONGEST_MESSAGE: usize = 32 * 1024 * 1024;

type Stream = StreamOwned<ClientConnection, Timed>;

/// A TCP stream of which each read and write ends by a deadline.
struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(left),
        }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Text messages to and from a controller.
pub(crate) struct Transport {
    socket: WebSocket<Stream>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport(..)")
    }
}

impl Transport {
    /// Connects to the first address that answers as the controller.
    pub(crate) fn open(endpoint: &Endpoint, path: &str, within: Duration) -> Result<Self, Error> {
        let deadline = Instant::now() + within;
        let tls = endpoint.tls()?;
        let addresses = endpoint.parse()?;
        let (sender, answers) = mpsc::channel();
        for address in &addresses {
            let name = endpoint.server_name(address)?;
            let (sender, tls) = (sender.clone(), Arc::clone(&tls));
            let (address, path) = (address.clone(), path.to_owned());
            // One that hangs in the resolver is left behind; its answer has no reader.
            std::thread::spawn(move || {
                let result = connect(&address, name, tls, &path, deadline);
                let _ = sender.send((address, result));
            });
        }
        drop(sender);
        let mut failed: Vec<(Address, ConnectError)> = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match answers.recv_timeout(left + Duration::from_millis(50)) {
                Ok((_, Ok(socket))) => return Ok(Self { socket }),
                Ok((address, Err(error))) => failed.push((address, error)),
                Err(_) => break,
            }
        }
        let attempts = addresses.iter().map(|address| {
            let known = failed.iter().position(|(of, _)| of == address);
            Attempt {
                address: address.to_string(),
                why: known.map_or(ConnectError::TimedOut, |at| failed.swap_remove(at).1),
            }
        });
        Err(Error::Connect(attempts.collect()))
    }

    /// Until when the next messages must be sent and received.
    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.socket.get_mut().sock.deadline = deadline;
    }

    pub(crate) fn send(&mut self, text: String) -> Result<(), tungstenite::Error> {
        self.socket.send(Message::text(text))
    }

    /// The next message of text.
    pub(crate) fn receive(&mut self) -> Result<String, tungstenite::Error> {
        loop {
            match self.socket.read()? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Binary(_) => {
                    let text = "a binary message".to_owned();
                    return Err(tungstenite::Error::Io(io::Error::other(text)));
                }
                Message::Close(frame) => {
                    let why = frame.map(|f| f.reason.to_string()).unwrap_or_default();
                    let why = if why.is_empty() { "closed".into() } else { why };
                    return Err(tungstenite::Error::Io(io::Error::new(
                        io::ErrorKind::ConnectionAborted,
                        why,
                    )));
                }
                _ => {}
            }
        }
    }

    /// Says goodbye, as far as that takes no time.
    pub(crate) fn close(&mut self) {
        self.set_deadline(Instant::now() + Duration::from_millis(200));
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }
}

fn connect(
    address: &Address,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    path: &str,
    deadline: Instant,
) -> Result<WebSocket<Stream>, ConnectError> {
    let stream = dial(address, deadline)?;
    let _ = stream.set_nodelay(true);
    let mut stream = Timed { stream, deadline };
    let wanted = name.to_str().into_owned();
    let mut session =
        ClientConnection::new(tls, name).map_err(|e| ConnectError::Tls(e.to_string()))?;
    while session.is_handshaking() {
        session.complete_io(&mut stream).map_err(|error| handshake_error(&error, &wanted))?;
    }
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let url = format!("wss://{address}{path}");
    let stream = StreamOwned::new(session, stream);
    match tungstenite::client::client_with_config(url, stream, Some(limits)) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Io(error))) => {
            Err(io_error(error))
        }
        Err(error) => Err(ConnectError::NotAnApi(error.to_string())),
    }
}

/// Connects to the first IP address of a name that accepts.
fn dial(address: &Address, deadline: Instant) -> Result<TcpStream, ConnectError> {
    let resolved = (address.host.as_str(), address.port)
        .to_socket_addrs()
        .map_err(ConnectError::Unresolved)?;
    let all: Vec<_> = resolved.collect();
    let mut last = ConnectError::Unresolved(io::ErrorKind::NotFound.into());
    for (tried, ip) in all.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        // Each of those that are left gets its share of the time.
        let share = left / u32::try_from(all.len() - tried).unwrap_or(u32::MAX);
        if share.is_zero() {
            return Err(ConnectError::TimedOut);
        }
        match TcpStream::connect_timeout(ip, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = io_error(error),
        }
    }
    Err(last)
}

fn io_error(error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ConnectError::TimedOut,
        _ => ConnectError::Io(error),
    }
}

fn handshake_error(error: &io::Error, name: &str) -> ConnectError {
    use rustls::Error as Tls;
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Tls>());
    match inner {
        Some(Tls::InvalidCertificate(fault)) => match fault {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                ConnectError::UnknownAuthority
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                ConnectError::OtherName(name.to_owned())
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => ConnectError::Expired,
            other => ConnectError::Certificate(other.to_string()),
        },
        Some(Tls::InvalidMessage(_)) => ConnectError::NotTls,
        Some(other) => ConnectError::Tls(other.to_string()),
        None => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ConnectError::TimedOut,
            kind => ConnectError::Io(io::Error::new(kind, error.to_string())),
        },
    }
}
