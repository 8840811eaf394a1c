//! What NetworkPolicies and Cilium's rules say about a connection together.

use super::matching::Match;
use super::parties::By;
use crate::views::authorization::Truth;

/// What both kinds say about a connection.
pub(super) struct Namespaced<'a> {
    pub(super) truth: Truth,
    pub(super) by: Option<By<'a>>,
    pub(super) is_cilium: bool,
}

#[derive(Default)]
pub(super) struct Found<'a> {
    /// A policy by which what none lets in is refused.
    closed: Option<By<'a>>,
    /// A policy that may do so.
    may_be_closed: Option<By<'a>>,
    admitted: Option<(By<'a>, Match)>,
    may_be_admitted: Option<By<'a>>,
    denied: Option<By<'a>>,
    /// A policy that denies some of those who choose labels.
    avoided: Option<By<'a>>,
    /// A policy that may deny.
    pub(super) doubt: Option<By<'a>>,
    is_cilium: bool,
}

impl<'a> Found<'a> {
    pub(super) fn select(&mut self, by: By<'a>, selected: Match, is_cilium: bool) {
        match selected.all {
            Truth::Yes => {
                self.closed = self.closed.or(Some(by));
                self.is_cilium |= is_cilium;
            }
            Truth::Unknown => self.may_be_closed = Some(by),
            Truth::No => {}
        }
    }

    pub(super) fn admit(&mut self, by: By<'a>, found: Match) {
        match found.some {
            Truth::Yes if self.admitted.is_none_or(|(_, known)| known.all != Truth::Yes) => {
                self.admitted = Some((by, found));
            }
            Truth::Unknown => self.may_be_admitted = Some(by),
            _ => {}
        }
    }

    pub(super) fn deny(&mut self, by: By<'a>, found: Match) {
        match (found.some, found.all) {
            (_, Truth::Yes) => self.denied = self.denied.or(Some(by)),
            (_, Truth::Unknown) => self.doubt = self.doubt.or(Some(by)),
            (Truth::Yes, _) => self.avoided = self.avoided.or(Some(by)),
            _ => {}
        }
    }

    pub(super) fn decide(self) -> Option<Namespaced<'a>> {
        let is_cilium = self.is_cilium || self.denied.is_some();
        let decided = |truth, by| Some(Namespaced { truth, by, is_cilium });
        if let Some(by) = self.denied {
            return decided(Truth::No, Some(by));
        }
        let doubt = self.doubt;
        match (self.closed, self.admitted) {
            (None, _) => {
                let doubt = doubt.or(self.may_be_closed);
                doubt.and_then(|by| decided(Truth::Unknown, Some(by)))
            }
            (Some(_), Some(_)) if doubt.is_some() => decided(Truth::Unknown, doubt),
            (Some(_), Some((by, found))) => match self.avoided {
                Some(by) if found.all != Truth::Yes => decided(Truth::Unknown, Some(by)),
                _ => decided(Truth::Yes, Some(by)),
            },
            (Some(by), None) => match self.may_be_admitted {
                Some(by) => decided(Truth::Unknown, Some(by)),
                None => decided(Truth::No, Some(by)),
            },
        }
    }
}
