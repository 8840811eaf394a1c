//! An EnvoyFilter that sets the minimum TLS version and the cipher suites on every filter chain of
//! the ingress gateway that terminates TLS.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::about::{About, Risk};
use super::desired::{Decision, DesiredState};
use super::managed::{DesiredObject, ENVOY_FILTER};
use super::verdicts::waived;
use crate::facts::istio::VirtualService;
use crate::facts::object::{Object as _, ObjectRef};
use crate::tls::TlsVersion;
use crate::views::ingress::{GatewayServer, Ingress};
use crate::views::mesh::is_ambient;
use crate::views::{Context, MissingFact};

pub(super) const ABOUT: About = About {
    does: "sets the minimum TLS version and the cipher suites of every listener of the gateway",
    controls: &["TLS-10", "TLS-11", "TLS-18"],
    risk: Risk::Low,
    reach: "clients that do not support the policy's minimum TLS version are rejected",
    breaks: "only such clients: with 1.2, which is Istio's default, none that was served before; \
             with 1.3, those that do not support it. Connections that another Gateway passes \
             through are not affected",
    works_on: "1.10 and 1.11 with istio-pilot; in the ambient mesh the gateway does not accept \
               EnvoyFilters",
    source: "a real istiod and Envoy, with handshakes by openssl: tests/gateway/remedies.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-tls-floor";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Decision::Skip(
            "istio-ingress-k8s has no option for TLS versions; an ambient gateway uses Envoy's \
             defaults"
                .into(),
        ));
    }
    let servers = ingress.servers();
    let mut listeners: BTreeMap<u16, Vec<&GatewayServer<'_>>> = BTreeMap::new();
    for served in servers.iter().filter(|served| !served.is_clear()) {
        listeners.entry(served.listener).or_default().push(served);
    }
    listeners.retain(|_, servers| servers.iter().any(|served| served.terminates_tls()));
    if listeners.is_empty() {
        let why = "no Gateway serves HTTPS; see TLS-01".to_owned();
        // Envoy rejects a clear-text listener, on a port that had TLS, if a filter sets TLS on it.
        return Ok(match ingress.is_clear() {
            true => Decision::Remove(why),
            false => Decision::Skip(why),
        });
    }
    let mut state = DesiredState::default();
    let mut patches: Vec<Value> = Vec::new();
    for (port, servers) in &listeners {
        let (parameters, notes) = parameters(context, servers);
        state.notes.extend(notes);
        if parameters.as_object().is_none_or(|set| set.is_empty()) {
            continue;
        }
        match of_listener(context, *port, servers, &parameters)? {
            Ok(of_listener) => patches.extend(of_listener),
            Err(why) => return Ok(Decision::Skip(why.to_string())),
        }
    }
    if patches.is_empty() {
        let notes = state.notes.join("; ");
        return Ok(Decision::Skip(notes));
    }
    state.objects.push(DesiredObject {
        kind: ENVOY_FILTER,
        namespace: context.namespace().into(),
        name: NAME.into(),
        content: json!({
            "workloadSelector": {"labels": ingress.selector()},
            "configPatches": patches,
        }),
    });
    Ok(Decision::Apply(state))
}

/// TLS parameters that the policy requires of a listener, without those waived for all its servers.
fn parameters(context: &Context<'_>, servers: &[&GatewayServer<'_>]) -> (Value, Vec<String>) {
    let ending = || servers.iter().filter(|served| served.terminates_tls());
    let mut notes = Vec::new();
    let mut is_required = |id: &str| {
        let waivers = ending().map(|served| waived(context, id, &served.gateway.reference()));
        let waivers: Option<Vec<String>> = waivers.collect();
        let waiver = waivers.and_then(|all| all.into_iter().next());
        let is_required = waiver.is_none();
        notes.extend(waiver);
        is_required
    };
    let least = context.policy.tls_minimum;
    let mut parameters = json!({});
    if is_required("TLS-10") {
        parameters["tls_minimum_protocol_version"] = least.envoy().into();
    }
    // TLS 1.3 has a fixed set of cipher suites, all of them strong.
    if least < TlsVersion::V1_3 && is_required("TLS-11") {
        parameters["cipher_suites"] = json!(context.policy.tls_suites);
    }
    (parameters, notes)
}

/// Most names of passed-through connections that a filter exempts.
const MOST_NAMES: usize = 500;

