//! Options of Dex, oidc-gatekeeper and the web apps.

use crate::controls::application::{object, of_charm};
use crate::controls::check::Check;
use crate::facts::juju::Application;
use crate::finding::{Outcome, count, finding, outcome};
use crate::policy::Profile;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("AUTHN-06", nothing_skips_login),
    ("AUTHN-08", no_static_user),
    ("AUTHN-09", static_user_is_no_default),
    ("AUTHN-10", static_password_is_strong),
    ("AUTHN-11", issuer_is_https),
    ("AUTHN-12", cookies_are_secure),
    ("AUTHN-13", public_url_is_unset),
];

/// Shortest static password that is accepted, in characters.
const PASSWORD_LENGTH: usize = 14;

/// Web applications that set cookies.
const WITH_COOKIES: [&str; 3] = ["jupyter-ui", "kubeflow-volumes", "tensorboards-web-app"];

/// AUTHN-06: No route is exempt from login
fn nothing_skips_login(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, "oidc-gatekeeper", "skip-auth-urls is empty", |app| {
        let urls = app.option("skip-auth-urls")?;
        Some(finding(object(app), "skip-auth-urls", urls, "empty"))
    })
}

const DEX: &str = "dex-auth";

fn has_static_user(dex: &Application) -> bool {
    dex.option("enable-password-db") != Some("false")
}

/// AUTHN-08: Users log in through an identity provider
fn no_static_user(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let known = context.applications()?.iter().any(|app| app.charm == DEX);
    if known && context.policy.profile != Profile::Strict {
        let why = "required by the profile strict only: a static user is for trials";
        return Ok(Outcome::NotApplicable(why.into()));
    }
    of_charm(context, DEX, "users log in at a provider of their own", |dex| {
        if has_static_user(dex) {
            return Some(finding(object(dex), "enable-password-db", "true", "false"));
        }
        let has_connectors = dex.has_set("connectors");
        (!has_connectors).then(|| finding(object(dex), "connectors", "unset", "a provider"))
    })
}

/// AUTHN-09: The static user is not the default `admin`
fn static_user_is_no_default(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, DEX, "Dex has no static user, or one of another name", |dex| {
        let name = dex.option("static-username").unwrap_or_default();
        let is_default = has_static_user(dex) && ["", "admin"].contains(&name);
        let seen = "admin, which KFAM takes for the cluster's administrator";
        is_default.then(|| finding(object(dex), "static-username", seen, "another name"))
    })
}

/// AUTHN-10: The static password is strong
fn static_password_is_strong(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, DEX, "the static password is strong, or the charm's own", |dex| {
        let strength = dex.options.get("static-password")?.password?;
        let wanted = format!("{PASSWORD_LENGTH} characters at least");
        let seen = match strength.well_known {
            true => "a well-known password".to_owned(),
            false => count(strength.length, "character"),
        };
        let is_weak = strength.well_known || strength.length < PASSWORD_LENGTH;
        (has_static_user(dex) && is_weak)
            .then(|| finding(object(dex), "static-password", seen, wanted))
    })
}

/// AUTHN-11: The OIDC issuer uses HTTPS
fn issuer_is_https(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let is_strict = context.policy.profile == Profile::Strict;
    of_charm(context, DEX, "the issuer is reached by https, or inside of the cluster only", |dex| {
        let url = dex.option("issuer-url").unwrap_or_default();
        let is_open = url.starts_with("http://") || url.is_empty() && is_strict;
        let seen = if url.is_empty() { "the in-cluster http URL" } else { url };
        is_open.then(|| finding(object(dex), "issuer-url", seen, "an https URL"))
    })
}

/// AUTHN-12: The web apps set secure cookies
fn cookies_are_secure(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let is_web = |app: &&Application| WITH_COOKIES.contains(&app.charm.as_str());
    let all: Vec<_> = context.applications()?.iter().filter(is_web).collect();
    if all.is_empty() {
        return Ok(Outcome::NotApplicable("the model has no such web application".into()));
    }
    let total = all.len();
    let open = all.into_iter().filter(|app| app.option("secure-cookies") != Some("true"));
    let findings = open.map(|app| {
        let seen = app.option("secure-cookies").unwrap_or("unset").to_owned();
        finding(object(app), "secure-cookies", seen, "true")
    });
    let findings = findings.collect();
    Ok(outcome(findings, format!("{} set secure cookies", count(total, "web application"))))
}

/// AUTHN-13: Dex's deprecated public-url is unset
fn public_url_is_unset(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, DEX, "public-url is unset", |dex| {
        let url = dex.option("public-url")?;
        let wanted = "unset: issuer-url replaces it";
        Some(finding(object(dex), "public-url", url, wanted))
    })
}
