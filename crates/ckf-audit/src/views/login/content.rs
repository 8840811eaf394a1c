//! EnvoyFilters of the platform by their content: istio-pilot's login filter, and this charm's.
//!
//! Source: istio-pilot's charm, `_reconcile_ingress_auth`; istiod's `patchHTTPFilters`; Envoy's
//! `ext_authz.v3.ExtAuthz`.

use crate::facts::istio::{ConfigPatch, EnvoyFilter, PatchContent};
use crate::facts::object::Object as _;
use crate::views::MissingFact;

/// The content of a patch.
pub fn content<'a>(
    filter: &EnvoyFilter,
    patch: &'a ConfigPatch,
) -> Result<&'a PatchContent, MissingFact> {
    patch.content.as_deref().ok_or_else(|| {
        let object = filter.reference();
        MissingFact(format!("{object}: an older release read it in part; run collect again"))
    })
}

const MANAGER: &str = "envoy.filters.network.http_connection_manager";
const EXT_AUTHZ: &str = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
const CHAIN_FILTER: &str = "listener.filter_chain.filter.name";
const SUB_FILTER: &str = "listener.filter_chain.filter.sub_filter.name";
/// Ports that istio-pilot's filter is for.
const PORTS: [u16; 2] = [8080, 8443];

/// Fields by which an authorisation filter applies to a part of the requests.
const CONDITIONS: [&str; 6] = [
    "disabled",
    "config_discovery",
    "typed_config.filter_enabled",
    "typed_config.filter_enabled_metadata",
    "typed_config.deny_at_disable",
    "typed_config.enable_dynamic_metadata_ingestion",
];

/// Whether a field is another or within it.
fn is_within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Why a filter does not ask for login at every request of its ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLogin {
    /// It is not before the router: the operation, with the filter that it names.
    #[error("{0} does not put it before the router")]
    NotInFront(String),
    /// It is in a part of the configuration only: the field that selects it, with its value.
    #[error("it matches {0} {1} only")]
    Partial(String, String),
    /// Its `typed_config` is of another type.
    #[error("its typed_config is of another type")]
    OtherType,
    /// A field by which Envoy may skip it, with its value.
    #[error("{0} is {1}")]
    Conditional(String, String),
}

/// A patch that inserts an authorisation filter asks for login at every request of its ports.
pub fn asks_for_login(patch: &ConfigPatch, content: &PatchContent) -> Result<(), NoLogin> {
    let sub = content.matched.get(SUB_FILTER).map(String::as_str);
    let is_in_front = match (&*patch.operation, sub) {
        // Without a filter to stand before, and with the one that is in every chain.
        ("INSERT_FIRST", None) | ("INSERT_BEFORE", None | Some("envoy.filters.http.router")) => {
            true
        }
        _ => false,
    };
    if !is_in_front {
        let at = sub.map_or(String::new(), |sub| format!(" {sub}"));
        return Err(NoLogin::NotInFront(format!("{}{at}", patch.operation)));
    }
    for (field, value) in &content.matched {
        let fits = match field.as_str() {
            "context" | "listener.port_number" | SUB_FILTER => true,
            CHAIN_FILTER => value == MANAGER,
            _ => false,
        };
        if !fits {
            return Err(NoLogin::Partial(field.clone(), value.clone()));
        }
    }
    if content.value.get("typed_config.@type").map(String::as_str) != Some(EXT_AUTHZ) {
        return Err(NoLogin::OtherType);
    }
    let conditions = content.value.iter().find(|(path, value)| {
        let is_off = *path == "disabled" && *value == "false";
        !is_off && CONDITIONS.iter().any(|condition| is_within(path, condition))
    });
    match conditions {
        Some((field, value)) => Err(NoLogin::Conditional(field.clone(), value.clone())),
        None => Ok(()),
    }
}

