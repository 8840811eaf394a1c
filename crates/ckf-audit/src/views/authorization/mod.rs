//! Istio's AuthorizationPolicies, evaluated as Istio's proxies do.
//!
//! Sources: Istio's API reference (`security.istio.io/v1`, AuthorizationPolicy and its conditions),
//! and istiod's generator of Envoy's RBAC filters (`pilot/pkg/security/authz`,
//! `pilot/pkg/security/trustdomain`, `pilot/pkg/model/policyattachment.go`). A test holds this
//! engine to a real Envoy that a real istiod configures.
//!
//! What the engine does not know makes an answer unknown, never no.

mod address;
mod admission;
mod caller;
mod condition;
mod decide;
mod everybody;
mod matcher;
mod mesh;
mod request;
mod rule;
mod samples;
mod scope;
mod strangers;
mod token;
mod truth;

pub use self::address::AddressRange;
pub use self::admission::Admission;
pub use self::caller::Caller;
pub use self::decide::{Cause, Decision};
pub use self::everybody::admits_everybody;
pub use self::mesh::Mesh;
pub use self::request::{Attribute, Request};
pub use self::scope::{PolicySet, Workload, is_dry_run};
pub use self::strangers::strangers;
pub use self::truth::Truth;
