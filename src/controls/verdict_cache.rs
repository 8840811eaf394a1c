//! Verdicts that are kept between events.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::controls::assess::{Assessment, all, assess_custom, assess_one};
use crate::facts::Facts;
use crate::policy::Policy;
use crate::views::Context;
use crate::views::context::Outcomes;

/// Verdicts that are kept, to judge again only what consulted facts that changed.
#[derive(Clone, Debug, Default)]
pub struct Standing(Vec<(Assessment, BTreeSet<&'static str>)>);

impl Standing {
    /// Judges those controls that consulted one of these facts, named by the fields of
    /// [`Facts`]; all, if there are no verdicts yet. The policy's own controls were evaluated
    /// elsewhere, with these outcomes. Returns how many were judged.
    pub fn update(
        &mut self,
        facts: &Facts,
        policy: &Policy,
        release: Option<&str>,
        outcomes: &Outcomes,
        changed: &BTreeSet<&'static str>,
    ) -> usize {
        let context = Context::new(facts, policy, release).with_outcomes(outcomes);
        if self.0.is_empty() {
            self.0 = all(&context);
            return self.0.len();
        }
        let concerned = self.0.iter_mut().filter(|(_, by)| !by.is_disjoint(changed));
        let mut number = 0;
        for standing in concerned {
            let judged = match &standing.0.control {
                Cow::Borrowed(control) => Some(assess_one(control, &context)),
                Cow::Owned(control) => {
                    let mut theirs = policy.controls.iter();
                    let custom = theirs.find(|custom| custom.control.id == control.id);
                    custom.map(|custom| assess_custom(custom, &context))
                }
            };
            // One that is gone from the policy goes when all are judged again.
            if let Some(judged) = judged {
                *standing = judged;
                number += 1;
            }
        }
        number
    }

    /// The verdicts.
    pub fn assessments(&self) -> impl Iterator<Item = &Assessment> {
        self.0.iter().map(|(assessment, _)| assessment)
    }

    /// Forgets them, so that all controls are judged again.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
