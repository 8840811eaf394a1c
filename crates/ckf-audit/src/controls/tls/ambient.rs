//! HTTPS on the gateway of an ambient mesh.

use crate::controls::check::Check;
use crate::facts::object::Object as _;
use crate::finding::{Outcome, finding, outcome};
use crate::views::entrances::GatewayListener;
use crate::views::ingress::Ingress;
use crate::views::mesh::ambient_ingress;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("TLS-15", ambient_serves_https)];

/// TLS-15: The ambient ingress serves HTTPS and only redirects HTTP
fn ambient_serves_https(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let gateways = ambient_ingress(context)?;
    if ingress.exists() || gateways.is_empty() {
        return Ok(Outcome::NotApplicable("the mesh is not ambient, see TLS-01".into()));
    }
    let mut findings = Vec::new();
    for gateway in gateways {
        let listeners = GatewayListener::all(context, gateway)?;
        let secure = listeners.iter().map(|of| of.listener).any(|l| {
            l.protocol == "HTTPS"
                && l.tls.as_ref().is_some_and(|tls| !tls.certificate_refs.is_empty())
        });
        if !secure {
            findings.push(finding(
                gateway.reference(),
                "spec.listeners",
                "no HTTPS listener with a certificate",
                "https-443",
            ));
        }
        for of_gateway in listeners.iter().filter(|of| of.listener.protocol == "HTTP") {
            let listener = of_gateway.listener;
            let mut routes = Vec::new();
            for route in context.ambient_routes()? {
                let own = &*route.metadata.namespace;
                if of_gateway.is_attached(context, &route.spec.parent_refs, own)? {
                    routes.push(route);
                }
            }
            for route in routes {
                let redirects = !route.spec.rules.is_empty()
                    && route.spec.rules.iter().all(|rule| {
                        rule.filters.iter().any(|f| {
                            f.request_redirect
                                .as_ref()
                                .is_some_and(|r| r.scheme.as_deref() == Some("https"))
                        })
                    });
                if !redirects {
                    let seen = format!("routes on listener {} in clear text", listener.name);
                    findings.push(finding(
                        route.reference(),
                        "spec.rules",
                        seen,
                        "a redirect to https",
                    ));
                }
            }
        }
    }
    Ok(outcome(findings, "HTTPS with a certificate; HTTP only redirects"))
}
