//! Trust: who holds the cluster's keys by Juju, and whether Kubernetes agrees.

use std::collections::BTreeMap;

use crate::catalog::{self, Companion};
use crate::controls::application::object;
use crate::controls::check::Check;
use crate::facts::juju::Application;
use crate::facts::object::Object as _;
use crate::facts::rbac::ClusterRole;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("JUJU-02", trust_is_as_needed)];

/// The endpoint by which charms join the ambient mesh.
const MESH: &str = "service-mesh";

/// JUJU-02: Applications have trust where they need it, and nowhere else
fn trust_is_as_needed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let release = context.release()?;
    let all = context.applications()?;
    let mut findings = Vec::new();
    for app in all {
        let released = release.applications.values().find(|known| known.charm == app.charm);
        let known = catalog::companions().get(&app.charm);
        let expected =
            known.is_some_and(|known| known.trust) || released.is_some_and(|known| known.trust);
        let needs = known.map(|known| (known.why.as_str(), needs(app, known)));
        match (app.trusted, needs.filter(|(_, kinds)| !kinds.is_empty())) {
            (true, _) if !expected => {
                findings.push(finding(object(app), "trust", "true", "false, as the release has it"))
            }
            (false, Some((why, kinds))) => {
                let wanted = format!("true: {why}, {}", kinds.join(", "));
                findings.push(finding(object(app), "trust", "false", wanted));
            }
            _ => {}
        }
    }
    // A bundle that is only planned has no roles yet.
    if !context.juju()?.planned {
        match roles_of_juju(context) {
            Ok(roles) => findings
                .extend(all.iter().filter_map(|app| disagreement(app, roles.get(&*app.name)?))),
            // What Juju says is a finding whatever Kubernetes would say.
            Err(_) if !findings.is_empty() => {}
            Err(missing) => return Err(missing),
        }
    }
    let evidence = format!("{}, trusted as they need it", count(all.len(), "application"));
    Ok(outcome(findings, evidence))
}

/// Kinds that an application, as it is integrated, writes and may not write without trust.
fn needs<'a>(app: &Application, known: &'a Companion) -> Vec<&'a str> {
    let is_meshed = app.relations.get(MESH).is_some_and(|with| !with.is_empty());
    let meshed = known.meshed.iter().filter(|_| is_meshed);
    known.writes.iter().chain(meshed).map(String::as_str).collect()
}

/// The ClusterRole that Juju makes for each application of the model, by application. Its name is
/// of the model and the application.
fn roles_of_juju<'a>(
    context: &Context<'a>,
) -> Result<BTreeMap<&'a str, &'a ClusterRole>, MissingFact> {
    let model = context.namespace();
    let of_juju = context.cluster_roles()?.iter().filter_map(|role| {
        let is_juju = role.metadata.label("app.kubernetes.io/managed-by") == Some("juju");
        let name = role.metadata.name.strip_prefix(model)?.strip_prefix('-')?;
        is_juju.then_some((name, role))
    });
    Ok(of_juju.collect())
}

/// Juju writes everything into the role of a trusted application, and next to nothing into that of
/// another; a change of trust that Kubernetes refused leaves the role behind.
fn disagreement(app: &Application, role: &ClusterRole) -> Option<Finding> {
    let has_everything = role.rules.iter().any(|rule| rule.allows("*", "*", "*"));
    let seen = match (app.trusted, has_everything, role.rules.len()) {
        (true, false, 0) => "none, though Juju has the application trusted",
        (true, false, _) => "not all rights, though Juju has the application trusted",
        (false, true, _) => "all rights, though Juju has the application not trusted",
        _ => return None,
    };
    let wanted = match app.trusted {
        true => format!("all rights: juju trust {} --scope=cluster", app.name),
        false => format!("its own pods only: juju trust {} --remove --scope=cluster", app.name),
    };
    Some(finding(role.reference(), "rules", seen, wanted))
}
