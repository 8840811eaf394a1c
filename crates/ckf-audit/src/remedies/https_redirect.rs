//! A Gateway beside istio-pilot's that redirects HTTP to HTTPS. With HTTPS, istio-pilot's own
//! Gateway serves no HTTP at all.

use serde_json::json;

use super::managed::{DesiredObject, GATEWAY};
use super::{About, Decision, DesiredState, Risk, waived};
use crate::facts::object::Object as _;
use crate::views::ingress::gateway_reference;
use crate::views::ingress::{GatewayServer, Ingress};
use crate::views::mesh::is_ambient;
use crate::views::{Context, MissingFact};

/// Port of the HTTP listener, which requires login like the HTTPS one.
const PORT: u16 = 8080;
pub(super) const NAME: &str = "ckf-hardening-https-redirect";

pub(super) const ABOUT: About = About {
    name: "https-redirect",
    does: "redirects HTTP to HTTPS",
    controls: &["TLS-20"],
    risk: Risk::Low,
    reach: "port 80, which is closed once HTTPS is on, answers with a redirect, behind login",
    breaks: "nothing that is served: with HTTPS, istio-pilot opens no port for HTTP. It is skipped \
             where another Gateway serves HTTP on that port",
    works_on: "1.10 and 1.11 with istio-pilot; in the ambient mesh istio-ingress-k8s redirects",
    source: "a real istiod and Envoy, with login in front: tests/gateway/remedies.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        let why = "istio-ingress-k8s itself redirects once it has a certificate";
        return Ok(Decision::Skip(why.into()));
    }
    let servers = ingress.servers();
    let of_main = |served: &&GatewayServer<'_>| {
        ingress.main.is_some_and(|main| std::ptr::eq(main, served.gateway))
    };
    let mut own = servers.iter().filter(of_main);
    if !own.any(|served| served.terminates_tls()) {
        let why = "the platform's Gateway does not serve HTTPS; see TLS-01".to_owned();
        // Without HTTPS, a redirect would send clients to a port that does not answer.
        return Ok(match ingress.is_clear() {
            true => Decision::Remove(why),
            false => Decision::Skip(why),
        });
    }
    if let Some(why) = waived(context, "TLS-20", &gateway_reference(context)) {
        return Ok(Decision::Skip(why));
    }
    let desired = DesiredObject {
        kind: GATEWAY,
        namespace: context.namespace().into(),
        name: NAME.into(),
        content: json!({
            "selector": ingress.selector(),
            "servers": [{
                "hosts": ["*"],
                "port": {"name": "http-redirect", "number": PORT, "protocol": "HTTP"},
                "tls": {"httpsRedirect": true},
            }],
        }),
    };
    let is_own = |name: &str, namespace: &str| name == NAME && namespace == context.namespace();
    let taken = servers.iter().find(|served| {
        let meta = &served.gateway.metadata;
        served.listener == PORT && !is_own(&meta.name, &meta.namespace)
    });
    let Some(other) = taken else {
        return Ok(DesiredState::objects(vec![desired]));
    };
    let what = match other.is_redirect() {
        true => "already redirects",
        false => "serves that port, and a redirect would cover its paths too; see TLS-02",
    };
    // An existing redirect stays: another Gateway on that port is no reason to delete it.
    Ok(Decision::Apply(DesiredState {
        kept: vec![desired],
        notes: vec![format!("{} {what}", other.gateway.reference())],
        ..DesiredState::default()
    }))
}
