//! A Gateway beside istio-pilot's that sends who comes by HTTP to HTTPS. With HTTPS
//! istio-pilot's own serves no HTTP at all.

use serde_json::json;

use super::own::{GATEWAY, Wanted};
use super::{About, Decision, Risk, Wants, waived};
use crate::facts::object::Object as _;
use crate::views::ingress::gateway_reference;
use crate::views::ingress::{GatewayServer, Ingress};
use crate::views::mesh::is_ambient;
use crate::views::{Context, Missing};

/// The listener of HTTP, which login covers as it does that of HTTPS.
const PORT: u16 = 8080;
pub(super) const NAME: &str = "ckf-hardening-https-redirect";

pub(super) const ABOUT: About = About {
    name: "https-redirect",
    does: "sends who comes by HTTP to HTTPS",
    controls: &["TLS-20"],
    risk: Risk::Low,
    reach: "port 80, which is closed once HTTPS is on, answers with a redirect, behind login",
    breaks: "nothing that is served: with HTTPS istio-pilot opens no port for HTTP. Where another \
             Gateway serves HTTP on that port it is not made",
    works_on: "1.10 and 1.11 with istio-pilot; in the ambient mesh istio-ingress-k8s redirects",
    source: "a real istiod and Envoy, with login before it: tests/gateway.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        let why = "istio-ingress-k8s redirects by itself once it has a certificate";
        return Ok(Decision::Leave(why.into()));
    }
    let servers = ingress.servers();
    let of_main = |served: &&GatewayServer<'_>| {
        ingress.main.is_some_and(|main| std::ptr::eq(main, served.gateway))
    };
    let mut own = servers.iter().filter(of_main);
    if !own.any(|served| served.terminates_tls()) {
        let why = "the platform's Gateway does not serve HTTPS; see TLS-01".to_owned();
        // With clear text there, a redirect would lead everybody to where nothing answers.
        return Ok(match ingress.is_clear() {
            true => Decision::Gone(why),
            false => Decision::Leave(why),
        });
    }
    if let Some(why) = waived(context, "TLS-20", &gateway_reference(context)) {
        return Ok(Decision::Leave(why));
    }
    let wanted = Wanted {
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
        return Ok(Wants::objects(vec![wanted]));
    };
    let what = match other.is_redirect() {
        true => "redirects already",
        false => "serves there, and a redirect beside it would be for its paths too; see TLS-02",
    };
    // Ours stays if it is there: whoever else serves on that port takes nothing away.
    Ok(Decision::Wanted(Wants {
        kept: vec![wanted],
        notes: vec![format!("{} {what}", other.gateway.reference())],
        ..Wants::default()
    }))
}
