//! Both ends of a connection, and what policies decide about it.

use super::matching::Match;
use crate::facts::labels::Labels;
use crate::facts::object::{Object, ObjectRef};
use crate::views::authorization::Truth;

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

/// A policy, by its place.
#[derive(Clone, Copy)]
pub(super) struct By<'a>(pub(super) &'a dyn Named);

/// An object that can be named.
pub(super) trait Named {
    fn named(&self) -> ObjectRef;
}

impl<T: Object> Named for T {
    fn named(&self) -> ObjectRef {
        self.reference()
    }
}

/// Whether a connection is let in, and which policy decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is; for clients and pods with a choice, whether any is.
    pub truth: Truth,
    /// The policy; none if none is about it.
    pub by: Option<ObjectRef>,
}

impl Decision {
    pub(super) fn of(truth: Truth, by: Option<By<'_>>) -> Self {
        Self { truth, by: by.map(|by| by.0.named()) }
    }

    /// Why it is not known.
    pub fn why(&self, what: &str) -> String {
        let by = self.by.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{by} decides whether {what}, by what is not evaluated here")
    }
}

/// A range's ends, and the ports next to them.
pub(super) fn around(first: u16, last: u16) -> [u16; 4] {
    [first.saturating_sub(1), first, last, last.saturating_add(1)]
}
