//! Ways to the web apps past the gateway.

use crate::controls::check::Check;
use crate::facts::core::Pod;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::ambient_ways::{AmbientWays, ThroughWaypoint};
use crate::views::authorization::Admission;
use crate::views::network_policy::opening;
use crate::views::web_apps::WEB_APPS;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("NET-02", web_apps_guarded)];

/// NET-02: The web apps are reached through the gateway only
fn web_apps_guarded(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespace = context.namespace();
    let ambient = AmbientWays::of(context)?;
    let mut findings = Vec::new();
    let mut unknown = None;
    let mut guarded = 0;
    for (app, ports) in WEB_APPS {
        let pods = context.pods()?.iter().filter(|p| {
            p.metadata.namespace == *namespace
                && p.metadata.label("app.kubernetes.io/name") == Some(app)
                && !p.is_finished()
        });
        for (pod, port) in pods.flat_map(|pod| ports.iter().map(move |port| (pod, *port))) {
            let before = findings.len();
            let wanted = format!("only the gateway and the control plane reach {app}");
            if let Some((object, field, seen)) = opening(context, pod, port, &[namespace])? {
                let by_mesh = ambient.as_ref().filter(|mesh| mesh.has(pod));
                match by_mesh.map(|mesh| mesh.directly(pod, port)).transpose()? {
                    Some(Admission::No) => {}
                    Some(Admission::Unknown(why)) => unknown = Some(why),
                    _ => findings.push(finding(object, &field, seen, wanted.clone())),
                }
            }
            let ways =
                ambient.as_ref().map(|mesh| mesh.through_waypoints(pod, port)).transpose()?;
            for way in ways.into_iter().flatten() {
                match passed_on(way, pod, &wanted) {
                    Ok(found) => findings.extend(found),
                    Err(why) => unknown = Some(why),
                }
            }
            guarded += usize::from(findings.len() == before);
        }
    }
    if findings.is_empty() && guarded == 0 {
        return Ok(Outcome::NotAssessed("there is no pod of a web app".into()));
    }
    if let Some(why) = unknown.filter(|_| findings.is_empty()) {
        return Ok(Outcome::NotAssessed(why));
    }
    Ok(outcome(
        findings,
        format!(
            "{} closed to other namespaces; kfp-api, which trusts the same header, is not among them",
            count(guarded, "port")
        ),
    ))
}

/// What lets others through a waypoint to a pod; an error if that is not known.
fn passed_on(way: ThroughWaypoint<'_>, pod: &Pod, wanted: &str) -> Result<Option<Finding>, String> {
    let waypoint = format!("Gateway {}/{}", way.waypoint.namespace, way.waypoint.name);
    let pod = &pod.metadata.name;
    match way.admission {
        Admission::No => Ok(None),
        Admission::Unknown(why) => Err(why),
        Admission::Yes(_, Some(cause)) => Ok(Some(finding(
            cause.policy.reference(),
            &format!("spec.rules[{}]", cause.rule),
            format!("admits pods of other namespaces to {pod} by {waypoint}"),
            wanted,
        ))),
        Admission::Yes(_, None) => Ok(Some(finding(
            way.service.reference(),
            "AuthorizationPolicy",
            format!("none, so every pod in the mesh reaches {pod} by {waypoint}"),
            wanted,
        ))),
    }
}
