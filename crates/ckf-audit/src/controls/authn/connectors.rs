//! Identity providers that Dex asks.

use crate::controls::application::{object, of_charm};
use crate::controls::check::Check;
use crate::facts::juju::Application;
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHN-16", connectors_are_safe)];

const OPTION: &str = "connectors";

/// AUTHN-16: Dex verifies the identity providers that it asks
fn connectors_are_safe(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let unread = |app: &&Application| {
        app.charm == "dex-auth"
            && app.options.get(OPTION).is_some_and(|set| set.set && set.connectors.is_empty())
    };
    let has_unread = context.applications()?.iter().find(unread);
    let all = of_charm(context, "dex-auth", "no connector switches a protection off", |_| None)?;
    let mut findings: Vec<Finding> = Vec::new();
    for app in context.applications()?.iter().filter(|app| app.charm == "dex-auth") {
        let connectors = app.options.get(OPTION).map(|set| set.connectors.as_slice());
        for connector in connectors.unwrap_or_default() {
            for (field, value) in &connector.unsafe_fields {
                let field = format!("{OPTION} {} {field}", connector.id);
                let wanted = "a provider that is verified, over TLS";
                findings.push(finding(object(app), &field, value.clone(), wanted));
            }
        }
    }
    Ok(match (findings.is_empty(), has_unread) {
        (true, Some(app)) => Outcome::NotAssessed(format!(
            "the connectors of {} were not understood, or are of an earlier snapshot",
            app.name
        )),
        (true, None) => all,
        (false, _) => outcome(findings, ""),
    })
}
