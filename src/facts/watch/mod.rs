//! Facts that follow changes of the cluster: each kind is listed once, then watched.

mod event;
mod follow;
mod polled;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ckf_model::with_kinds;

use self::follow::{WatchedKind, watch};
use self::polled::{config_maps, permissions, version};
pub use self::store::{Changes, Counts, FactStore};
use super::compliance::ClusterComplianceReport;
use super::core::*;
use super::gateway_attachments::{ListenerSet, ReferenceGrant, XListenerSet};
use super::gateway_routes::{GrpcRoute, TcpRoute, TlsRoute};
use super::ingress::{DomainMapping, Ingress, IngressClass};
use super::istio::*;
use super::knative::{KnativeEventing, KnativeServing};
use super::kubernetes::{self, Source};
pub use super::pace::Timing;
use super::rbac::*;
use super::secret::Secret;
use super::traffic::{DestinationRule, ServiceEntry, Sidecar, WasmPlugin};
use super::velero::{VeleroBackup, VeleroSchedule};
use super::vulnerability::VulnerabilityReport;

/// Age from which facts are stale. The API server sends bookmarks about once a minute, so a
/// watch without data for this long is dead, and its facts become unknown.
pub const STALE: Duration = Duration::from_secs(120);

/// Connects, and updates the facts until the runtime ends. Returns only if there is no client
/// configuration for a cluster.
pub async fn keep(source: &Source, live: Arc<FactStore>) -> Result<(), kubernetes::ReadError> {
    let pause = live.timing.watch + Duration::from_secs(10);
    let (client, _) = kubernetes::connect_to_watch(source, pause).await?;
    macro_rules! all {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
            tokio::join!(
                $(Box::pin(all!(@one $field, $type, $group, [$($version),+], $plural $(, $wire)?)),)*
                Box::pin(version(&client, &live)),
                Box::pin(permissions(&client, &live)),
            )
        };
        (@one config_maps, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {
            config_maps(&client, &live, &WatchedKind {
                field: "config_maps",
                group: $group,
                versions: &$versions,
                plural: $plural,
                of: |facts| &mut facts.config_maps,
            })
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal) => {
            all!(@one $field, $type, $group, $versions, $plural, $type)
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {
            watch::<$wire, $type>(&client, &live, &WatchedKind {
                field: stringify!($field),
                group: $group,
                versions: &$versions,
                plural: $plural,
                of: |facts| &mut facts.$field,
            })
        };
    }
    with_kinds!(all);
    Ok(())
}
