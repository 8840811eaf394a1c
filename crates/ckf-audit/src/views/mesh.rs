//! The mesh: its way in where it is ambient, and the scope of its PeerAuthentications.

use crate::facts::istio::{AmbientGateway, PeerAuthentication};
use crate::views::ingress::Ingress;
use crate::views::{Context, MissingFact};

/// The way into an ambient mesh.
pub fn ambient_ingress<'a>(context: &Context<'a>) -> Result<Vec<&'a AmbientGateway>, MissingFact> {
    let gateways = context.ambient_gateways()?.iter();
    Ok(gateways
        .filter(|g| {
            g.metadata.namespace == *context.namespace()
                && g.spec.gateway_class_name != "istio-waypoint"
        })
        .collect())
}

/// Whether the platform is in an ambient mesh, whose way in is no Istio Gateway.
pub fn is_ambient(context: &Context<'_>, ingress: &Ingress<'_>) -> Result<bool, MissingFact> {
    Ok(!ingress.exists() && !ambient_ingress(context)?.is_empty())
}

pub(crate) fn is_for_all(policy: &PeerAuthentication) -> bool {
    policy.spec.selector.as_ref().is_none_or(|s| s.match_labels.is_empty())
}
