//! Views of the facts that controls, remedies and questions of access share: what a check may
//! see, the ingress, the mesh, its AuthorizationPolicies, NetworkPolicies, images and the release. Pure, and no control.

mod accessors;
pub mod address_set;
pub mod ambient_ways;
pub mod authorization;
pub mod components;
pub mod context;
mod distribution;
pub mod entrances;
pub mod future_profile;
pub mod image;
pub mod ingress;
pub mod key_places;
pub mod login;
pub mod mesh;
pub mod mesh_options;
pub mod mesh_policies;
pub mod metadata_service;
pub mod network_peers;
pub mod network_policy;
pub mod network_rules;
pub mod origins;
pub mod owner;
pub mod peer_authentication;
pub mod pod_security;
pub mod power;
pub mod profile_users;
mod release;
pub mod sidecars;
pub mod support;
pub mod waypoints;
pub mod web_apps;

pub use self::context::{Context, MissingFact};
pub use self::distribution::Distribution;
pub use self::release::{Detected, detect_release, major_minor, minor_version, takes_kubernetes};
