//! A TLS client that records what a server offers, and trusts nothing.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, Stream};

use ckf_model::handshake::{Clear, Seen};

use super::hello;
use super::target::Target;
use crate::facts::certificate::{Certificate, CertificateError};
use crate::tls::{self, TlsVersion};

/// Timeout of a connection, a read and a write.
const WITHIN: Duration = Duration::from_secs(3);
/// Largest accepted head of an HTTP response, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// Largest number of plain HTTP redirects to follow.
const MAX_REDIRECTS: usize = 3;

/// Errors of a handshake.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// No connection, or it broke off.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// The TLS library refused.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// The host is not valid in a ClientHello.
    #[error(transparent)]
    ServerName(#[from] InvalidDnsNameError),
    /// The chain cannot be verified.
    #[error(transparent)]
    Verifier(#[from] VerifierBuilderError),
    /// The server sent an invalid certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The handshake ended without a version.
    #[error("no TLS version was negotiated")]
    NoVersion,
}

pub struct Client<'a> {
    target: &'a Target,
    host: Option<&'a str>,
    deadline: Instant,
}

impl<'a> Client<'a> {
    pub fn new(target: &'a Target, host: Option<&'a str>, deadline: Instant) -> Self {
        Self { target, host, deadline }
    }

    /// Observes what the server offers to modern, old and weak clients, and to plain HTTP.
    pub fn observe(&self) -> Result<Seen, HandshakeError> {
        // Fail early if the server is unreachable.
        self.connect(self.target.https)?;
        let both = self.handshake(&[&rustls::version::TLS13, &rustls::version::TLS12]);
        let mut seen = Seen {
            at: format!("{}:{}", self.target.address, self.target.https),
            host: self.host.map(str::to_owned),
            agreed: None,
            chain: Vec::new(),
            broken_chain: None,
            versions: Vec::new(),
            weak: Vec::new(),
            hsts: None,
            clear: self.clear(),
        };
        if let Ok(handshake) = both {
            seen.agreed = Some(handshake.agreed);
            let ders = handshake.chain.iter();
            seen.chain = ders.map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?;
            seen.broken_chain = self.broken_chain(&handshake.chain);
            seen.hsts = header(&handshake.response, "strict-transport-security");
        }
        for (version, offered) in [
            (TlsVersion::V1_2, &rustls::version::TLS12),
            (TlsVersion::V1_3, &rustls::version::TLS13),
        ] {
            if self.handshake(&[offered]).is_ok() {
                seen.versions.push(version);
            }
        }
        for version in [TlsVersion::V1_0, TlsVersion::V1_1, TlsVersion::V1_2] {
            for suite in self.weak(version) {
                if !seen.versions.contains(&version) {
                    seen.versions.push(version);
                }
                seen.weak.push(format!("{version} {suite}"));
            }
        }
        seen.versions.sort_unstable();
        Ok(seen)
    }

    fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let within = WITHIN.min(left).max(Duration::from_millis(1));
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in (self.target.address.as_str(), port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, within) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(within))?;
                    stream.set_write_timeout(Some(within))?;
                    return Ok(stream);
                }
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    fn server_name(&self) -> Result<ServerName<'static>, HandshakeError> {
        let name = self.host.unwrap_or(&self.target.address);
        Ok(ServerName::try_from(name.to_owned())?)
    }

    /// Connects, and completes a handshake with one of these versions.
    fn open(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Result<(ClientConnection, TcpStream), HandshakeError> {
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny))
            .with_no_client_auth();
        let mut connection = ClientConnection::new(Arc::new(config), self.server_name()?)?;
        let mut socket = self.connect(self.target.https)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok((connection, socket))
    }

    fn handshake(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Result<Handshake, HandshakeError> {
        let (mut connection, mut socket) = self.open(versions)?;
        let version = connection.protocol_version();
        let suite = connection.negotiated_cipher_suite();
        let (Some(version), Some(suite)) = (version, suite) else {
            return Err(HandshakeError::NoVersion);
        };
        let chain = presented(&connection);
        let agreed = (
            match version {
                rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
                rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2".to_owned(),
                other => format!("{other:?}"),
            },
            suite.suite().as_str().unwrap_or("unknown").to_owned(),
        );
        let response = get(&mut Stream::new(&mut connection, &mut socket), self.name(), "/");
        Ok(Handshake { agreed, chain, response })
    }

    /// The chain that the server presents to a modern client; nothing is requested.
    pub fn chain(&self) -> Result<Vec<CertificateDer<'static>>, HandshakeError> {
        let (connection, _) = self.open(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        Ok(presented(&connection))
    }

    fn name(&self) -> &str {
        self.host.unwrap_or(&self.target.address)
    }

    /// Verification error of the chain for the requested host, with the last certificate as root.
    fn broken_chain(&self, chain: &[CertificateDer<'static>]) -> Option<String> {
        let (leaf, rest) = chain.split_first()?;
        let root = rest.last()?;
        let mut roots = rustls::RootCertStore::empty();
        if let Err(why) = roots.add(root.clone()) {
            return Some(why.to_string());
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider()).build();
        let verified = verifier.map_err(HandshakeError::from).and_then(|verifier| {
            let name = self.server_name()?;
            Ok(verifier.verify_server_cert(leaf, rest, &name, &[], UnixTime::now())?)
        });
        verified.err().map(|why| why.to_string())
    }

    /// Names of the weak suites that the server accepts in a version.
    fn weak(&self, version: TlsVersion) -> Vec<&'static str> {
        let mut left = hello::WEAK.to_vec();
        let mut agreed = Vec::new();
        while !left.is_empty() && Instant::now() < self.deadline {
            let suites: Vec<u16> = left.iter().map(|(suite, _)| *suite).collect();
            let Some((agreed_on, suite)) = self.offer(version, &suites) else {
                break;
            };
            let chosen = left.iter().position(|(known, _)| *known == suite);
            // A server that picks another version or suite accepts none of those offered.
            let (Some(chosen), true) = (chosen, agreed_on == version) else {
                break;
            };
            agreed.push(left.swap_remove(chosen).1);
        }
        agreed.sort_unstable();
        agreed
    }

    fn offer(&self, version: TlsVersion, suites: &[u16]) -> Option<(TlsVersion, u16)> {
        let mut socket = self.connect(self.target.https).ok()?;
        let name = self.host.filter(|host| host.parse::<std::net::IpAddr>().is_err());
        let random = rand::random();
        socket.write_all(&hello::client(version, suites, name, random)).ok()?;
        let mut record = Vec::new();
        let mut header = [0; 5];
        socket.read_exact(&mut header).ok()?;
        let length = u16::from_be_bytes([header[3], header[4]]);
        record.extend(header);
        socket.take(u64::from(length)).read_to_end(&mut record).ok()?;
        hello::server(&record)
    }

    /// Response to plain HTTP. Login in front of the gateway responds before the redirect to
    /// HTTPS does, with a redirect to a path of its own, which is followed as a browser would.
    fn clear(&self) -> Option<Clear> {
        let mut path = "/".to_owned();
        let mut last = None;
        for _ in 0..=MAX_REDIRECTS {
            let Some(clear) = self.clear_at(&path) else {
                break;
            };
            let next = path_on_gateway(&clear, self.name());
            last = Some(clear);
            match next {
                Some(next) => path = next,
                None => break,
            }
        }
        last
    }

    fn clear_at(&self, path: &str) -> Option<Clear> {
        let mut socket = self.connect(self.target.http?).ok()?;
        let response = get(&mut socket, self.name(), path);
        let status = response.split_whitespace().nth(1)?.parse().ok()?;
        Some(Clear { status, location: header(&response, "location") })
    }
}

/// Result of a handshake, and the response to a request after it.
struct Handshake {
    agreed: (String, String),
    chain: Vec<CertificateDer<'static>>,
    response: String,
}

/// Path of a redirect to the same host without TLS. Paths that are invalid in a request line
/// are not followed.
fn path_on_gateway(clear: &Clear, host: &str) -> Option<String> {
    if !(300..400).contains(&clear.status) {
        return None;
    }
    let location = clear.location.as_deref()?;
    let of_host = location.strip_prefix("http://").and_then(|rest| rest.strip_prefix(host));
    let path = of_host.unwrap_or(location);
    let is_path = path.starts_with('/') && !path.starts_with("//");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
    (is_path && is_plain).then(|| path.to_owned())
}

/// Requests a path, and returns the head of the response as far as it arrived. Does not wait
/// for the server to close the connection.
fn get(stream: &mut (impl io::Read + io::Write), host: &str, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ckf-hardening\r\nConnection: close\r\n\r\n"
    );
    let mut response = Vec::new();
    let mut part = [0; 4096];
    if stream.write_all(request.as_bytes()).is_ok() {
        while response.len() < LONGEST_HEAD && !response.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut part) {
                // What arrived before an error is parsed.
                Ok(0) | Err(_) => break,
                Ok(length) => response.extend(&part[..length]),
            }
        }
    }
    String::from_utf8_lossy(&response).into_owned()
}

fn header(response: &str, name: &str) -> Option<String> {
    let mut lines = response.lines().skip(1).take_while(|line| !line.is_empty());
    lines.find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// Accepts any certificate: controls assess the chain, and nothing secret is sent over these
/// connections.
#[derive(Debug)]
struct AcceptAny;

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The chain that the server presented.
fn presented(connection: &ClientConnection) -> Vec<CertificateDer<'static>> {
    let chain = connection.peer_certificates().unwrap_or_default();
    chain.iter().map(|der| der.clone().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use ckf_model::handshake::Clear;

    use super::path_on_gateway;

    #[test]
    fn redirect_is_followed_on_same_host_without_tls_only() {
        let on = |status, location: &str| {
            let location = Some(location.to_owned());
            path_on_gateway(&Clear { status, location }, "host")
        };
        let path = Some("/dex/auth?a=b".to_owned());
        assert_eq!(on(302, "/dex/auth?a=b"), path);
        assert_eq!(on(302, "http://host/dex/auth?a=b"), path);
        for elsewhere in [
            "https://host/dex",
            "http://hostile/dex",
            "http://host:81/dex",
            "//other/dex",
            "dex",
            "/dex auth",
            "/dex\u{7f}",
        ] {
            assert_eq!(on(302, elsewhere), None, "{elsewhere}");
        }
        assert_eq!(on(200, "/dex"), None);
    }
}
