//! A Gateway beside istio-pilot's that redirects HTTP to HTTPS. With HTTPS, istio-pilot's own
//! Gateway serves no HTTP at all.

use std::collections::BTreeSet;

use serde_json::json;

use super::about::{About, Risk};
use super::breaks::Breaks;
use super::desired::{Decision, DesiredState};
use super::managed::{DesiredObject, GATEWAY};
use super::remedy::Remedy;
use super::verdicts::waived;
use crate::facts::object::Object as _;
use crate::views::ingress::{GatewayServer, Ingress, bound_hosts, bound_to, gateway_reference};
use crate::views::mesh::is_ambient;
use crate::views::{Context, MissingFact};

/// Port of the HTTP listener, which requires login like the HTTPS one.
const PORT: u16 = 8080;
pub(super) const NAME: &str = "ckf-hardening-https-redirect";

pub(super) const ABOUT: About = About {
    does: "redirects HTTP to HTTPS",
    controls: &["TLS-20"],
    risk: Risk::Low,
    reach: "port 80, which is closed once HTTPS is on, answers with a redirect, behind login",
    breaks: "nothing that is served: with HTTPS, istio-pilot opens no port for HTTP. Clients in clear \
             of routes on Knative's own Gateway are redirected, after allow-disruption names the \
             remedy. It is skipped where yet another Gateway serves HTTP on that port",
    works_on: "1.10 and 1.11 with istio-pilot; in the ambient mesh, see TLS-15",
    source: "a real istiod and Envoy, with login in front and Knative's Gateway beside: \
             tests/gateway/remedies.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        let why = "the ambient ingress is a Gateway of the Gateway API, and its charm redirects \
                   no route that comes by istio-ingress-route, as those of Charmed Kubeflow do; \
                   see TLS-15";
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
    redirect(context, &ingress, &servers)
}

/// The redirect, unless another Gateway serves the port.
fn redirect(
    context: &Context<'_>,
    ingress: &Ingress<'_>,
    servers: &[GatewayServer<'_>],
) -> Result<Decision, MissingFact> {
    let (mut hosts, mut taken) = (BTreeSet::from(["*"]), Vec::new());
    let mut routes = Vec::new();
    for served in
        servers.iter().filter(|served| served.listener == PORT && !is_ours(context, served))
    {
        match is_of_knative(served) {
            true => {
                hosts.extend(bound_hosts(context, served.gateway)?);
                routes.extend(bound_to(context, served.gateway)?);
            }
            false => taken.push(served),
        }
    }
    let desired = DesiredObject {
        kind: GATEWAY,
        namespace: context.namespace().into(),
        name: NAME.into(),
        content: json!({
            "selector": ingress.selector(),
            "servers": [{
                "hosts": hosts,
                "port": {"name": "http-redirect", "number": PORT, "protocol": "HTTP"},
                "tls": {"httpsRedirect": true},
            }],
        }),
    };
    let Some(other) = taken.first() else {
        let mut breaks = Breaks::of(Remedy::HttpsRedirect, &desired);
        for route in routes {
            let text = format!("{} is served in clear on Knative's Gateway", route.reference());
            breaks.add(route.reference(), Risk::Medium, text);
        }
        return Ok(Decision::Apply(DesiredState {
            objects: vec![desired],
            breaks: breaks.finish(),
            ..DesiredState::default()
        }));
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

fn is_ours(context: &Context<'_>, served: &GatewayServer<'_>) -> bool {
    let meta = &served.gateway.metadata;
    meta.name == NAME && meta.namespace == *context.namespace()
}

/// The Gateway for port 80 that Knative's operator makes, and makes again when it is changed.
fn is_of_knative(served: &GatewayServer<'_>) -> bool {
    let meta = &served.gateway.metadata;
    meta.name == "knative-ingress-gateway"
        && meta.namespace == "knative-serving"
        && !served.is_redirect()
}
