//! A client whose requests policies are asked about: what is fixed of them, and what it chooses.

use std::collections::BTreeMap;

use serde_json::Value;

use super::condition::Field;
use super::request::{Attribute, Request};

/// Addresses of each private network and of the internet: where pods and other clients are.
pub(super) const ANYWHERE: &[&str] =
    &["10.77.13.7", "172.20.13.7", "192.168.77.7", "100.77.13.7", "198.51.100.7", "fd77::7"];

/// A client and what is fixed of its requests. It chooses path, host, method, and each header
/// that is not fixed.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Its identity by mutual TLS.
    pub peer: Attribute<String>,
    /// Headers that it cannot choose, because the gateway sets them.
    pub headers: BTreeMap<String, String>,
    /// Claims of its token.
    pub token: Option<Value>,
    /// Ports that it can reach; any if empty.
    pub ports: Vec<u16>,
    /// Whether it may have any address; else its address is not known.
    pub is_anywhere: bool,
    /// Whether only its connections are looked at, and not what HTTP says in them.
    pub is_tcp: bool,
}

impl Caller {
    /// Whether the caller cannot choose a header.
    pub(super) fn fixes(&self, header: &str) -> bool {
        self.headers.contains_key(header)
    }

    /// Whether the caller chooses an attribute.
    pub(super) fn chooses(&self, field: Field<'_>) -> bool {
        match field {
            Field::Path | Field::Host | Field::Method | Field::DestinationPort => true,
            Field::Header(name) => !self.fixes(&name.trim_matches(['[', ']']).to_ascii_lowercase()),
            Field::SourceIp => self.is_anywhere,
            _ => false,
        }
    }

    /// A request of the caller that meets nothing in particular.
    pub(super) fn request(&self) -> Request {
        let absent = |value: &Option<Value>| match value {
            Some(claims) => Attribute::Is(claims.clone()),
            None => Attribute::Absent,
        };
        Request {
            is_tcp: self.is_tcp,
            peer: self.peer.clone(),
            source_ip: Attribute::Unknown,
            remote_ip: Attribute::Unknown,
            destination_ip: Attribute::Unknown,
            destination_port: match self.ports.first() {
                Some(port) => Attribute::Is(*port),
                None => Attribute::Unknown,
            },
            sni: Attribute::Unknown,
            method: "GET".into(),
            host: "0-zq7.example".into(),
            path: "/0-zq7".into(),
            headers: self.headers.clone(),
            token: absent(&self.token),
        }
    }
}
