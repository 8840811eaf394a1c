//! Changes of a plan that wait for consent.

use std::fmt;

use super::change::Change;
use crate::remedies::breaks::Break;

/// A change that is not applied without consent.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBack {
    /// The change.
    pub change: Change,
    /// Reason for holding it back.
    pub why: WithheldFor,
}

/// Reason for holding back a change.
#[derive(Clone, Debug, PartialEq)]
pub enum WithheldFor {
    /// It would delete user-created objects, or may lock users out.
    Removal,
    /// It would break these existing flows.
    Breaks(Vec<Break>),
    /// It configures the controller or the model, which only a person who names the remedy does.
    Person,
}

/// Number of flows that a line names.
const NAMED: usize = 1;

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { remedy, .. } = &self.change;
        let target = self.change.target();
        match &self.why {
            WithheldFor::Removal => {
                write!(
                    f,
                    "{remedy}: {target} is held back: it would delete what users made or rely on"
                )
            }
            WithheldFor::Person => {
                write!(
                    f,
                    "{remedy}: {target} is held back: only `ckf-hardening apply {remedy}` sets it"
                )
            }
            WithheldFor::Breaks(broken) => {
                let named: Vec<String> = broken.iter().take(NAMED).map(Break::to_string).collect();
                let more = match broken.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let named = named.join("; ");
                write!(f, "{remedy}: {target} is held back: it would break: {named}{more}")
            }
        }
    }
}
