//! A client that looks at everything and trusts nothing of it.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, Stream};

use super::{Clear, Seen, Target, hello};
use crate::facts::certificate::Certificate;
use crate::tls;

/// Longest wait for a connection, and for each answer.
const WITHIN: Duration = Duration::from_secs(3);
/// Longest head of an HTTP answer, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// Most answers without TLS that are followed to where they lead.
const MOST_LEADS: usize = 3;

pub struct Client<'a> {
    target: &'a Target,
    host: Option<&'a str>,
    deadline: Instant,
}

impl<'a> Client<'a> {
    pub fn new(target: &'a Target, host: Option<&'a str>, deadline: Instant) -> Self {
        Self { target, host, deadline }
    }

    /// Looks from every side.
    pub fn look(&self) -> Result<Seen, String> {
        // What cannot be reached at all is told before anything is tried.
        self.connect(self.target.https).map_err(|why| why.to_string())?;
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
            let chain: Result<_, _> = ders.map(|der| Certificate::from_der(der)).collect();
            seen.chain = chain
                .map_err(|why: crate::facts::certificate::CertificateError| why.to_string())?;
            seen.broken_chain = self.broken_chain(&handshake.chain);
            seen.hsts = header(&handshake.answer, "strict-transport-security");
        }
        for (minor, version) in [(2, &rustls::version::TLS12), (3, &rustls::version::TLS13)] {
            if self.handshake(&[version]).is_ok() {
                seen.versions.push(minor);
            }
        }
        for minor in 0..3 {
            for suite in self.weak(minor) {
                if !seen.versions.contains(&minor) {
                    seen.versions.push(minor);
                }
                seen.weak.push(format!("TLS 1.{minor} {suite}"));
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

    fn server_name(&self) -> Result<ServerName<'static>, String> {
        let name = self.host.unwrap_or(&self.target.address);
        ServerName::try_from(name.to_owned()).map_err(|why| why.to_string())
    }

    fn handshake(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Result<Handshake, String> {
        let told = |why: &dyn std::fmt::Display| why.to_string();
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(versions)
            .map_err(|why| told(&why))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Everything))
            .with_no_client_auth();
        let mut connection = ClientConnection::new(Arc::new(config), self.server_name()?)
            .map_err(|why| told(&why))?;
        let mut socket = self.connect(self.target.https).map_err(|why| told(&why))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(|why| told(&why))?;
        }
        let version = connection.protocol_version();
        let suite = connection.negotiated_cipher_suite();
        let (Some(version), Some(suite)) = (version, suite) else {
            return Err("no version was agreed to".into());
        };
        let chain = connection.peer_certificates().unwrap_or_default();
        let chain = chain.iter().map(|der| der.clone().into_owned()).collect();
        let agreed = (
            match version {
                rustls::ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
                rustls::ProtocolVersion::TLSv1_2 => "TLS 1.2".to_owned(),
                other => format!("{other:?}"),
            },
            suite.suite().as_str().unwrap_or("unknown").to_owned(),
        );
        let answer = ask(&mut Stream::new(&mut connection, &mut socket), self.name(), "/");
        Ok(Handshake { agreed, chain, answer })
    }

    fn name(&self) -> &str {
        self.host.unwrap_or(&self.target.address)
    }

    /// Whether each certificate that was sent is signed by the next, for the host that was
    /// asked for: the last is taken for the root.
    fn broken_chain(&self, chain: &[CertificateDer<'static>]) -> Option<String> {
        let (leaf, rest) = chain.split_first()?;
        let root = rest.last()?;
        let mut roots = rustls::RootCertStore::empty();
        if let Err(why) = roots.add(root.clone()) {
            return Some(why.to_string());
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider()).build();
        let verified = verifier.map_err(|why| why.to_string()).and_then(|verifier| {
            let name = self.server_name()?;
            let verified = verifier.verify_server_cert(leaf, rest, &name, &[], UnixTime::now());
            verified.map_err(|why| why.to_string())
        });
        verified.err()
    }

    /// Names of the weak suites of a version that the server agrees to.
    fn weak(&self, minor: u8) -> Vec<&'static str> {
        let mut left = hello::WEAK.to_vec();
        let mut agreed = Vec::new();
        while !left.is_empty() && Instant::now() < self.deadline {
            let suites: Vec<u16> = left.iter().map(|(suite, _)| *suite).collect();
            let Some((version, suite)) = self.offer(minor, &suites) else {
                break;
            };
            let chosen = left.iter().position(|(known, _)| *known == suite);
            // A server that answers in another version or suite agrees to nothing offered.
            let (Some(chosen), true) = (chosen, version == minor) else {
                break;
            };
            agreed.push(left.swap_remove(chosen).1);
        }
        agreed.sort_unstable();
        agreed
    }

    fn offer(&self, minor: u8, suites: &[u16]) -> Option<(u8, u16)> {
        let mut socket = self.connect(self.target.https).ok()?;
        let name = self.host.filter(|host| host.parse::<std::net::IpAddr>().is_err());
        let random = rand::random();
        socket.write_all(&hello::client(minor, suites, name, random)).ok()?;
        let mut record = Vec::new();
        let mut header = [0; 5];
        socket.read_exact(&mut header).ok()?;
        let length = u16::from_be_bytes([header[3], header[4]]);
        record.extend(header);
        socket.take(u64::from(length)).read_to_end(&mut record).ok()?;
        hello::server(&record)
    }

    /// What a request without TLS gets. Login in front of the gateway answers before its
    /// redirect does, with a path of its own, which is followed as a browser would.
    fn clear(&self) -> Option<Clear> {
        let mut path = "/".to_owned();
        let mut last = None;
        for _ in 0..=MOST_LEADS {
            let Some(clear) = self.clear_at(&path) else {
                break;
            };
            let on = path_on_gateway(&clear, self.name());
            last = Some(clear);
            match on {
                Some(on) => path = on,
                None => break,
            }
        }
        last
    }

    fn clear_at(&self, path: &str) -> Option<Clear> {
        let mut socket = self.connect(self.target.http?).ok()?;
        let answer = ask(&mut socket, self.name(), path);
        let status = answer.split_whitespace().nth(1)?.parse().ok()?;
        Some(Clear { status, location: header(&answer, "location") })
    }
}

/// What a handshake came to, and the answer to a request after it.
struct Handshake {
    agreed: (String, String),
    chain: Vec<CertificateDer<'static>>,
    answer: String,
}

/// The path to which an answer without TLS leads, if it is one of the same host without
/// TLS. What cannot stand in a request line leads nowhere.
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

/// Asks for a path, and returns the head of the answer as far as it came. A server may keep
/// the connection for a while after it, which is not waited for.
fn ask(stream: &mut (impl io::Read + io::Write), host: &str, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ckf-hardening\r\nConnection: close\r\n\r\n"
    );
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    if stream.write_all(request.as_bytes()).is_ok() {
        while answer.len() < LONGEST_HEAD && !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut part) {
                // What came before an error is what is looked at.
                Ok(0) | Err(_) => break,
                Ok(length) => answer.extend(&part[..length]),
            }
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn header(answer: &str, name: &str) -> Option<String> {
    let mut lines = answer.lines().skip(1).take_while(|line| !line.is_empty());
    lines.find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// Takes any certificate: what was sent is judged by the controls, and nothing secret is
/// sent over these connections.
#[derive(Debug)]
struct Everything;

impl ServerCertVerifier for Everything {
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

#[cfg(test)]
mod tests {
    use super::{Clear, path_on_gateway};

    #[test]
    fn only_a_path_of_the_same_host_without_tls_is_followed() {
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
