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
    // Without a release the tracks have no yardstick.
    let (release, missing) = match context.release() {
        Ok(release) => (Some(release), None),
        Err(missing) => (None, Some(missing)),
    };
    let outcome =
        of_all(context, "each follows a stable channel, on a track of the release", |app| {
            let (track, risk) = app.channel.rsplit_once('/').unwrap_or(("latest", &app.channel));
            let released = release.into_iter();
            let mut tracks: Vec<&str> =
                released.flat_map(|release| release.tracks_of(&app.charm)).collect();
            tracks.dedup();
            let seen = match app.channel.as_str() {
                "" => "none: a local charm".to_owned(),
                channel => channel.to_owned(),
            };
            if risk != "stable" {
                return Some(finding(object(app), "channel", seen, "a stable one"));
            }
            let is_of_release = tracks.is_empty() || tracks.contains(&track);
            let wanted = || format!("the release's track {}", tracks.join(" or "));
            (!is_of_release).then(|| finding(object(app), "channel", seen, wanted()))
        })?;
    match (outcome, missing) {
        (Outcome::Pass(_), Some(missing)) => Err(missing),
        (outcome, _) => Ok(outcome),
    }
}