/// Where a filter under istio-pilot's name is not what istio-pilot writes: field and what it is.
/// What the controls of the authoriser, its answers and its failures are about is left to them.
pub fn unlike_istio_pilot(
    filter: &EnvoyFilter,
) -> Result<Vec<(String, String, &'static str)>, MissingFact> {
    let mut unlike = Vec::new();
    let mut ports = Vec::new();
    for (index, patch) in filter.patches.iter().enumerate() {
        let content = content(filter, patch)?;
        let at = |rest: &str| format!("spec.configPatches[{index}]{rest}");
        if patch.apply_to != "HTTP_FILTER" || patch.ext_authz.is_none() {
            let seen = format!("{} of {}", patch.operation, patch.apply_to);
            unlike.push((at(""), seen, "istio-pilot's two patches only"));
            continue;
        }
        if &*patch.context != "GATEWAY" {
            let context = patch.context.to_string();
            unlike.push((at(".match.context"), context, "GATEWAY"));
        } else if let Err(why) = asks_for_login(patch, content) {
            unlike.push((
                at(".patch"),
                why.to_string(),
                "login at every request, as istio-pilot writes it",
            ));
        } else {
            let fields = content.value.iter().filter(|(path, value)| !is_written(path, value));
            unlike.extend(fields.map(|(path, value)| {
                (at(&format!(".patch.value.{path}")), value.clone(), "no such field")
            }));
        }
        if !content.filter_class.is_empty() {
            let class = content.filter_class.to_string();
            unlike.push((at(".patch.filterClass"), class, "no such field"));
        }
        ports.extend(patch.port);
    }
    for port in PORTS {
        if !ports.contains(&port) {
            let wanted = "a patch for each port of the gateway";
            unlike.push(("spec.configPatches".into(), format!("none for port {port}"), wanted));
        }
    }
    Ok(unlike)
}

/// Fields of istio-pilot's filter, and those that the controls of the authoriser assess.
fn is_written(path: &str, value: &str) -> bool {
    const SERVICE: &str = "typed_config.http_service";
    let rest = path.strip_prefix(SERVICE).map(|rest| rest.trim_start_matches('.'));
    match (path, rest) {
        ("name", _) => value == "envoy.filters.http.ext_authz",
        ("typed_config.@type" | "typed_config.failure_mode_allow", _) => true,
        (_, Some("server_uri.uri" | "server_uri.cluster")) => true,
        (_, Some("server_uri.timeout")) => value == "10s",
        (_, Some(rest)) => [
            "authorization_request.allowed_headers.patterns",
            "authorization_response.allowed_upstream_headers.patterns",
            "authorization_response.allowed_upstream_headers_to_append.patterns",
        ]
        .iter()
        .any(|list| {
            is_within(rest, list) || (is_within(list, rest) && matches!(value, "{}" | "[]"))
        }),
        _ => path == "disabled" && value == "false",
    }
}

/// Whether a patch is one that this charm's remedies write: parameters of TLS, or the header
/// Strict-Transport-Security.
fn is_remedy(patch: &ConfigPatch, content: &PatchContent) -> bool {
    const SOCKET: &str = "transport_socket.";
    let matched = |allowed: &[&str]| content.matched.keys().all(|k| allowed.contains(&k.as_str()));
    if &*patch.operation != "MERGE" || &*patch.context != "GATEWAY" {
        return false;
    }
    match &*patch.apply_to {
        "FILTER_CHAIN" => {
            let is_clear = |path: &str, value: &str| match path {
                "typed_config.@type" => value == "type.googleapis.com/udpa.type.v1.TypedStruct",
                "typed_config.type_url" => value.ends_with(".raw_buffer.v3.RawBuffer"),
                "typed_config.value" => value == "{}",
                "name" => value == "envoy.transport_sockets.raw_buffer",
                _ => false,
            };
            let is_tls = |path: &str, value: &str| match path {
                "name" => value == "envoy.transport_sockets.tls",
                "typed_config.@type" => value.ends_with(".tls.v3.DownstreamTlsContext"),
                _ => path.starts_with("typed_config.common_tls_context.tls_params."),
            };
            let all = |is: &dyn Fn(&str, &str) -> bool| {
                content.value.iter().all(|(path, value)| {
                    path.strip_prefix(SOCKET).is_some_and(|path| is(path, value))
                })
            };
            matched(&["context", "listener.port_number", "listener.filter_chain.sni"])
                && (all(&is_tls) || (patch.sni.is_some() && all(&is_clear)))
        }
        "HTTP_ROUTE" => {
            matched(&["context"])
                && content.value.iter().all(|(path, value)| {
                    let field = path.strip_prefix("response_headers_to_add[0].");
                    match field {
                        Some("header.key") => {
                            value.eq_ignore_ascii_case("strict-transport-security")
                        }
                        Some("header.value" | "append_action") => true,
                        _ => false,
                    }
                })
        }
        _ => false,
    }
}

/// Whether a filter is this charm's own: by name, label and content.
pub fn is_hardening(filter: &EnvoyFilter) -> Result<bool, MissingFact> {
    let is_named = filter.metadata.name.starts_with("ckf-hardening-")
        && filter.metadata.label("app.kubernetes.io/managed-by") == Some("ckf-hardening");
    for patch in &filter.patches {
        if !is_named || !is_remedy(patch, content(filter, patch)?) {
            return Ok(false);
        }
    }
    Ok(is_named)
}
