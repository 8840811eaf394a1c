//! A Gateway beside istio-pilot's that sends who comes by HTTP to HTTPS. With HTTPS
//! istio-pilot's own serves no HTTP at all.

use serde_json::json;

use super::own::{GATEWAY, Wanted};
use super::{About, Decision, Risk, Wants};
use crate::controls::context::{Context, Missing};
use crate::controls::ingress::Ingress;
use crate::controls::tls::is_ambient;

/// The listener of HTTP, which login covers as it does that of HTTPS.
const PORT: u16 = 8080;
pub(super) const NAME: &str = "ckf-hardening-https-redirect";

pub(super) const ABOUT: About = About {
    name: "https-redirect",
    does: "sends who comes by HTTP to HTTPS",
    controls: &["TLS-20"],
    risk: Risk::Low,
    reach: "port 80, which is closed once HTTPS is on, answers with a redirect, behind login",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let unwanted = |why: String| Ok(Decision::Unwanted(why));
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return unwanted("istio-ingress-k8s redirects by itself once it has a certificate".into());
    }
    let servers = ingress.servers();
    let of_main = |served: &&crate::controls::ingress::Served<'_>| {
        ingress
            .main
            .is_some_and(|main| std::ptr::eq(main, served.gateway))
    };
    let is_https = servers
        .iter()
        .filter(of_main)
        .any(|served| served.terminates_tls());
    if !is_https {
        return unwanted("the platform's Gateway does not serve HTTPS; see TLS-01".into());
    }
    let is_own = |name: &str, namespace: &str| name == NAME && namespace == context.namespace();
    let taken = servers.iter().find(|served| {
        let meta = &served.gateway.metadata;
        served.listener == PORT && !is_own(&meta.name, &meta.namespace)
    });
    if let Some(other) = taken {
        let meta = &other.gateway.metadata;
        let what = match other.is_redirect() {
            true => "redirects already",
            false => "serves there, and two would be mixed; see TLS-02",
        };
        return unwanted(format!("Gateway {}/{} {what}", meta.namespace, meta.name));
    }
    Ok(Wants::objects(vec![Wanted {
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
    }]))
}
