//! Problems of the relations with COS, the gateway and Kubeflow's dashboard.

use juju_charm::Status;

use crate::charm::issue::StatusProblem;

/// Reasons why a relation does not do what it is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelationProblem {
    /// The gateway was removed by its charm.
    #[error("{charm} has removed the Gateway {namespace}/{name}; see its status")]
    NoGateway {
        /// Application of the gateway.
        charm: String,
        /// Namespace of the gateway.
        namespace: String,
        /// Name of the gateway.
        name: String,
    },
    /// The ingress has no route yet.
    #[error("{0} has made no route to the report page yet")]
    NoRoute(String),
    /// A link in the dashboard needs a route.
    #[error(
        "dashboard-links has no link without ingress; integrate ingress with istio-pilot, or \
         istio-ingress-route with istio-ingress-k8s"
    )]
    LinkWithoutIngress,
    /// A peer rejects what this charm wrote.
    #[error("{peer} rejects the databag of {endpoint}: {why}")]
    Rejected {
        /// The peer's application.
        peer: String,
        /// Endpoint of this charm.
        endpoint: String,
        /// The peer's reason.
        why: String,
    },
}

impl StatusProblem for RelationProblem {
    fn status(&self) -> Status {
        match self {
            Self::NoGateway { .. } | Self::NoRoute(_) | Self::Rejected { .. } => Status::Waiting,
            Self::LinkWithoutIngress => Status::Active,
        }
    }
}
