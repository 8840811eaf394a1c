//! NetworkPolicies of profiles and of the web apps.

use crate::controls::check::Check;
use crate::facts::istio::reference;
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::context::by_namespace;
use crate::views::network_policy::opening;
use crate::views::web_apps::WEB_APPS;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("NET-01", default_deny), ("NET-02", web_apps_guarded)];

pub(super) fn no_profiles() -> Outcome {
    Outcome::NotApplicable("there is no Profile".into())
}

/// NET-01: Profiles deny traffic by default
fn default_deny(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let policies = context.network_policies()?.iter();
    let policies = by_namespace(policies.filter(|p| p.is_for_ingress()));
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let mut findings = Vec::new();
    for profile in profiles {
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        let object = reference("v1", "Namespace", "", profile);
        let whole: Vec<_> = here.iter().filter(|p| p.spec.pod_selector.is_empty()).collect();
        if whole.is_empty() {
            let seen = if here.is_empty() {
                "none".to_owned()
            } else {
                format!("{}, none for all pods", count(here.len(), "policy"))
            };
            findings.push(finding(
                object,
                "NetworkPolicy for ingress",
                seen,
                "one with an empty podSelector",
            ));
        }
        for policy in whole.iter().filter(|p| p.spec.ingress.iter().any(|r| r.admits_all())) {
            findings.push(finding(
                policy.reference(),
                "spec.ingress",
                "admits every client to every pod",
                "chosen sources",
            ));
        }
    }
    Ok(outcome(findings, format!("{} deny by default", count(profiles.len(), "Profile"))))
}

/// NET-02: The web apps are reached through the gateway only
fn web_apps_guarded(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespace = context.namespace();
    let mut findings = Vec::new();
    let mut guarded = 0;
    for (app, ports) in WEB_APPS {
        let pods = context.pods()?.iter().filter(|p| {
            p.metadata.namespace == *namespace
                && p.metadata.label("app.kubernetes.io/name") == Some(app)
                && !p.is_finished()
        });
        for pod in pods {
            for port in *ports {
                match opening(context, pod, *port, &[namespace])? {
                    None => guarded += 1,
                    Some((object, field, seen)) => {
                        findings.push(finding(
                            object,
                            &field,
                            seen,
                            format!("only the gateway and the control plane reach {app}"),
                        ));
                    }
                }
            }
        }
    }
    if findings.is_empty() && guarded == 0 {
        return Ok(Outcome::NotAssessed("there is no pod of a web app".into()));
    }
    Ok(outcome(
        findings,
        format!(
            "{} closed to other namespaces; kfp-api, which trusts the same header, is not among them",
            count(guarded, "port")
        ),
    ))
}
