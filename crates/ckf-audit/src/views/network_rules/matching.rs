//! Whether a selector is about a pod whose owner may choose its labels.

use std::ops::{BitAnd, BitOr};

use crate::facts::labels::LabelSelector;
use crate::facts::labels::Labels;
use crate::views::authorization::Truth;

/// Whether something is about a connection of which labels may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// With some choice of the open labels.
    pub(super) some: Truth,
    /// With every choice.
    pub(super) all: Truth,
}

impl Match {
    pub(super) const NO: Self = Self { some: Truth::No, all: Truth::No };
    /// The owner of the labels decides whether it is.
    pub(super) const CHOSEN: Self = Self { some: Truth::Yes, all: Truth::No };
    pub(super) const UNKNOWN: Self = Self { some: Truth::Unknown, all: Truth::Unknown };

    pub(super) fn any(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::NO, |result, one| result | one)
    }
}

impl From<bool> for Match {
    fn from(holds: bool) -> Self {
        Self { some: holds.into(), all: holds.into() }
    }
}

impl BitAnd for Match {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self { some: Truth::all([self.some, other.some]), all: Truth::all([self.all, other.all]) }
    }
}

impl BitOr for Match {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { some: Truth::any([self.some, other.some]), all: Truth::any([self.all, other.all]) }
    }
}

/// Whether a selector is about pods with these labels, or whose labels are open.
pub(super) fn of_pods(selector: &LabelSelector, labels: Option<&Labels>) -> Match {
    match labels {
        Some(labels) => selector.matches(labels).into(),
        None if selector.is_empty() => true.into(),
        None => Match::CHOSEN,
    }
}

/// Whether a selector is about a namespace; one that is not known has no label.
pub(super) fn of_namespace(selector: &LabelSelector, labels: Option<&Labels>) -> Match {
    labels.map_or_else(|| selector.is_empty(), |labels| selector.matches(labels)).into()
}
