//! Offers, exposure, and options that switch a protection off.

use crate::controls::application::{object, of_all};
use crate::controls::check::Check;
use crate::facts::juju::EVERYONE;
use crate::facts::object::ObjectRef;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("JUJU-18", offers_are_not_open),
    ("JUJU-19", nothing_is_exposed),
    ("JUJU-20", no_option_unprotects),
];

/// JUJU-18: No offer is open to users outside of the controller
fn offers_are_not_open(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let of_model = format!("{}.", context.namespace());
    let mut total = 0;
    let mut findings = Vec::new();
    for offer in context.offers()? {
        let name = offer.name.rsplit('/').next().unwrap_or_default();
        if !name.starts_with(&of_model) {
            continue;
        }
        total += 1;
        let is_open =
            |user: &str, access: &str| user == EVERYONE || access == "admin" && user.contains('@');
        for (user, access) in offer.users.iter().filter(|(user, access)| is_open(user, access)) {
            let object = ObjectRef::new("juju", "Offer", "", &offer.name);
            let seen = format!("{access} for {user}");
            findings.push(finding(object, "access", seen, "users by name, who consume it"));
        }
    }
    Ok(outcome(findings, format!("{}, for users by name", count(total, "offer"))))
}

/// JUJU-19: No application is exposed
fn nothing_is_exposed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    context.deployed()?;
    of_all(context, "none is exposed", |app| {
        let wanted = "not exposed: the gateway's Service is the way in";
        app.exposed.then(|| finding(object(app), "exposed", "true", wanted))
    })
}

/// Options that switch a protection off, by charm: the values that do, what they do, and what is
/// wanted.
const UNPROTECTING: &[(&str, &str, &[&str], &str, &str)] = &[
    ("jupyter-ui", "backend-mode", DEVELOPMENT, SKIPS, "production"),
    ("kubeflow-volumes", "backend-mode", DEVELOPMENT, SKIPS, "production"),
    ("tensorboards-web-app", "backend-mode", DEVELOPMENT, SKIPS, "production"),
    ("oidc-gatekeeper", "userid-claim", CHOSEN, "a claim that users choose themselves", "email"),
    ("opentelemetry-collector-k8s", "tls_insecure_skip_verify", &["true"], TRUSTS_ALL, "false"),
    ("grafana-agent-k8s", "tls_insecure_skip_verify", &["true"], TRUSTS_ALL, "false"),
    (
        "istio-beacon-k8s",
        "manage-authorization-policies",
        &["false"],
        "no policy is made for what is related",
        "true",
    ),
];
const DEVELOPMENT: &[&str] = &["dev", "development"];
const TRUSTS_ALL: &str =
    "metrics and logs go to anyone who answers; relate receive-ca-cert instead";
const SKIPS: &str = "the web app does not ask whether a user may";
const CHOSEN: &[&str] =
    &["name", "nickname", "preferred_username", "given_name", "family_name", "profile", "website"];

/// JUJU-20: No option of a charm switches a protection off
fn no_option_unprotects(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut findings = Vec::new();
    let all = context.applications()?;
    for app in all {
        for (_, option, values, effect, wanted) in
            UNPROTECTING.iter().filter(|(charm, ..)| *charm == app.charm)
        {
            let value = app.option(option).unwrap_or_default().trim().to_lowercase();
            if values.contains(&value.as_str()) {
                findings.push(finding(object(app), option, format!("{value}: {effect}"), *wanted));
            }
        }
    }
    Ok(outcome(findings, format!("{} without such an option", count(all.len(), "application"))))
}
