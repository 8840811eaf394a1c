//! What the policy attests: the only word on what no API reports.

use crate::finding::Outcome;
use crate::views::Context;

/// What the policy attests of a control, if it says anything.
pub(crate) fn attested(id: &str, context: &Context<'_>) -> Option<Outcome> {
    let today = context.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let found =
        context.policy.attestations.iter().filter(|a| a.control == id).max_by_key(|a| a.date)?;
    Some(match found {
        a if a.date > today => {
            Outcome::NotAssessed(format!("attested for {}, a date in the future", a.date))
        }
        a if today.duration_since(a.date).as_hours() <= 365 * 24 => {
            Outcome::Pass(format!("attested by {} on {}: {}", a.owner, a.date, a.reason))
        }
        a => Outcome::NotAssessed(format!(
            "the attestation of {} by {} is over a year old",
            a.date, a.owner
        )),
    })
}

/// The outcome of what no API reports and the policy does not attest.
pub(crate) fn unattested() -> Outcome {
    Outcome::NotAssessed("no API reports it; attest it in the policy under attestations".into())
}
