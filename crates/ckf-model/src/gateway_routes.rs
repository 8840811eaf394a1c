//! Routes of the Gateway API beside HTTPRoute: what attaches to a Gateway, and where it leads.

use serde::{Deserialize, Serialize};

use super::istio::AmbientRouteSpec;
use super::object::{Meta, object};
use super::wire::wire;

macro_rules! route {
    ($(#[$meta:meta])* $name:ident, $version:literal, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// Desired state.
            spec: AmbientRouteSpec,
        }}
        object!($name, $version, $kind);
    };
}
route!(/// A GRPCRoute.
    GrpcRoute, "gateway.networking.k8s.io/v1", "GRPCRoute");
route!(/// A TLSRoute.
    TlsRoute, "gateway.networking.k8s.io/v1alpha2", "TLSRoute");
route!(/// A TCPRoute.
    TcpRoute, "gateway.networking.k8s.io/v1alpha2", "TCPRoute");
