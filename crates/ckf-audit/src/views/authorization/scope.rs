//! Which policies hold for a workload.

use super::mesh::Mesh;
use crate::facts::istio::{AuthorizationPolicy, TargetRef};
use crate::facts::labels::Labels;

/// Label of the pods of a Gateway of the Gateway API.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// Class of the Gateways that guard Services of an ambient mesh.
const WAYPOINT: &str = "istio-waypoint";

/// A proxy, and for what it stands.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Labels of its pod.
    pub labels: &'a Labels,
    /// The Service that it guards, by namespace and name, if it is a waypoint.
    pub waypoint_of: Option<(&'a str, &'a str)>,
}

/// The policies that hold for a workload, by action.
#[derive(Clone, Debug, Default)]
pub struct PolicySet<'a> {
    /// `CUSTOM`.
    pub custom: Vec<&'a AuthorizationPolicy>,
    /// `DENY`.
    pub deny: Vec<&'a AuthorizationPolicy>,
    /// `ALLOW`.
    pub allow: Vec<&'a AuthorizationPolicy>,
    /// Those of an action that is not known here.
    pub other: Vec<&'a AuthorizationPolicy>,
    /// Whether ztunnel evaluates them, which sees connections only: an ALLOW rule on anything of
    /// HTTP is void, and a DENY rule is about every request, by istiod's translation for it.
    pub is_of_ztunnel: bool,
}

impl<'a> PolicySet<'a> {
    /// The policies of a namespace and of the root namespace that hold for a workload. One that
    /// is in dry run, or of action `AUDIT`, decides nothing.
    pub fn of(
        policies: impl IntoIterator<Item = &'a AuthorizationPolicy>,
        workload: &Workload<'_>,
        mesh: &Mesh,
    ) -> Self {
        let mut set = Self::default();
        let here = policies.into_iter().filter(|policy| holds(policy, workload, mesh));
        // External authorisers of istiod's newest release are asked in a dry run too.
        for policy in here.filter(|of| of.spec.action == "CUSTOM" || !is_dry_run(of)) {
            match &*policy.spec.action {
                "" | "ALLOW" => set.allow.push(policy),
                "DENY" => set.deny.push(policy),
                "CUSTOM" => set.custom.push(policy),
                "AUDIT" => {}
                _ => set.other.push(policy),
            }
        }
        set
    }
}

/// Whether a policy is only tried, as Go reads truth.
pub fn is_dry_run(policy: &AuthorizationPolicy) -> bool {
    let value = policy.metadata.annotations.dry_run.as_deref();
    matches!(value, Some("1" | "t" | "T" | "TRUE" | "true" | "True"))
}

/// Whether a policy holds for a workload, by `WorkloadPolicyMatcher` of istiod.
fn holds(policy: &AuthorizationPolicy, workload: &Workload<'_>, mesh: &Mesh) -> bool {
    let of = &*policy.metadata.namespace;
    let of_service = workload.waypoint_of.map(|(namespace, _)| namespace);
    if of != workload.namespace && of != mesh.root_namespace && of_service != Some(of) {
        return false;
    }
    let targets = || policy.spec.target_refs.iter().chain(&policy.spec.target_ref);
    let selector = policy.spec.selector.as_ref();
    let is_selected =
        || selector.is_none_or(|selector| workload.labels.include(&selector.match_labels));
    let gateway = workload.labels.get(GATEWAY_NAME);
    match (gateway, targets().next()) {
        (None, None) => is_selected(),
        (None, Some(_)) => false,
        (Some(_), None) => workload.waypoint_of.is_none() && is_selected(),
        (Some(gateway), Some(_)) => {
            targets().any(|target| is_target(target, of, workload, gateway, mesh))
        }
    }
}

fn is_target(
    target: &TargetRef,
    of: &str,
    workload: &Workload<'_>,
    gateway: &str,
    mesh: &Mesh,
) -> bool {
    let is = |group: &str, kind: &str| {
        // The empty group is that of Kubernetes' own kinds, also by name.
        let own = if &*target.group == "core" { "" } else { &*target.group };
        own == group && target.kind == kind
    };
    if let Some((namespace, service)) = workload.waypoint_of {
        if is("", "Service") && target.name == service && of == namespace {
            return true;
        }
        let is_class = is("gateway.networking.k8s.io", "GatewayClass");
        if is_class && target.name == WAYPOINT && of == mesh.root_namespace {
            return true;
        }
    }
    of == workload.namespace
        && (target.namespace.is_empty() || target.namespace == workload.namespace)
        && is("gateway.networking.k8s.io", "Gateway")
        && target.name == gateway
}
