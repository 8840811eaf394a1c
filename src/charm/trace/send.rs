//! Sends a trace, without a runtime, proxies or retries: a hook must not wait for it.

use std::io::{Read as _, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// Longest time for all of it, and for each part.
const PATIENCE: Duration = Duration::from_secs(3);
const PART: Duration = Duration::from_secs(1);
/// Longest answer that is read.
const ANSWER: u64 = 4096;

/// Posts a trace to the receiver at this base URL. Over TLS it must have a certificate of these
/// authorities, PEM.
pub fn send(base: &str, authorities: &[String], trace: &Value) -> anyhow::Result<()> {
    let (base, authorities, body) = (base.to_owned(), authorities.to_vec(), trace.to_string());
    let (sender, receiver) = mpsc::channel();
    // Resolving a name has no deadline of its own.
    std::thread::spawn(move || {
        // There is no receiver once the time is over.
        let _ = sender.send(post(&base, &authorities, &body));
    });
    receiver.recv_timeout(PATIENCE).context("the receiver of traces takes too long")?
}

fn post(base: &str, authorities: &[String], body: &str) -> anyhow::Result<()> {
    let url: http::Uri = base.parse().context("the URL of the receiver of traces")?;
    let host = url.host().context("the URL of the receiver of traces has no host")?;
    let is_tls = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = (bare, port).to_socket_addrs()?.next().context("the name has no address")?;
    let stream = TcpStream::connect_timeout(&address, PART)?;
    stream.set_read_timeout(Some(PART))?;
    stream.set_write_timeout(Some(PART))?;
    let path = url.path().trim_end_matches('/');
    // The answer of HTTP/1.0 ends with the connection.
    let request = format!(
        "POST {path}/v1/traces HTTP/1.0\r\nHost: {host}:{port}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if !is_tls {
        return exchange(stream, &request);
    }
    let mut roots = RootCertStore::empty();
    for pem in authorities {
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
    }
    if roots.is_empty() {
        bail!("no authority is trusted; integrate receive-ca-cert");
    }
    let config = ClientConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(bare.to_owned())?;
    let session = ClientConnection::new(Arc::new(config), name)?;
    exchange(StreamOwned::new(session, stream), &request)
}

fn exchange(mut stream: impl std::io::Read + Write, request: &str) -> anyhow::Result<()> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    // What came before the connection broke is enough.
    let read = stream.take(ANSWER).read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    match text.split_whitespace().nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        Some(status) => bail!("the receiver of traces answers {status}"),
        None => bail!("the receiver of traces does not answer: {:?}", read.err()),
    }
}
