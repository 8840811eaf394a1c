//! The platform's applications as Juju sees them: options, relations, trust,
//! channels and what their units say.

use super::context::{Context, Missing};
use super::{Check, Finding, Outcome, count, finding, outcome};
use crate::facts::istio::reference;
use crate::facts::juju::Application;
use crate::facts::object::ObjectRef;
use crate::policy::Profile;
use crate::relations::topology::CHARM;
use crate::rocks::names_images;

/// The checks that are made of applications.
pub const CHECKS: &[(&str, Check)] = &[
    ("CRED-06", gatekeeper_secret_has_no_effect),
    ("CRED-13", mysql_has_tls),
    ("CRED-14", no_password_in_options),
    ("JUJU-02", trust_is_as_released),
    ("JUJU-03", no_unit_is_troubled),
    ("JUJU-04", options_are_as_declared),
    ("IMG-06", images_are_the_defaults),
    ("UPG-01", charms_are_fresh),
    ("UPG-03", channels_are_stable),
    ("OBS-01", metrics_are_related),
    ("OBS-02", dashboards_are_related),
    ("OBS-03", logs_are_related),
    ("AUTHN-06", nothing_skips_login),
    ("AUTHN-08", no_static_user),
    ("AUTHN-09", static_user_is_no_default),
    ("AUTHN-10", static_password_is_strong),
    ("AUTHN-11", issuer_is_https),
    ("AUTHN-12", cookies_are_secure),
    ("AUTHN-13", public_url_is_unset),
    ("TLS-12", one_certificate_source),
    ("PSS-02", profiles_get_the_policy),
];

/// Shortest static password that is accepted, in characters.
const PASSWORD_LENGTH: usize = 14;
/// Web applications that set cookies.
const WITH_COOKIES: [&str; 3] = ["jupyter-ui", "kubeflow-volumes", "tensorboards-web-app"];

/// An application, as findings name it.
pub(crate) fn application_reference(name: &str) -> ObjectRef {
    reference("juju", "Application", "", name)
}

fn object(application: &Application) -> ObjectRef {
    application_reference(&application.name)
}

/// A check of each application of a charm.
fn of_charm(
    context: &Context<'_>,
    charm: &str,
    evidence: &str,
    check: impl Fn(&Application) -> Option<Finding>,
) -> Result<Outcome, Missing> {
    let applications = context.applications()?.iter();
    let all: Vec<_> = applications.filter(|a| a.charm == charm).collect();
    if all.is_empty() {
        let nothing = format!("the model has no application of the charm {charm}");
        return Ok(Outcome::NotApplicable(nothing));
    }
    let findings = all.into_iter().filter_map(check).collect();
    Ok(outcome(findings, evidence))
}

/// A check of every application.
fn of_all(
    context: &Context<'_>,
    evidence: &str,
    check: impl Fn(&Application) -> Option<Finding>,
) -> Result<Outcome, Missing> {
    let all = context.applications()?;
    let findings = all.iter().filter_map(check).collect();
    let evidence = format!("{}: {evidence}", count(all.len(), "application"));
    Ok(outcome(findings, evidence))
}

fn gatekeeper_secret_has_no_effect(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, "oidc-gatekeeper", "client-secret is not set", |app| {
        app.has_set("client-secret")
            .then(|| finding(object(app), "client-secret", "set", "unset: it has no effect"))
    })
}

fn mysql_has_tls(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, "mysql-k8s", "each has a certificate", |app| {
        let is_related = app.is_related("certificates");
        let field = "relation certificates";
        (!is_related).then(|| finding(object(app), field, "absent", "a certificate authority"))
    })
}

