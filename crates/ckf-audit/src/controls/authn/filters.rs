//! Login in front of the ingress: its filters, and what they cover.

use crate::controls::check::Check;
use crate::facts::istio::{ConfigPatch, EnvoyFilter, ExtAuthz, reference};
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::context::allowed;
use crate::views::ingress::{Ingress, Reach, patches_port};
use crate::views::mesh::{ambient_ingress, is_ambient};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("AUTHN-01", login_is_there),
    ("AUTHN-02", login_covers_every_port),
    ("AUTHN-07", no_foreign_filter),
];

/// Name of the filter that istio-pilot writes.
const OWN_FILTER: &str = "istio-pilot-authn-filter";

pub(super) type LoginPatch<'a> = (&'a EnvoyFilter, &'a ConfigPatch, &'a ExtAuthz);

/// The patches that put login in front of the ingress.
pub(super) fn logins<'a>(
    context: &Context<'a>,
    ingress: &Ingress<'_>,
) -> Result<Vec<LoginPatch<'a>>, MissingFact> {
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

fn ambient_login(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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

/// AUTHN-01: Login protects the ingress
fn login_is_there(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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
        Some((filter, ..)) => Ok(Outcome::Pass(format!("{} requires login", filter.reference()))),
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
                "no filter requires login",
                "an ext_authz filter on the ingress",
            )]))
        }
    }
}

/// AUTHN-02: Login covers every port that the ingress serves
fn login_covers_every_port(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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

/// AUTHN-07: No foreign EnvoyFilter touches the ingress
fn no_foreign_filter(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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
