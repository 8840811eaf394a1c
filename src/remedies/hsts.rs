//! An EnvoyFilter that has every answer tell browsers to come by HTTPS only. They
//! remember it for a year, so it is opt-in.

use serde_json::json;

use super::own::{ENVOY_FILTER, Wanted};
use super::{About, Decision, Risk, Wants, waived};
use crate::views::ingress::Ingress;
use crate::views::ingress::gateway_reference;
use crate::views::mesh::is_ambient;
use crate::views::{Context, Missing};

/// How long browsers remember it: a year, in seconds.
const REMEMBERED: u32 = 31_536_000;

pub(super) const ABOUT: About = About {
    name: "hsts",
    does: "has every answer tell browsers to come by HTTPS only",
    controls: &["TLS-21"],
    risk: Risk::Medium,
    reach: "browsers remember it for a year and refuse plain HTTP for that host, also after undo",
    breaks: "plain HTTP by that host name, for browsers and for a year; with a certificate that \
             browsers do not trust, nobody can pass the warning any more",
    works_on: "1.10 and 1.11 with istio-pilot; in the ambient mesh the gateway takes no EnvoyFilter",
    source: "RFC 6797; a real istiod and Envoy: tests/gateway.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-hsts";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Decision::Leave("an ambient gateway takes no EnvoyFilter of ours".into()));
    }
    let servers = ingress.servers();
    if !servers.iter().any(|served| served.terminates_tls()) {
        let why = "no Gateway serves HTTPS; see TLS-01".to_owned();
        // Whoever comes by HTTP to a gateway without HTTPS must not be told so.
        return Ok(match ingress.is_clear() {
            true => Decision::Gone(why),
            false => Decision::Leave(why),
        });
    }
    if let Some(why) = waived(context, "TLS-21", &gateway_reference(context)) {
        return Ok(Decision::Leave(why));
    }
    let header =
        json!({"key": "strict-transport-security", "value": format!("max-age={REMEMBERED}")});
    Ok(Wants::objects(vec![Wanted {
        kind: ENVOY_FILTER,
        namespace: context.namespace().into(),
        name: NAME.into(),
        content: json!({
            "workloadSelector": {"labels": ingress.selector()},
            "configPatches": [{
                "applyTo": "HTTP_ROUTE",
                "match": {"context": "GATEWAY"},
                "patch": {"operation": "MERGE", "value": {"response_headers_to_add": [
                    {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
                ]}},
            }],
        }),
    }]))
}
