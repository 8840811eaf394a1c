//! Requests of the login filters to oidc-gatekeeper.

use crate::controls::authn::filters::{LoginPatch, logins};
use crate::controls::check::Check;
use crate::facts::istio::reference;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::views::ingress::Ingress;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("AUTHN-03", login_fails_closed),
    ("AUTHN-04", login_asks_gatekeeper),
    ("AUTHN-05", login_passes_few_headers),
];

const GATEKEEPER: &str = "oidc-gatekeeper";

const GATEKEEPER_PORT: u16 = 8080;

/// Checks each login patch.
fn each_login(
    context: &Context<'_>,
    evidence: &str,
    mut check: impl FnMut(LoginPatch<'_>, &mut Vec<Finding>) -> Result<(), MissingFact>,
) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let logins = logins(context, &ingress)?;
    if logins.is_empty() {
        return Ok(Outcome::NotApplicable("no filter requires login, see AUTHN-01".into()));
    }
    let mut findings = Vec::new();
    for login in logins {
        check(login, &mut findings)?;
    }
    Ok(outcome(findings, evidence))
}

/// AUTHN-03: Login fails closed
fn login_fails_closed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_login(
        context,
        "requests are refused while login is unavailable",
        |(filter, _, login), findings| {
            if login.failure_mode_allow {
                findings.push(finding(
                    filter.reference(),
                    "failure_mode_allow",
                    "true",
                    "false or absent",
                ));
            }
            Ok(())
        },
    )
}

/// Whether an Envoy cluster, in Istio's form `direction|port|subset|host`, is
/// the gatekeeper's; a name of another form is one that a filter defined.
fn leads_to(cluster: &str, host: &str) -> bool {
    let parts: Vec<&str> = cluster.split('|').collect();
    parts.len() == 4
        && parts[0] == "outbound"
        && parts[1] == GATEKEEPER_PORT.to_string()
        && parts[3] == host
}

/// AUTHN-04: Login is delegated to oidc-gatekeeper
fn login_asks_gatekeeper(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespace = context.namespace();
    let host = format!("{GATEKEEPER}.{namespace}.svc.cluster.local");
    each_login(
        context,
        "oidc-gatekeeper decides on logins, and is ready",
        |(filter, _, login), findings| {
            let uri = login.uri.as_str();
            let authority = uri
                .split_once("://")
                .map_or(uri, |(_, rest)| rest)
                .split('/')
                .next()
                .unwrap_or_default();
            if authority != format!("{host}:{GATEKEEPER_PORT}") {
                findings.push(finding(
                    filter.reference(),
                    "http_service.server_uri.uri",
                    uri,
                    format!("http://{host}:{GATEKEEPER_PORT}"),
                ));
                return Ok(());
            }
            let cluster = login.cluster.as_deref().unwrap_or_default();
            if !cluster.is_empty() && !leads_to(cluster, &host) {
                findings.push(finding(
                    filter.reference(),
                    "http_service.server_uri.cluster",
                    cluster,
                    format!("outbound|{GATEKEEPER_PORT}||{host}"),
                ));
                return Ok(());
            }
            let object = reference("v1", "Service", namespace, GATEKEEPER);
            let service = context
                .services()?
                .iter()
                .find(|s| s.metadata.namespace == namespace && s.metadata.name == GATEKEEPER);
            let Some(service) = service else {
                findings.push(finding(
                    object,
                    "metadata.name",
                    "missing",
                    "the Service of oidc-gatekeeper",
                ));
                return Ok(());
            };
            let ready = context.pods()?.iter().any(|p| {
                service.selects(&p.metadata.namespace, &p.metadata.labels) && p.is_ready()
            });
            if !ready {
                findings.push(finding(
                    object,
                    "spec.selector",
                    "no ready pod",
                    "a ready pod of oidc-gatekeeper",
                ));
            }
            Ok(())
        },
    )
}

/// AUTHN-05: Login forwards only the headers that it needs
fn login_passes_few_headers(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_login(context, "only kubeflow-userid goes upstream", |(filter, _, login), findings| {
        let mut check = |field: &str, seen: &[String], wanted: &[&str], all: bool| {
            let mut sorted: Vec<&str> = seen.iter().map(String::as_str).collect();
            sorted.sort_unstable();
            sorted.dedup();
            let fits =
                if all { sorted == wanted } else { sorted.iter().all(|h| wanted.contains(h)) };
            if !fits {
                findings.push(finding(
                    filter.reference(),
                    field,
                    sorted.join(", "),
                    wanted.join(", "),
                ));
            }
        };
        check("allowed_upstream_headers", &login.upstream_headers, &["kubeflow-userid"], true);
        check("allowed_headers", &login.request_headers, &["cookie", "x-auth-token"], false);
        Ok(())
    })
}
