//! What outlives the loss or the drain of a node.

use std::collections::BTreeSet;

use crate::controls::check::Check;
use crate::facts::core::Pod;
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding};
use crate::views::ingress::Ingress;
use crate::views::mesh::ambient_ingress;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("UPG-13", gateway_outlives_a_node)];

/// Label by which Istio marks the pods of a Gateway of the Gateway API.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// UPG-13: The gateway outlives a node
fn gateway_outlives_a_node(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let pods = gateway_pods(context)?;
    let nodes = context.nodes()?.len();
    let Some(first) = pods.first() else {
        return Ok(Outcome::NotApplicable("there is no pod of a gateway".into()));
    };
    if nodes < 2 {
        return Ok(Outcome::NotApplicable("the cluster has one node".into()));
    }
    let ready = pods.iter().filter(|pod| pod.is_ready()).count();
    if ready < 2 {
        let seen = count(ready, "ready pod");
        return Ok(Outcome::Fail(vec![finding(first.reference(), "replicas", seen, "2 or more")]));
    }
    Ok(Outcome::Pass(format!("{} of the gateway", count(ready, "ready pod"))))
}

/// Pods of the platform's gateways, of either of Istio's APIs; waypoints are none.
fn gateway_pods<'a>(context: &Context<'a>) -> Result<Vec<&'a Pod>, MissingFact> {
    let mut pods = Ingress::find(context)?.running;
    let namespace = context.namespace();
    let gateways = ambient_ingress(context)?;
    let names: BTreeSet<&str> =
        gateways.iter().map(|gateway| gateway.metadata.name.as_str()).collect();
    pods.extend(context.pods()?.iter().filter(|pod| {
        let of = pod.metadata.label(GATEWAY_NAME);
        pod.metadata.namespace == *namespace
            && !pod.is_finished()
            && of.is_some_and(|name| names.contains(name))
    }));
    Ok(pods)
}