/// A listener to which no filter can be applied.
#[derive(Debug, thiserror::Error)]
enum Unpatchable {
    /// A Gateway with `AUTO_PASSTHROUGH` on the port.
    #[error(
        "{gateway} passes mesh connections through on port {port}, and Istio's filter chains for \
         them cannot be distinguished from the platform's"
    )]
    MeshPassthrough { gateway: ObjectRef, port: u16 },
    /// More than [`MOST_NAMES`].
    #[error("{names} names are passed through on port {port}, more than a filter can exempt")]
    TooManyNames { names: usize, port: u16 },
}

/// Patches of a listener.
///
/// Passed-through connections have no TLS settings, and Envoy rejects a listener whose filter
/// chain for them gets some. A chain can be matched by its server names; the chain of a wildcard
/// server has none to match, so all chains are patched, and those that pass through are reset by
/// their names.
fn of_listener(
    context: &Context<'_>,
    port: u16,
    servers: &[&GatewayServer<'_>],
    parameters: &Value,
) -> Result<Result<Vec<Value>, Unpatchable>, MissingFact> {
    let ending = || servers.iter().filter(|served| served.terminates_tls());
    let passing: Vec<_> = servers.iter().filter(|s| s.passes_through()).collect();
    let set_tls = |matched: Value| patch(port, matched, tls_socket(parameters));
    if passing.is_empty() {
        return Ok(Ok(vec![set_tls(Value::Null)]));
    }
    if ending().all(|served| !served.server_names().is_empty()) {
        // Each chain covers all names of its server, and the first matches it.
        let names = ending().filter_map(|served| served.server_names().first().copied());
        let names: BTreeSet<&str> = names.collect();
        let patches = names.into_iter().map(|name| set_tls(json!({"sni": name})));
        return Ok(Ok(patches.collect()));
    }
    let automatic = passing.iter().find(|served| {
        let tls = served.server.tls.as_ref();
        tls.is_some_and(|tls| tls.mode == "AUTO_PASSTHROUGH")
    });
    if let Some(served) = automatic {
        return Ok(Err(Unpatchable::MeshPassthrough { gateway: served.gateway.reference(), port }));
    }
    let ended: BTreeSet<&str> = ending().flat_map(|served| served.server_names()).collect();
    let mut names = passed_names(context, &passing)?;
    names.retain(|name| !ended.contains(name));
    if names.len() > MOST_NAMES {
        return Ok(Err(Unpatchable::TooManyNames { names: names.len(), port }));
    }
    let mut patches = vec![set_tls(Value::Null)];
    let clear = names.into_iter().map(|name| patch(port, json!({"sni": name}), clear_socket()));
    patches.extend(clear);
    Ok(Ok(patches))
}

/// Server names that VirtualServices route through these servers.
fn passed_names<'a>(
    context: &Context<'a>,
    passing: &[&&GatewayServer<'_>],
) -> Result<BTreeSet<&'a str>, MissingFact> {
    let is_on = |service: &VirtualService, gateway: &str| {
        let own = &*service.metadata.namespace;
        let (namespace, name) = gateway.split_once('/').unwrap_or((own, gateway));
        passing.iter().any(|served| {
            let meta = &served.gateway.metadata;
            meta.namespace == namespace && meta.name == name
        })
    };
    let mut names = BTreeSet::new();
    for service in context.virtual_services()? {
        for matched in service.spec.tls.iter().flat_map(|route| &route.matches) {
            let gateways = match matched.gateways.is_empty() {
                true => &service.spec.gateways,
                false => &matched.gateways,
            };
            if gateways.iter().any(|gateway| is_on(service, gateway)) {
                names.extend(matched.sni_hosts.iter().map(|host| &**host));
            }
        }
    }
    Ok(names)
}

fn tls_socket(parameters: &Value) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"tls_params": parameters},
        },
    })
}

/// A socket without TLS. Merging an empty message has no effect, so it is wrapped in a TypedStruct.
fn clear_socket() -> Value {
    json!({
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": {
            "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "type_url": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
            "value": {},
        },
    })
}

fn patch(port: u16, chain: Value, socket: Value) -> Value {
    // Without the port the redirect's listener would get TLS settings too, and Envoy would
    // reject it.
    let mut listener = json!({"portNumber": port});
    if !chain.is_null() {
        listener["filterChain"] = chain;
    }
    json!({
        "applyTo": "FILTER_CHAIN",
        "match": {"context": "GATEWAY", "listener": listener},
        "patch": {"operation": "MERGE", "value": {"transport_socket": socket}},
    })
}
