//! Statements of people: a finding is accepted, or a control is met.

use jiff::Timestamp;
use jiff::civil::Date;

use super::pattern::ObjectPattern;

/// A finding accepted by its owner until an expiry date.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// Id of the control.
    pub control: String,
    /// Waived objects; all of the control if empty.
    pub object: ObjectPattern,
    /// Reason, for reports.
    pub reason: String,
    /// Person or team that accepts the risk.
    pub owner: String,
    /// Last day on which it applies, in UTC.
    pub expires: Date,
}

impl Waiver {
    /// Whether it has not expired.
    pub fn holds(&self, now: Timestamp) -> bool {
        now.to_zoned(jiff::tz::TimeZone::UTC).date() <= self.expires
    }
}

/// A statement by a person that a control is met.
#[derive(Clone, Debug, PartialEq)]
pub struct Attestation {
    /// Id of the control.
    pub control: String,
    /// Person or team that attests.
    pub owner: String,
    /// What was done, and where it is documented.
    pub reason: String,
    /// Day of the attestation; valid for a year.
    pub date: Date,
}
