//! An EnvoyFilter that sets the lowest TLS version and the cipher suites on every
//! listener of the ingress that ends TLS.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::own::{ENVOY_FILTER, Wanted};
use super::{About, Decision, Risk, Wants};
use crate::controls::context::{Context, Missing};
use crate::controls::ingress::Ingress;
use crate::controls::tls::is_ambient;

pub(super) const ABOUT: About = About {
    name: "tls-floor",
    does: "sets the lowest TLS version and the cipher suites of every listener of the gateway",
    controls: &["TLS-10", "TLS-11", "TLS-18"],
    risk: Risk::Low,
    reach: "clients that speak no newer TLS than the policy's lowest are refused",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Decision::Unwanted(
            "istio-ingress-k8s has no setting for TLS versions; an ambient gateway takes Envoy's"
                .into(),
        ));
    }
    // By listener: whether all that is served there ends TLS at the gateway. What is
    // passed through has no TLS settings, and a listener that is given some is refused.
    let mut listeners: BTreeMap<u16, bool> = BTreeMap::new();
    for served in ingress.servers().iter().filter(|served| !served.is_clear()) {
        let ends = listeners.entry(served.listener).or_insert(true);
        *ends &= served.terminates_tls();
    }
    let ports: Vec<u16> = listeners
        .iter()
        .filter(|(_, ends)| **ends)
        .map(|(port, _)| *port)
        .collect();
    if ports.is_empty() {
        return Ok(Decision::Unwanted(match listeners.is_empty() {
            true => "no Gateway serves HTTPS; see TLS-01".into(),
            false => "every TLS listener passes some connections through".into(),
        }));
    }
    let parameters = parameters(context);
    let patches: Vec<Value> = ports.iter().map(|port| patch(*port, &parameters)).collect();
    Ok(Wants::objects(vec![Wanted {
        kind: ENVOY_FILTER,
        namespace: context.namespace().into(),
        name: "ckf-hardening-tls-floor".into(),
        content: json!({
            "workloadSelector": {"labels": ingress.selector()},
            "configPatches": patches,
        }),
    }]))
}

fn parameters(context: &Context<'_>) -> Value {
    let least = context.policy.tls_minimum;
    let mut parameters = json!({"tls_minimum_protocol_version": format!("TLSv1_{least}")});
    // The suites of TLS 1.3 are fixed, and all of them are strong.
    if least < 3 {
        parameters["cipher_suites"] = json!(context.policy.tls_suites);
    }
    parameters
}

fn patch(port: u16, parameters: &Value) -> Value {
    json!({
        "applyTo": "FILTER_CHAIN",
        // Without the port the listener of the redirect gets TLS settings too, and Envoy
        // refuses it.
        "match": {"context": "GATEWAY", "listener": {"portNumber": port}},
        "patch": {
            "operation": "MERGE",
            "value": {"transport_socket": {
                "name": "envoy.transport_sockets.tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    "common_tls_context": {"tls_params": parameters},
                },
            }},
        },
    })
}
