//! Revisions and channels of charms.

use crate::controls::application::{object, of_all};
use crate::controls::check::Check;
use crate::finding::{Outcome, finding};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("UPG-01", charms_are_fresh), ("UPG-03", channels_are_stable)];

/// UPG-01: Charms are refreshed
fn charms_are_fresh(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    context.deployed()?;
    of_all(context, "each at the newest revision of its channel", |app| {
        let newer = app.can_upgrade_to.as_ref()?;
        let seen = app.revision.map_or("an older one".into(), |r| r.to_string());
        Some(finding(object(app), "charm revision", seen, newer.clone()))
    })
}

/// UPG-03: Charms come from stable channels
fn channels_are_stable(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_all(context, "each follows a stable channel", |app| {
        let risk = app.channel.split('/').next_back().unwrap_or_default();
        let seen = match app.channel.as_str() {
            "" => "none: a local charm".to_owned(),
            channel => channel.to_owned(),
        };
        (risk != "stable").then(|| finding(object(app), "channel", seen, "a stable one"))
    })
}
