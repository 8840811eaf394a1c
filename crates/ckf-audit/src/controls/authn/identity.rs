//! Who sets a user's identity for the platform: login, and nothing else on the way.

use crate::controls::check::Check;
use crate::facts::istio::HttpRoute;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::policy::allowed;
use crate::views::authorization::Mesh;
use crate::views::entrances::{Destination, Part, Routes};
use crate::views::login::{content, is_identity, sets_identity};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHN-15", only_login_identifies)];

const WANTED: &str = "headers of identity from login only";

/// A destination whose route sets the user's identity; a profile may set what it likes on the way
/// to its own pods.
fn of_route(to: &Destination) -> Option<Finding> {
    let sets = to.sets.as_ref()?;
    if !to.is_ours
        || (to.namespace == *to.route.namespace
            && !to.route.namespace.is_empty()
            && !to.is_platform)
    {
        return None;
    }
    let seen = format!("sets {sets} on requests to {}", to.host);
    Some(finding(to.route.clone(), "headers.request", seen, WANTED))
}

/// AUTHN-15: Only login sets the identity of users
fn only_login_identifies(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut findings = Vec::new();
    let routes = Routes::of(context)?;
    let has_headers = |route: &HttpRoute| {
        route.headers.is_some()
            || route.delegate.is_some()
            || route.route.iter().any(|to| to.headers.is_some())
    };
    let services = context.virtual_services()?.iter();
    for service in services.filter(|service| service.spec.http.iter().any(has_headers)) {
        let to = routes.destinations(context, service, None)?;
        findings.extend(to.iter().filter_map(of_route));
    }
    let entrances = context.entrances_of(&Part::OF_PROXIES)?.into_iter();
    findings.extend(entrances.flat_map(|entrance| &entrance.leads_to).filter_map(of_route));
    let root = Mesh::of(context)?.root_namespace;
    let is_near =
        |namespace: &str| namespace == root || context.platform_namespaces().contains(&namespace);
    for filter in context.envoy_filters()?.iter().filter(|f| is_near(&f.metadata.namespace)) {
        if allowed(&context.policy.allow.envoyfilters, filter) {
            continue;
        }
        for (index, patch) in filter.patches.iter().enumerate() {
            if let Some(how) = sets_identity(content(filter, patch)?) {
                let field = format!("spec.configPatches[{index}]");
                findings.push(finding(filter.reference(), &field, how, WANTED));
            }
        }
    }
    for authentication in context.request_authentications()? {
        let claims = authentication.spec.jwt_rules.iter().flat_map(|rule| {
            let payload = rule.output_payload_to_header.iter();
            rule.output_claim_to_headers.iter().map(|claim| &claim.header).chain(payload)
        });
        let copied = claims.into_iter().find(|header| is_identity(header));
        if let Some(header) = copied.filter(|_| is_near(&authentication.metadata.namespace)) {
            let seen = format!("copies a claim of a token to {header}");
            findings.push(finding(authentication.reference(), "spec.jwtRules", seen, WANTED));
        }
    }
    for plugin in context.wasm_plugins()?.iter().filter(|p| is_near(&p.metadata.namespace)) {
        if !allowed(&context.policy.allow.envoyfilters, plugin) {
            let seen = "runs code in the platform's proxies, which may set any header";
            findings.push(finding(plugin.reference(), "spec", seen, WANTED));
        }
    }
    Ok(outcome(findings, "no route, filter or plugin sets a header of identity"))
}
