//! Waivers and attestations of a policy.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalog::{self, Source};
use crate::policy::custom::CustomControl;
use crate::policy::error::EntryError;
use crate::policy::field::{day, entry, required};
use crate::policy::pattern::ObjectPattern;
use crate::policy::statement::{Attestation, Waiver};

/// A finding accepted by its owner until an expiry date.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["control", "reason", "owner", "expires"]))]
pub(super) struct WaiverWire {
    /// Id of the control.
    #[schemars(with = "String")]
    control: Option<String>,
    /// Waived objects; all of the control by default.
    object: ObjectPattern,
    /// Reason, for reports.
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Person or team that accepts the risk.
    #[schemars(with = "String")]
    owner: Option<String>,
    /// Last day on which it applies, in UTC, for example 2027-03-31.
    #[schemars(with = "String")]
    expires: Option<String>,
}

/// A statement by a person that a control is met.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["control", "reason", "owner", "date"]))]
pub(super) struct AttestationWire {
    /// Id of the control.
    #[schemars(with = "String")]
    control: Option<String>,
    /// What was done, and where it is documented.
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Person or team that attests.
    #[schemars(with = "String")]
    owner: Option<String>,
    /// Day of the attestation, for example 2026-10-01; valid for a year.
    #[schemars(with = "String")]
    date: Option<String>,
}

/// Parses a waiver.
pub(super) fn waiver(
    value: serde_yaml::Value,
    custom_controls: &[CustomControl],
) -> Result<Waiver, EntryError> {
    let wire: WaiverWire = entry(value, "control, object, reason, owner, expires")?;
    let control = known_control(wire.control, custom_controls)?;
    if catalog::control(&control).is_some_and(|known| known.source == Source::Policy) {
        return Err(EntryError::NotWaivable(control));
    }
    if let Some(why) = wire.object.never_matches() {
        return Err(EntryError::MatchesNothing(why));
    }
    Ok(Waiver {
        control,
        object: wire.object,
        reason: required("reason", wire.reason)?,
        owner: required("owner", wire.owner)?,
        expires: day("expires", wire.expires)?,
    })
}

/// Parses an attestation.
pub(super) fn attestation(
    value: serde_yaml::Value,
    custom_controls: &[CustomControl],
) -> Result<Attestation, EntryError> {
    let wire: AttestationWire = entry(value, "control, reason, owner, date")?;
    let control = known_control(wire.control, custom_controls)?;
    let known = catalog::control(&control);
    if known.is_none_or(|known| !known.may_be_attested()) {
        return Err(EntryError::NotAttestable(control));
    }
    Ok(Attestation {
        control,
        reason: required("reason", wire.reason)?,
        owner: required("owner", wire.owner)?,
        date: day("date", wire.date)?,
    })
}

/// The id of a control of the catalogue or of the policy.
pub(super) fn known_control(
    id: Option<String>,
    custom_controls: &[CustomControl],
) -> Result<String, EntryError> {
    let id = required("control", id)?;
    let is_custom = custom_controls.iter().any(|custom| custom.control.id == id);
    match is_custom || catalog::control(&id).is_some() {
        true => Ok(id),
        false => Err(EntryError::UnknownControl(id)),
    }
}
