//! Whose pages read what the platform answers to a user who has logged in.

use std::collections::BTreeSet;

use crate::controls::check::Check;
use crate::finding::{Outcome, finding, outcome};
use crate::policy::allowed;
use crate::views::entrances::names::MESH;
use crate::views::entrances::{Destination, Part, Routes};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHN-17", no_foreign_origins)];

/// Whether a route opens what is the platform's, or another profile's; a profile may let read its
/// own servers whom it likes.
fn opens_ours(to: &Destination) -> bool {
    let is_own = to.namespace == *to.route.namespace && !to.is_platform;
    to.origins.is_some() && to.is_ours && !is_own
}

/// AUTHN-17: No route lets foreign origins use a user's session
fn no_foreign_origins(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let routes = Routes::of(context)?;
    let mut opened = BTreeSet::new();
    let mut add = |to: &Destination| {
        if let Some(origins) = to.origins.as_ref().filter(|_| opens_ours(to)) {
            let seen = format!("{origins}, with credentials, on the way to {}", to.host);
            opened.insert((to.route.clone(), seen));
        }
    };
    let has_cors = |route: &crate::facts::istio::HttpRoute| {
        route.cors_policy.is_some() || route.delegate.is_some()
    };
    for service in context.virtual_services()? {
        let is_on_gateway = service.spec.gateways.iter().any(|gateway| **gateway != *MESH);
        if !is_on_gateway
            || !service.spec.http.iter().any(has_cors)
            || allowed(&context.policy.allow.virtualservices, service)
        {
            continue;
        }
        routes.destinations(context, service, None)?.iter().for_each(&mut add);
    }
    let of_gateway_api = context.entrances_of(&[Part::GatewayApi])?;
    of_gateway_api.iter().flat_map(|entrance| &entrance.leads_to).for_each(&mut add);
    let findings = opened.into_iter().map(|(object, seen)| {
        finding(object, "CORS", seen, "origins of your own, by their full names")
    });
    Ok(outcome(findings.collect(), "no route opens a session to foreign origins"))
}
