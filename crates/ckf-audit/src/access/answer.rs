//! The answer to a question: whether it can be done, and why.

use std::fmt;

use printable::line;
use serde::Serialize;

use super::identity::Step;
use crate::views::MissingFact;

/// Whether it can be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Can {
    /// By this chain.
    Yes,
    /// For this reason.
    No,
    /// What it depends on is not known.
    #[default]
    Unknown,
}

/// The answer to a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The question.
    pub question: String,
    /// Whether it can be done.
    pub can: Can,
    /// Why, a step each; of a no, which ways were looked at.
    pub chain: Vec<String>,
    /// Objects any of which, changed, closes the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<String>,
    /// Who does it, if the question asks who.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// What is done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// To what.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
}

impl Answer {
    pub(super) fn new(
        question: impl Into<String>,
        answer: Result<Option<Vec<Step>>, MissingFact>,
    ) -> Self {
        let none = "no binding, policy or path that is known here leads there";
        let question = question.into();
        let of = |can, chain| Self { question: question.clone(), can, chain, ..Self::default() };
        match answer {
            Ok(Some(steps)) => {
                let mut change = Vec::new();
                for object in steps.iter().filter_map(|step| step.change.clone()) {
                    if !change.contains(&object) {
                        change.push(object);
                    }
                }
                let chain = steps.into_iter().map(|step| step.says).collect();
                Self { change, ..of(Can::Yes, chain) }
            }
            Ok(None) => of(Can::No, vec![none.into()]),
            Err(MissingFact(why)) => of(Can::Unknown, vec![why]),
        }
    }

    /// The same, with the ways that were looked at if the answer is no.
    pub(super) fn looked_at(mut self, ways: impl Into<String>) -> Self {
        if self.can == Can::No {
            self.chain.push(format!("looked at: {}", ways.into()));
        }
        self
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let can = self.can.word();
        match self.who.as_str() {
            "" => write!(f, "{can}: {}", line(&self.question))?,
            who => write!(f, "{can}: {} can {}", line(who), line(&self.question))?,
        }
        self.chain.iter().try_for_each(|step| write!(f, "\n  {}", line(step)))?;
        match self.change.is_empty() {
            true => Ok(()),
            false => write!(f, "\n  to close it, change {}", line(&self.change.join(" or "))),
        }
    }
}
