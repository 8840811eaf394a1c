//! An EnvoyFilter that has every answer tell browsers to come by HTTPS only. They
//! remember it for a year, so it is opt-in.

use serde_json::json;

use super::own::{ENVOY_FILTER, Wanted};
use super::{About, Decision, Risk, Wants};
use crate::controls::context::{Context, Missing};
use crate::controls::ingress::Ingress;
use crate::controls::tls::is_ambient;

/// How long browsers remember it: a year, in seconds.
const REMEMBERED: u32 = 31_536_000;

pub(super) const ABOUT: About = About {
    name: "hsts",
    does: "has every answer tell browsers to come by HTTPS only",
    controls: &["TLS-21"],
    risk: Risk::Medium,
    reach: "browsers remember it for a year and refuse plain HTTP for that host, also after undo",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Decision::Unwanted(
            "an ambient gateway takes no EnvoyFilter of ours".into(),
        ));
    }
    if !ingress
        .servers()
        .iter()
        .any(|served| served.terminates_tls())
    {
        return Ok(Decision::Unwanted(
            "no Gateway serves HTTPS; see TLS-01".into(),
        ));
    }
    let header =
        json!({"key": "strict-transport-security", "value": format!("max-age={REMEMBERED}")});
    Ok(Wants::objects(vec![Wanted {
        kind: ENVOY_FILTER,
        namespace: context.namespace().into(),
        name: "ckf-hardening-hsts".into(),
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