fn no_password_in_options(context: &Context<'_>) -> Result<Outcome, Missing> {
    let all = context.applications()?.iter();
    let findings = all.flat_map(|app| {
        let set = app.options.iter().filter(|(_, setting)| setting.set);
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

fn trust_is_as_released(context: &Context<'_>) -> Result<Outcome, Missing> {
    let release = context.release()?;
    of_all(context, "those with trust are trusted by the release", |app| {
        let released = release.applications.values().find(|known| known.charm == app.charm);
        let expected = TRUSTED_COMPANIONS.contains(&app.charm.as_str())
            || released.is_some_and(|known| known.trust);
        (app.trusted && !expected)
            .then(|| finding(object(app), "trust", "true", "false, as the release has it"))
    })
}

/// Charms beside the release's own that need trust: this one reads the whole cluster, and
/// telemetry agents find out what runs.
const TRUSTED_COMPANIONS: [&str; 3] =
    ["ckf-hardening", "grafana-agent-k8s", "opentelemetry-collector-k8s"];

fn no_unit_is_troubled(context: &Context<'_>) -> Result<Outcome, Missing> {
    let all = context.deployed()?;
    // Our own status is made of these verdicts.
    let others = all.iter().filter(|app| app.charm != CHARM);
    let units = others.flat_map(|app| &app.troubled);
    let findings = units.map(|(unit, says)| {
        let object = reference("juju", "Unit", "", unit);
        finding(object, "workload status", says.clone(), "active")
    });
    let findings = findings.collect();
    Ok(outcome(findings, "no unit is in error or blocked"))
}

fn options_are_as_declared(context: &Context<'_>) -> Result<Outcome, Missing> {
    let declared = &context.policy.options;
    if declared.is_empty() {
        return Ok(Outcome::NotApplicable("the policy declares no options".into()));
    }
    let all = context.applications()?;
    let (mut findings, mut unknown) = (Vec::new(), Vec::new());
    for (name, options) in declared {
        let Some(application) = all.iter().find(|application| application.name == *name) else {
            let missing = reference("juju", "Application", "", name);
            findings.push(finding(missing, "application", "not in the model", "deployed"));
            continue;
        };
        for (option, wanted) in options {
            let Some(setting) = application.options.get(option) else {
                // What was meant for another option may be a secret.
                let wanted = "to be an option of it";
                findings.push(finding(object(application), option, "no such option", wanted));
                continue;
            };
            match (&setting.value, setting.as_declared) {
                (Some(seen), _) if seen.trim() == wanted.trim() => {}
                (Some(seen), _) => {
                    findings.push(finding(object(application), option, seen, wanted));
                }
                (None, Some(true)) => {}
                (None, Some(false)) => {
                    let seen = match setting.set {
                        true => "set, and not as declared",
                        false => "not set as declared",
                    };
                    let wanted = "what the policy declares";
                    findings.push(finding(object(application), option, seen, wanted));
                }
                // A snapshot has only the values of options that are known to be harmless.
                (None, None) => unknown.push(format!("{name}: {option}")),
            }
        }
    }
    Ok(match (findings.is_empty(), unknown.is_empty()) {
        (true, false) => Outcome::NotAssessed(format!(
            "no value was read of {}; audit with a login and this policy",
            unknown.join(", ")
        )),
        _ => outcome(findings, "all options are as declared"),
    })
}

fn images_are_the_defaults(context: &Context<'_>) -> Result<Outcome, Missing> {
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
                "set by somebody",
                "the charm's default, or declared in the policy",
            )
        })
    });
    let findings = findings.collect();
    Ok(outcome(findings, "no option that names images is set"))
}

fn charms_are_fresh(context: &Context<'_>) -> Result<Outcome, Missing> {
    context.deployed()?;
    of_all(context, "each at the newest revision of its channel", |app| {
        let newer = app.can_upgrade_to.as_ref()?;
        let seen = app.revision.map_or("an older one".into(), |r| r.to_string());
        Some(finding(object(app), "charm revision", seen, newer.clone()))
    })
}

fn channels_are_stable(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_all(context, "each follows a stable channel", |app| {
        let risk = app.channel.split('/').next_back().unwrap_or_default();
        let seen = match app.channel.as_str() {
            "" => "none: a local charm".to_owned(),
            channel => channel.to_owned(),
        };
        (risk != "stable").then(|| finding(object(app), "channel", seen, "a stable one"))
    })
}

fn metrics_are_related(context: &Context<'_>) -> Result<Outcome, Missing> {
    is_observed(context, "metrics-endpoint")
}

fn dashboards_are_related(context: &Context<'_>) -> Result<Outcome, Missing> {
    is_observed(context, "grafana-dashboard")
}

fn logs_are_related(context: &Context<'_>) -> Result<Outcome, Missing> {
    is_observed(context, "logging")
}

/// Every application that the release can observe by an endpoint is related there.
fn is_observed(context: &Context<'_>, endpoint: &str) -> Result<Outcome, Missing> {
    let release = context.release()?;
    let can = |app: &Application| {
        let known = release.applications.values().find(|known| known.charm == app.charm);
        known.is_some_and(|known| known.cos.iter().any(|name| name == endpoint))
    };
    let all: Vec<_> = context.applications()?.iter().filter(|app| can(app)).collect();
    let total = all.len();
    let missing = all.into_iter().filter(|app| !app.is_related(endpoint));
    let field = format!("relation {endpoint}");
    let agent = telemetry_agent(context.applications()?, endpoint);
    let findings = missing.map(|app| {
        let wanted = format!("juju integrate {}:{endpoint} {agent}", app.name);
        finding(object(app), &field, "absent", wanted)
    });
    let findings = findings.collect();
    Ok(match total {
        0 => Outcome::NotApplicable(format!("no application of the model has {endpoint}")),
        total => outcome(findings, format!("{} related", count(total, "application"))),
    })
}

