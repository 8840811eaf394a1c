//! A request as a proxy sees it when it asks its policies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

/// An attribute of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attribute<T> {
    /// What it is, or whether there is one, is not known.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// This one.
    Is(T),
}

/// A request as a proxy sees it when it asks its policies: the path is normalised, and headers
/// that the proxy sets or removes are set or removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Whether the proxy reads HTTP; on a port of TCP it knows addresses and identities only.
    pub is_tcp: bool,
    /// The client's identity by mutual TLS, `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
    pub peer: Attribute<String>,
    /// Address of the connection's other end.
    pub source_ip: Attribute<IpAddr>,
    /// Address of the client, from `X-Forwarded-For` or the PROXY protocol.
    pub remote_ip: Attribute<IpAddr>,
    /// Address to which the client connected.
    pub destination_ip: Attribute<IpAddr>,
    /// Port to which the client connected.
    pub destination_port: Attribute<u16>,
    /// Server name of the TLS handshake.
    pub sni: Attribute<String>,
    /// Method.
    pub method: String,
    /// Value of `Host` or `:authority`, with its port if it has one.
    pub host: String,
    /// Path, with its query if it has one.
    pub path: String,
    /// Other headers, by lower-case name; values of a repeated one are joined by commas.
    pub headers: BTreeMap<String, String>,
    /// Claims of the token that RequestAuthentication has accepted.
    pub token: Attribute<Value>,
}

impl Request {
    /// The value of a header or of one of HTTP/2's pseudo-headers.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        match name.to_ascii_lowercase().as_str() {
            ":method" => Some(&self.method),
            ":path" => Some(&self.path),
            ":authority" | "host" => Some(&self.host),
            name => self.headers.get(name).map(String::as_str),
        }
    }

    /// The path without query and fragment.
    pub(super) fn bare_path(&self) -> &str {
        self.path.split(['?', '#']).next().unwrap_or_default()
    }
}
