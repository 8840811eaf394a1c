//! What a client of the gateway sees: handshakes by openssl, and plain HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::gateway::IngressGateway;

/// Ports of the gateway's listeners.
const HTTPS: u16 = 8443;
const HTTP: u16 = 8080;
/// The host that is asked for.
const HOST: &str = "kubeflow.example.com";

impl IngressGateway {
    /// Version and cipher suite of a handshake with these options of `openssl s_client`;
    /// `None` if it was refused.
    pub fn handshake(&self, options: &[&str]) -> anyhow::Result<Option<String>> {
        let output = self.openssl(options, "")?;
        let protocol = after(&output, "Protocol  : ").or_else(|| after(&output, "Protocol: "));
        let suite = after(&output, "Cipher is ").filter(|suite| *suite != "(NONE)");
        Ok(protocol.zip(suite).map(|(protocol, suite)| format!("{protocol} {suite}")))
    }

    /// What HTTPS answers to a request for `/`, with the handshake that openssl reports.
    pub fn https(&self) -> anyhow::Result<String> {
        self.https_with("")
    }

    /// The same with a cookie, unless that is empty.
    pub fn https_with(&self, cookie: &str) -> anyhow::Result<String> {
        self.openssl(&["-tls1_3"], cookie)
    }

    fn openssl(&self, options: &[&str], cookie: &str) -> anyhow::Result<String> {
        let mut child = Command::new("openssl")
            .args(["s_client", "-connect", &format!("{}:{HTTPS}", self.address())])
            .args(["-servername", HOST, "-ign_eof"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("running openssl; install OpenSSL 3")?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        // A handshake that is refused closes it.
        let _ = stdin.write_all(request("/", cookie).as_bytes());
        drop(stdin);
        let output = child.wait_with_output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// What HTTP answers to a request for `/pipeline`; `None` if nothing listens.
    pub fn http(&self) -> anyhow::Result<Option<String>> {
        self.http_at("/pipeline", "")
    }

    /// The same for a path, with a cookie unless that is empty.
    pub fn http_at(&self, path: &str, cookie: &str) -> anyhow::Result<Option<String>> {
        let Ok(mut stream) = TcpStream::connect((self.address(), HTTP)) else {
            return Ok(None);
        };
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut answer = String::new();
        let answered = stream
            .write_all(request(path, cookie).as_bytes())
            .and_then(|()| stream.read_to_string(&mut answer));
        // A listener that goes resets it.
        Ok(answered.ok().map(|_| answer))
    }
}

fn request(path: &str, cookie: &str) -> String {
    let cookie = match cookie {
        "" => String::new(),
        cookie => format!("Cookie: {cookie}\r\n"),
    };
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{cookie}Connection: close\r\n\r\n")
}

fn after<'a>(text: &'a str, what: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(what)?;
    Some(rest.lines().next()?.trim())
}
