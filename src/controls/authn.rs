//! Authentication: login in front of the ingress.

use super::context::{Context, Missing, allowed};
use super::ingress::{Ingress, Reach, patches_port};
use super::tls::{ambient_ingress, is_ambient};
use super::{Check, Outcome, count, finding, outcome};
use crate::facts::istio::{ConfigPatch, EnvoyFilter, ExtAuthz, reference};
use crate::facts::object::Object;

/// The checks of this section.
pub const CHECKS: &[(&str, Check)] = &[
    ("AUTHN-01", login_is_there),
    ("AUTHN-02", login_covers_every_port),
    ("AUTHN-03", login_fails_closed),
    ("AUTHN-04", login_asks_gatekeeper),
    ("AUTHN-05", login_passes_few_headers),
    ("AUTHN-07", no_foreign_filter),
];

/// Name of the filter that istio-pilot writes.
const OWN_FILTER: &str = "istio-pilot-authn-filter";
const GATEKEEPER: &str = "oidc-gatekeeper";
const GATEKEEPER_PORT: u16 = 8080;

type LoginPatch<'a> = (&'a EnvoyFilter, &'a ConfigPatch, &'a ExtAuthz);

/// The patches that put login in front of the ingress.
fn logins<'a>(
    context: &Context<'a>,
    ingress: &Ingress<'_>,
) -> Result<Vec<LoginPatch<'a>>, Missing> {
    let filters = context.envoy_filters()?.iter().filter(|f| ingress.is_patched_by(f));
    Ok(filters
        .flat_map(|f| f.patches.iter().map(move |p| (f, p)))
        .filter(|(_, p)| {
            p.apply_to == "HTTP_FILTER"
                && (p.operation.starts_with("INSERT") || p.operation == "ADD")
        })
        .filter(|(_, p)| matches!(&*p.context, "GATEWAY" | "ANY" | ""))
        .filter_map(|(f, p)| Some((f, p, p.ext_authz.as_ref()?)))
        .collect())
}

fn ambient_login(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut findings = Vec::new();
    let policies = context.authorization_policies()?;
    for gateway in ambient_ingress(context)? {
        let guarded = policies.iter().any(|p| {
            p.spec.action == "CUSTOM"
                && p.metadata.namespace == gateway.metadata.namespace
                && !p.spec.rules.is_empty()
                && (p
                    .spec
                    .target_refs
                    .iter()
                    .any(|t| t.kind == "Gateway" && t.name == *gateway.metadata.name)
                    || p.spec.selector.as_ref().is_some_and(|s| {
                        s.match_labels
                            .get("gateway.networking.k8s.io/gateway-name")
                            .is_some_and(|n| *n == *gateway.metadata.name)
                    }))
        });
        if !guarded {
            findings.push(finding(
                gateway.reference(),
                "AuthorizationPolicy of action CUSTOM",
                "missing",
                "external authorisation by oidc-gatekeeper",
            ));
        }
    }
    Ok(outcome(findings, "external authorisation is on the ingress"))
}

fn login_is_there(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return ambient_login(context);
    }
    let servers = ingress.servers();
    if servers.is_empty() {
        return Ok(Outcome::NotApplicable("no Gateway is on the ingress".into()));
    }
    let logins = logins(context, &ingress)?;
    match logins.first() {
        Some((filter, ..)) => Ok(Outcome::Pass(format!("{} asks for login", filter.reference()))),
        None => {
            let object = reference(
                "networking.istio.io/v1alpha3",
                "EnvoyFilter",
                context.namespace(),
                OWN_FILTER,
            );
            Ok(Outcome::Fail(vec![finding(
                object,
                "spec.configPatches",
                "no filter asks for login",
                "an ext_authz filter on the ingress",
            )]))
        }
    }
}

