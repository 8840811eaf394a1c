//! Credentials in options of charms.

use crate::controls::application::{object, of_charm};
use crate::controls::check::Check;
use crate::facts::juju::Application;
use crate::finding::{Outcome, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("CRED-06", gatekeeper_secret_has_no_effect),
    ("CRED-13", mysql_has_tls),
    ("CRED-14", no_password_in_options),
];

/// CRED-06: The unused option client-secret is unset
fn gatekeeper_secret_has_no_effect(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, "oidc-gatekeeper", "client-secret is not set", |app| {
        app.has_set("client-secret")
            .then(|| finding(object(app), "client-secret", "set", "unset: it has no effect"))
    })
}

/// CRED-13: MySQL serves TLS
fn mysql_has_tls(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, "mysql-k8s", "each has a certificate", |app| {
        let is_related = app.is_related("certificates");
        let field = "relation certificates";
        (!is_related).then(|| finding(object(app), field, "absent", "a certificate authority"))
    })
}

/// Options that this charm's rotations set, because the charms take the value in no other way.
const ROTATED: [(&str, &str, &str); 2] =
    [("dex-auth", "static-password", "dex"), ("minio", "secret-key", "minio")];

/// CRED-14: No secret is in a plain option
fn no_password_in_options(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let rotated = context.rotated();
    let is_rotated = |app: &Application, option: &str| {
        let known = ROTATED.iter().find(|(charm, name, _)| *charm == app.charm && *name == option);
        let since = known.and_then(|(_, _, credential)| rotated.get(credential));
        since.is_some_and(|since| {
            context.now().duration_since(*since) <= context.policy.password_age
        })
    };
    let all = context.applications()?.iter();
    let findings = all.flat_map(|app| {
        let set = app.options.iter().filter(|(_, setting)| setting.set);
        let set = set.filter(|(name, _)| !is_rotated(app, name));
        let secrets = set.filter(|(_, setting)| setting.secret || setting.password.is_some());
        secrets.map(|(name, setting)| {
            let seen = match setting.password {
                Some(_) => "a password, which every reader of the model sees",
                None => "a text with a secret in it, which every reader of the model sees",
            };
            finding(object(app), name, seen, "unset, or a secret")
        })
    });
    let findings = findings.collect();
    Ok(outcome(findings, "no option that is set holds a secret"))
}