/// The endpoint of the telemetry agent of the model to which an endpoint is related; that of
/// the collector that is to be deployed, if there is none.
fn telemetry_agent(applications: &[Application], endpoint: &str) -> String {
    let of_charm = |charm: &str| applications.iter().find(|app| app.charm == charm);
    // grafana-agent-k8s is past its end of life: it is named only where it is all there is.
    let (name, logs) =
        match (of_charm("opentelemetry-collector-k8s"), of_charm("grafana-agent-k8s")) {
            (Some(collector), _) => (collector.name.as_str(), "receive-loki-logs"),
            (None, Some(agent)) => (agent.name.as_str(), "logging-provider"),
            (None, None) => ("opentelemetry-collector-k8s", "receive-loki-logs"),
        };
    let other_side = match endpoint {
        "grafana-dashboard" => "grafana-dashboards-consumer",
        "logging" => logs,
        same => same,
    };
    format!("{name}:{other_side}")
}

fn nothing_skips_login(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, "oidc-gatekeeper", "skip-auth-urls is empty", |app| {
        let urls = app.option("skip-auth-urls")?;
        Some(finding(object(app), "skip-auth-urls", urls, "empty"))
    })
}

const DEX: &str = "dex-auth";

fn has_static_user(dex: &Application) -> bool {
    dex.option("enable-password-db") != Some("false")
}

fn no_static_user(context: &Context<'_>) -> Result<Outcome, Missing> {
    let known = context.applications()?.iter().any(|app| app.charm == DEX);
    if known && context.policy.profile != Profile::Strict {
        let why = "asked for by the profile strict only: a static user is for trying out";
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

fn static_user_is_no_default(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, DEX, "Dex has no static user, or one of another name", |dex| {
        let name = dex.option("static-username").unwrap_or_default();
        let is_default = has_static_user(dex) && ["", "admin"].contains(&name);
        let seen = "admin, which KFAM takes for the cluster's administrator";
        is_default.then(|| finding(object(dex), "static-username", seen, "another name"))
    })
}

fn static_password_is_strong(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, DEX, "the static password is strong, or the charm's own", |dex| {
        let strength = dex.options.get("static-password")?.password?;
        let wanted = format!("{PASSWORD_LENGTH} characters at least");
        let seen = match strength.well_known {
            true => "one that everybody tries first".to_owned(),
            false => count(strength.length, "character"),
        };
        let is_weak = strength.well_known || strength.length < PASSWORD_LENGTH;
        (has_static_user(dex) && is_weak)
            .then(|| finding(object(dex), "static-password", seen, wanted))
    })
}

fn issuer_is_https(context: &Context<'_>) -> Result<Outcome, Missing> {
    let is_strict = context.policy.profile == Profile::Strict;
    of_charm(context, DEX, "the issuer is reached by https, or inside of the cluster only", |dex| {
        let url = dex.option("issuer-url").unwrap_or_default();
        let is_open = url.starts_with("http://") || url.is_empty() && is_strict;
        let seen = if url.is_empty() { "the in-cluster http URL" } else { url };
        is_open.then(|| finding(object(dex), "issuer-url", seen, "an https URL"))
    })
}

fn cookies_are_secure(context: &Context<'_>) -> Result<Outcome, Missing> {
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

fn public_url_is_unset(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, DEX, "public-url is unset", |dex| {
        let url = dex.option("public-url")?;
        let wanted = "unset: issuer-url has taken its place";
        Some(finding(object(dex), "public-url", url, wanted))
    })
}

fn one_certificate_source(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, "istio-pilot", "not both a relation and a secret", |pilot| {
        let both = pilot.is_related("certificates") && pilot.option("tls-secret-id").is_some();
        let seen = "set, and certificates is related";
        both.then(|| finding(object(pilot), "tls-secret-id", seen, "one of the two"))
    })
}

fn profiles_get_the_policy(context: &Context<'_>) -> Result<Outcome, Missing> {
    of_charm(context, "kubeflow-profiles", "new profiles are restrained", |app| {
        let policy = app.option("security-policy").unwrap_or("privileged");
        let is_strong = ["baseline", "restricted"].contains(&policy);
        (!is_strong).then(|| finding(object(app), "security-policy", policy, "baseline"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_paste_names_the_agent_that_is_there() {
        let of = |name: &str, charm: &str| Application {
            name: name.into(),
            charm: charm.into(),
            ..Application::default()
        };
        let none: [Application; 0] = [];
        assert_eq!(
            telemetry_agent(&none, "metrics-endpoint"),
            "opentelemetry-collector-k8s:metrics-endpoint"
        );
        let collector = [of("otel", "opentelemetry-collector-k8s")];
        assert_eq!(telemetry_agent(&collector, "logging"), "otel:receive-loki-logs");
        let agent = [of("agent", "grafana-agent-k8s")];
        assert_eq!(
            telemetry_agent(&agent, "grafana-dashboard"),
            "agent:grafana-dashboards-consumer"
        );
        assert_eq!(telemetry_agent(&agent, "logging"), "agent:logging-provider");
        let both = [agent[0].clone(), collector[0].clone()];
        assert_eq!(telemetry_agent(&both, "logging"), "otel:receive-loki-logs");
    }
}
