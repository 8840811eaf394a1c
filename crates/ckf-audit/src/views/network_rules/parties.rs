//! Both ends of a connection.

use super::matching::Match;
use crate::facts::labels::Labels;

/// A pod that connects.
#[derive(Clone, Copy, Debug)]
pub struct ClientPod<'a> {
    /// Name of its namespace.
    pub namespace: &'a str,
    /// Labels of its namespace, if it is there.
    pub namespace_labels: Option<&'a Labels>,
    /// Its own labels; none if its owner may choose them.
    pub labels: Option<&'a Labels>,
}

/// Who connects.
#[derive(Clone, Copy, Debug)]
pub enum Client<'a> {
    /// A pod.
    Pod(ClientPod<'a>),
    /// A client outside of the cluster, at any address.
    Outside,
}

/// What is connected to.
#[derive(Clone, Copy, Debug, Default)]
pub struct At<'a> {
    /// Name of the pod's namespace.
    pub namespace: &'a str,
    /// Labels of its namespace, if they are known.
    pub namespace_labels: Option<&'a Labels>,
    /// Its labels; none for whichever pod of the namespace is the least protected.
    pub labels: Option<&'a Labels>,
    /// Names of the port.
    pub names: &'a [&'a str],
    /// Number of the port.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'a str,
}

impl At<'_> {
    pub(super) fn is_protocol(&self, protocol: &str) -> bool {
        let protocol = if protocol.is_empty() { "TCP" } else { protocol };
        protocol == self.protocol
    }

    pub(super) fn is_named(&self, name: &str) -> Match {
        match (self.names.contains(&name), self.labels) {
            (true, None) => Match::CHOSEN,
            (is_named, _) => is_named.into(),
        }
    }
}
