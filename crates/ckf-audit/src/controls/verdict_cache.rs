//! The cache of verdicts between events.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::controls::assess::{all, assess_custom, assess_one};
use crate::controls::assessment::Assessment;
use crate::facts::Facts;
use crate::policy::Policy;
use crate::views::Context;
use crate::views::context::Outcomes;

/// Cached verdicts: only the controls that consulted changed facts are assessed again.
#[derive(Clone, Debug, Default)]
pub struct VerdictCache(Vec<(Assessment, BTreeSet<&'static str>)>);

impl VerdictCache {
    /// Assesses those controls that consulted one of these facts, named by the fields of
    /// [`Facts`]; all, if the cache is empty. The policy's own controls were evaluated
    /// elsewhere, with these outcomes. Returns how many were assessed.
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
            let assessed = match &standing.0.control {
                Cow::Borrowed(control) => Some(assess_one(control, &context)),
                Cow::Owned(control) => {
                    let mut theirs = policy.controls.iter();
                    let custom = theirs.find(|custom| custom.control.id == control.id);
                    custom.map(|custom| assess_custom(custom, &context))
                }
            };
            // One that is gone from the policy goes when all are assessed again.
            if let Some(assessed) = assessed {
                *standing = assessed;
                number += 1;
            }
        }
        number
    }

    /// The verdicts.
    pub fn assessments(&self) -> impl Iterator<Item = &Assessment> {
        self.0.iter().map(|(assessment, _)| assessment)
    }

    /// Empties the cache, so that all controls are assessed again.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
