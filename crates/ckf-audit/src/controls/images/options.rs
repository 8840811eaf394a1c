//! Images in options of charms.

use crate::controls::application::object;
use crate::controls::check::Check;
use crate::facts::juju::options::names_images;
use crate::finding::{Outcome, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("IMG-06", images_are_the_defaults)];

/// IMG-06: Image options are the charm's defaults
fn images_are_the_defaults(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let declared = &context.policy.options;
    let all = context.applications()?.iter();
    let findings = all.flat_map(|app| {
        let allowed = declared.get(&app.name);
        let set = app.options.iter().filter(|(_, setting)| setting.set);
        let images = set.filter(move |(name, _)| {
            names_images(name) && !allowed.is_some_and(|options| options.contains_key(*name))
        });
        images.map(|(name, _)| {
            finding(
                object(app),
                name,
                "set by an operator",
                "the charm's default, or declared in the policy",
            )
        })
    });
    let findings = findings.collect();
    Ok(outcome(findings, "no option that names images is set"))
}
