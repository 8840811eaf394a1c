//! An EnvoyFilter that adds a Strict-Transport-Security header to every response. Browsers
//! remember it for a year, so the remedy is opt-in.

use serde_json::json;

use super::about::{About, Risk};
use super::desired::{Decision, DesiredState};
use super::managed::{DesiredObject, ENVOY_FILTER};
use super::verdicts::waived;
use crate::views::ingress::Ingress;
use crate::views::ingress::gateway_reference;
use crate::views::mesh::is_ambient;
use crate::views::{Context, MissingFact};

/// The header's max-age in seconds: a year.
const REMEMBERED: u32 = 31_536_000;

pub(super) const ABOUT: About = About {
    does: "adds a Strict-Transport-Security header to every response",
    controls: &["TLS-21"],
    risk: Risk::Medium,
    reach: "browsers refuse plain HTTP for that host for a year, even after undo",
    breaks: "plain HTTP by that host name in browsers, for a year; users can no longer bypass the \
             warning about a certificate that their browser does not trust",
    works_on: "1.10 and 1.11 with istio-pilot; in the ambient mesh the gateway does not accept \
               EnvoyFilters",
    source: "RFC 6797; a real istiod and Envoy: tests/gateway/remedies.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-hsts";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Decision::Skip("an ambient gateway does not accept EnvoyFilters".into()));
    }
    let servers = ingress.servers();
    if !servers.iter().any(|served| served.terminates_tls()) {
        let why = "no Gateway serves HTTPS; see TLS-01".to_owned();
        // A gateway without HTTPS must not send browsers there.
        return Ok(match ingress.is_clear() {
            true => Decision::Remove(why),
            false => Decision::Skip(why),
        });
    }
    if let Some(why) = waived(context, "TLS-21", &gateway_reference(context)) {
        return Ok(Decision::Skip(why));
    }
    let header =
        json!({"key": "strict-transport-security", "value": format!("max-age={REMEMBERED}")});
    Ok(DesiredState::objects(vec![DesiredObject {
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
