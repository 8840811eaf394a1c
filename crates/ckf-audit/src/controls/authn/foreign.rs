//! Filters and code on the ingress that are not the platform's, or not as the platform writes them.

use crate::controls::authn::filters::of_ingress;
use crate::controls::check::Check;
use crate::facts::istio::EnvoyFilter;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::policy::allowed;
use crate::views::authorization::Mesh;
use crate::views::ingress::Ingress;
use crate::views::login::{Login, OWN_FILTER, is_hardening, unlike_istio_pilot};
use crate::views::mesh::ambient_ingress;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHN-07", no_foreign_filter)];

/// What a filter on a gateway is that is not the platform's.
fn foreign(context: &Context<'_>, filter: &EnvoyFilter) -> Result<Vec<Finding>, MissingFact> {
    if allowed(&context.policy.allow.envoyfilters, filter) || is_hardening(filter)? {
        return Ok(Vec::new());
    }
    let is_pilots =
        filter.metadata.name == OWN_FILTER && filter.metadata.namespace == *context.namespace();
    if is_pilots {
        let unlike = unlike_istio_pilot(filter)?.into_iter();
        return Ok(unlike
            .map(|(field, seen, wanted)| finding(filter.reference(), &field, seen, wanted))
            .collect());
    }
    let patches = count(filter.patches.len(), "patch").replace("patchs", "patches");
    Ok(vec![finding(
        filter.reference(),
        "spec.workloadSelector",
        format!("works on the ingress with {patches}"),
        "no EnvoyFilter but istio-pilot's and ours",
    )])
}

/// AUTHN-07: No foreign EnvoyFilter or WasmPlugin touches the ingress
fn no_foreign_filter(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let mut filters = match ingress.exists() {
        true => of_ingress(context, &ingress)?.filters,
        false => Vec::new(),
    };
    let gateways = ambient_ingress(context)?;
    if !ingress.exists() && gateways.is_empty() {
        return Ok(Outcome::NotApplicable("there is no ingress gateway".into()));
    }
    let mut pods = ingress.pods();
    let labels: Vec<_> = gateways.iter().map(|gateway| Login::labels_of(gateway)).collect();
    pods.extend(&labels);
    for gateway in &gateways {
        for filter in Login::of_gateway(context, gateway)?.filters {
            if !filters.iter().any(|known| std::ptr::eq(*known, filter)) {
                filters.push(filter);
            }
        }
    }
    let mut findings = Vec::new();
    for filter in &filters {
        findings.extend(foreign(context, filter)?);
    }
    let root = Mesh::of(context)?.root_namespace;
    for plugin in context.wasm_plugins()? {
        let of = &*plugin.metadata.namespace;
        let selector = plugin.spec.selector.as_ref();
        let is_selected = pods
            .iter()
            .any(|labels| selector.is_none_or(|selector| labels.include(&selector.match_labels)));
        let mut targets = plugin.spec.target_refs.iter().chain(&plugin.spec.target_ref).peekable();
        let is_on_ingress = match targets.peek() {
            Some(_) => targets.any(|t| gateways.iter().any(|g| *t.name == *g.metadata.name)),
            None => is_selected,
        };
        if is_on_ingress
            && (of == context.namespace() || of == root)
            && !allowed(&context.policy.allow.envoyfilters, plugin)
        {
            let (seen, wanted) = ("runs code in the ingress", "no WasmPlugin on the ingress");
            findings.push(finding(plugin.reference(), "spec.selector", seen, wanted));
        }
    }
    Ok(outcome(
        findings,
        format!("{} on the ingress, all known", count(filters.len(), "EnvoyFilter")),
    ))
}
