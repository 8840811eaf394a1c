//! What opens a way by itself, before anything uses it: Sidecars, and grants across namespaces.

use crate::controls::check::Check;
use crate::facts::gateway_attachments::{Granted, ReferenceGrant};
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding, outcome};
use crate::policy::allowed;
use crate::views::sidecars::{foreign_proxy, is_registry_only, opens_loopback, own_sidecars};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("NET-09", sidecars_open_nothing), ("NET-10", no_foreign_grants)];

/// NET-09: No Sidecar opens what pods or the mesh close
fn sidecars_open_nothing(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let own = own_sidecars(context)?;
    let (mut findings, mut checked) = (Vec::new(), 0);
    for own in own.iter().filter(|own| !allowed(&context.policy.allow.envoyfilters, own.sidecar)) {
        checked += 1;
        let spec = &own.sidecar.spec;
        let mut add = |field: &str, seen: String, wanted: &str| {
            findings.push(finding(own.sidecar.reference(), field, seen, wanted));
        };
        for (index, listener) in spec.ingress.iter().enumerate() {
            if opens_loopback(listener) {
                let seen = format!("{} of {}", listener.default_endpoint, own.pods());
                let field = format!("spec.ingress[{index}].defaultEndpoint");
                add(&field, seen, "an address that other pods reach anyway");
            }
            if let Some(tls) = listener.tls.as_ref().filter(|tls| *tls.mode != *"ISTIO_MUTUAL") {
                let field = format!("spec.ingress[{index}].tls.mode");
                add(&field, tls.mode.to_string(), "absent, so that clients have an identity");
            }
        }
        if let Some(proxy) = foreign_proxy(context, own.sidecar)? {
            let seen = format!("{proxy}, for {}", own.pods());
            let field = "spec.outboundTrafficPolicy.egressProxy";
            add(field, seen, "a Service of its own namespace or of the platform");
        }
        let opens = |mode: &str| mode.starts_with("ALLOW_ANY");
        let outbound = spec.outbound_traffic_policy.as_ref();
        if outbound.is_some_and(|outbound| opens(&outbound.mode)) && is_registry_only(context)? {
            let seen = format!("ALLOW_ANY for {}", own.pods());
            add("spec.outboundTrafficPolicy.mode", seen, "REGISTRY_ONLY, as the mesh has it");
        }
    }
    Ok(outcome(findings, format!("{} that opens nothing", count(checked, "Sidecar"))))
}

/// What a grant is for, in words; `None` if it is for neither Services nor Secrets.
fn granted(to: &Granted) -> Option<String> {
    let is_known = to.group.is_empty() && matches!(&*to.kind, "Service" | "Secret");
    is_known.then(|| match &to.name {
        Some(name) => format!("{} {name}", to.kind),
        None => format!("every {}", to.kind),
    })
}

/// Whether a namespace is of those that run the platform and its gateways.
fn is_trusted(context: &Context<'_>, grant: &ReferenceGrant, from: &str) -> bool {
    *grant.metadata.namespace == *from || context.is_system(from)
}

/// NET-10: No grant lets other namespaces lead to the platform or to a profile
fn no_foreign_grants(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let (mut findings, mut checked) = (Vec::new(), 0);
    for grant in context.reference_grants()? {
        if !context.is_ours(&grant.metadata.namespace)?
            || allowed(&context.policy.allow.virtualservices, grant)
        {
            continue;
        }
        checked += 1;
        let to: Vec<String> = grant.spec.to.iter().filter_map(granted).collect();
        let from = grant.spec.from.iter().filter(|of| !is_trusted(context, grant, &of.namespace));
        for of in from.filter(|_| !to.is_empty()) {
            let seen = format!("{} of {} may refer to {}", of.kind, of.namespace, to.join(", "));
            let wanted = "namespaces of the platform only";
            findings.push(finding(grant.reference(), "spec.from", seen, wanted));
        }
    }
    Ok(outcome(findings, format!("{} for other namespaces", count(checked, "ReferenceGrant"))))
}
