//! Patches of Envoy's configuration that undo login, wholly or for a part of the requests.

use crate::facts::istio::{ConfigPatch, PatchContent};

use super::authoriser::GATEKEEPER;

const EXT_AUTHZ: &str = "ext_authz";

/// Fields of a connection manager that replace its filters or where it routes.
const CHAIN: [&str; 5] = [
    "typed_config.http_filters",
    "typed_config.route_config",
    "typed_config.rds",
    "typed_config.scoped_routes",
    "typed_config.value.http_filters",
];

/// How a patch that is no login itself undoes login; `None` if it does not.
pub fn undoing(patch: &ConfigPatch, content: &PatchContent) -> Option<String> {
    if let Some((field, _)) = content.value.iter().find(|(path, value)| is_per_route(path, value)) {
        return Some(format!("{field} overrides login for the routes that it matches"));
    }
    let touches = |fields: &[&str]| {
        content.value.keys().any(|path| fields.iter().any(|field| path.starts_with(field)))
    };
    let operation = &*patch.operation;
    let how = match (&*patch.apply_to, operation) {
        ("HTTP_FILTER", "MERGE" | "REMOVE" | "REPLACE") => {
            let sub = content.matched.get("listener.filter_chain.filter.sub_filter.name");
            sub.is_none_or(|name| name.contains(EXT_AUTHZ)).then_some("changes the login filter")
        }
        ("NETWORK_FILTER", "REMOVE" | "REPLACE") => Some("replaces the chain that has login"),
        ("NETWORK_FILTER", "MERGE") => {
            touches(&CHAIN).then_some("changes the chain that has login")
        }
        ("FILTER_CHAIN", "ADD") => Some("adds a chain without login"),
        ("FILTER_CHAIN", "MERGE") => {
            touches(&["filters"]).then_some("changes the filters of a chain")
        }
        ("LISTENER", "ADD") => Some("adds a listener without login"),
        ("LISTENER", "MERGE") => {
            touches(&["filter_chains", "default_filter_chain", "api_listener"])
                .then_some("adds a chain without login")
        }
        ("BOOTSTRAP", _) => touches(&["layered_runtime", "static_resources"])
            .then_some("changes the gateway's runtime or its static listeners"),
        ("CLUSTER", _) => {
            moves_authoriser(operation, content).then_some("moves the authoriser's cluster")
        }
        _ => None,
    };
    how.map(|how| format!("{operation} of {} {how}", patch.apply_to))
}

/// Whether a field is an override of the authorisation filter for a route or host.
fn is_per_route(path: &str, value: &str) -> bool {
    path.contains("per_filter_config")
        && (path.contains(EXT_AUTHZ) || value.contains("ext_authz") || path.ends_with(".disabled"))
}

/// Whether a patch of clusters is for the authoriser's, or for all.
fn moves_authoriser(operation: &str, content: &PatchContent) -> bool {
    if operation == "ADD" {
        return content.value.get("name").is_some_and(|name| name.contains(GATEKEEPER));
    }
    let is_of_gatekeeper = |name: &String| name.contains(GATEKEEPER);
    let named = ["cluster.service", "cluster.name"].map(|field| content.matched.get(field));
    match named {
        [None, None] => {
            content.value.keys().any(|path| {
                [
                    "load_assignment",
                    "type",
                    "cluster_type",
                    "eds_cluster_config",
                    "transport_socket",
                ]
                .iter()
                .any(|field| path.starts_with(field))
            }) || operation == "REMOVE"
        }
        named => named.into_iter().flatten().any(is_of_gatekeeper),
    }
}
