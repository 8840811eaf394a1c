//! The verdicts and waivers of controls that remedies fix.

use crate::controls::{Finding, Verdict, assess_named};
use crate::facts::object::ObjectRef;
use crate::views::{Context, MissingFact};

/// Open findings of a control, without those that are waived.
pub(super) fn open(context: &Context<'_>, id: &str) -> Result<Vec<Finding>, MissingFact> {
    let assessment = assess_named(id, context);
    match assessment.verdict {
        Verdict::NotAssessed => Err(MissingFact(format!("{id}: {}", assessment.reason))),
        _ => Ok(assessment.findings),
    }
}

/// The control passes.
pub(super) fn passes(context: &Context<'_>, id: &str) -> Result<bool, MissingFact> {
    let assessment = assess_named(id, context);
    match assessment.verdict {
        Verdict::NotAssessed => Err(MissingFact(format!("{id}: {}", assessment.reason))),
        verdict => Ok(verdict == Verdict::Pass),
    }
}

/// Describes the waiver of a control that covers an object; `None` if none does. A waiver also
/// covers an object that would only become a finding.
pub(super) fn waived(context: &Context<'_>, id: &str, object: &ObjectRef) -> Option<String> {
    let mut waivers = context.policy.waivers.iter();
    let waiver = waivers.find(|waiver| {
        waiver.control == id
            && waiver.object.matches(object, context.meta_of_pod(object))
            && waiver.holds(context.now())
    })?;
    Some(format!(
        "{id} of {object} is waived by {} until {}: {}",
        waiver.owner, waiver.expires, waiver.reason
    ))
}