fn login_covers_every_port(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Outcome::NotApplicable(
            "in an ambient mesh the policy is for the whole Gateway, see AUTHN-01".into(),
        ));
    }
    let servers = ingress.servers();
    if servers.is_empty() {
        return Ok(Outcome::NotApplicable("no Gateway is on the ingress".into()));
    }
    let logins = logins(context, &ingress)?;
    let mut findings = Vec::new();
    let mut inner = String::new();
    for served in servers.iter().filter(|s| !s.is_redirect()) {
        let protocol = served.server.port.protocol.to_ascii_uppercase();
        // A filter of HTTP sees nothing of TCP, nor of TLS that is passed through.
        let is_http =
            matches!(&*protocol, "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB") || served.terminates_tls();
        let covered =
            is_http && logins.iter().any(|(_, patch, _)| patches_port(patch, served.listener));
        if covered {
            continue;
        }
        let seen = format!(
            "{protocol} on port {} without login, {}",
            served.listener,
            served.reach_words()
        );
        if served.reach == Reach::Outside {
            findings.push(finding(
                served.gateway.reference(),
                &served.field(".port.number"),
                seen,
                "a port that the login filter covers",
            ));
        } else {
            inner.push_str(&format!("; {}: {seen}", served.gateway.reference()));
        }
    }
    Ok(outcome(findings, format!("{} behind login{inner}", count(servers.len(), "server"))))
}

/// Applies a judgement to each login patch.
fn each_login(
    context: &Context<'_>,
    evidence: &str,
    mut judge: impl FnMut(LoginPatch<'_>, &mut Vec<super::Finding>) -> Result<(), Missing>,
) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    let logins = logins(context, &ingress)?;
    if logins.is_empty() {
        return Ok(Outcome::NotApplicable("no filter asks for login, see AUTHN-01".into()));
    }
    let mut findings = Vec::new();
    for login in logins {
        judge(login, &mut findings)?;
    }
    Ok(outcome(findings, evidence))
}

fn login_fails_closed(context: &Context<'_>) -> Result<Outcome, Missing> {
    each_login(
        context,
        "requests are refused when login cannot be asked",
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

fn login_asks_gatekeeper(context: &Context<'_>) -> Result<Outcome, Missing> {
    let namespace = context.namespace();
    let host = format!("{GATEKEEPER}.{namespace}.svc.cluster.local");
    each_login(context, "oidc-gatekeeper is asked, and is ready", |(filter, _, login), findings| {
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
        let ready = context
            .pods()?
            .iter()
            .any(|p| service.selects(&p.metadata.namespace, &p.metadata.labels) && p.is_ready());
        if !ready {
            findings.push(finding(
                object,
                "spec.selector",
                "no ready pod",
                "a ready pod of oidc-gatekeeper",
            ));
        }
        Ok(())
    })
}

fn login_passes_few_headers(context: &Context<'_>) -> Result<Outcome, Missing> {
    each_login(context, "only kubeflow-userid goes upstream", |(filter, _, login), findings| {
        let mut judge = |field: &str, seen: &[String], wanted: &[&str], all: bool| {
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
        judge("allowed_upstream_headers", &login.upstream_headers, &["kubeflow-userid"], true);
        judge("allowed_headers", &login.request_headers, &["cookie", "x-auth-token"], false);
        Ok(())
    })
}

fn no_foreign_filter(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    if !ingress.exists() {
        return Ok(Outcome::NotApplicable("there is no Istio ingress gateway".into()));
    }
    let on_ingress: Vec<_> =
        context.envoy_filters()?.iter().filter(|f| ingress.is_patched_by(f)).collect();
    let is_known = |f: &EnvoyFilter| {
        let ours = f.metadata.name.starts_with("ckf-hardening-")
            && f.metadata.label("app.kubernetes.io/managed-by") == Some("ckf-hardening");
        f.metadata.name == OWN_FILTER || ours || allowed(&context.policy.allow.envoyfilters, f)
    };
    let findings = on_ingress.iter().filter(|f| !is_known(f)).map(|f| {
        let seen = format!(
            "works on the ingress with {}",
            count(f.patches.len(), "patch").replace("patchs", "patches")
        );
        finding(
            f.reference(),
            "spec.workloadSelector",
            seen,
            "no EnvoyFilter but istio-pilot's and ours",
        )
    });
    Ok(outcome(
        findings.collect(),
        format!("{} on the ingress, all known", count(on_ingress.len(), "EnvoyFilter")),
    ))
}
