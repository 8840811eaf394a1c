//! Reads the facts from a cluster: typed pages, several kinds concurrently.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Client;
use tokio::sync::Semaphore;

use super::compliance::ClusterComplianceReport;
use super::core::*;
use super::custom_resources;
use super::gateway_attachments::{ListenerSet, ReferenceGrant, XListenerSet};
use super::gateway_routes::{GrpcRoute, TcpRoute, TlsRoute};
use super::ingress::{DomainMapping, Ingress, IngressClass};
use super::istio::*;
use super::knative::{KnativeEventing, KnativeServing};
use super::known::{Known, Unknown};
use super::rbac::*;
pub(crate) use super::request::*;
use super::request::{REQUEST_DEADLINE, config_maps, get, kind_path, list, login_problem};
use super::secret::Secret;
pub use super::source::{ReadError, Source};
use super::traffic::{DestinationRule, ServiceEntry, Sidecar, WasmPlugin};
use super::velero::{VeleroBackup, VeleroSchedule};
use super::vulnerability::VulnerabilityReport;
use super::{About, Facts, Origin, access, client, kubeconfig, shared};
use ckf_model::custom_resources::ObjectKind;
use ckf_model::with_kinds;

/// Kinds read concurrently; with more, pages of the API server only wait in memory.
const SIDE_BY_SIDE: usize = 4;

/// Reads a cluster within a deadline. Blocks, on its own runtime. Fails only if the API server
/// does not respond at all; kinds that are denied or missing are unknown with the reason.
pub fn read(
    source: &Source,
    about: About,
    others: &BTreeSet<ObjectKind>,
    deadline: Duration,
    progress: Progress<'_>,
) -> Result<Facts, ReadError> {
    runtime()?.block_on(async {
        let (client, server) = connect(source).await?;
        let read = collect(&client, about, others, progress);
        match tokio::time::timeout(deadline, read).await {
            Ok(Ok(mut facts)) => {
                facts.origin = Origin { uid: uid(&client).await, ..origin(source)? };
                Ok(facts)
            }
            Ok(Err(failure)) => Err(failure.of_server(server)),
            Err(_) => Err(ReadError::Deadline { server, seconds: deadline.as_secs() }),
        }
    })
}

impl Failure {
    /// The error of the first request to a server.
    fn of_server(self, server: String) -> ReadError {
        match self {
            Self::Unauthorized(message) => ReadError::LoginExpired { server, message },
            Self::Other(Unknown::Forbidden(message)) => ReadError::Refused { server, message },
            failure => ReadError::Unreachable { server, why: failure.into_unknown() },
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, ReadError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| ReadError::Client(e.to_string()))
}

/// Creates a client; also returns the URL of the API server.
pub(crate) async fn connect(source: &Source) -> Result<(Client, String), ReadError> {
    connect_with(source, REQUEST_DEADLINE, true).await
}

/// Creates a client that allows pauses of this length within a response. It retries nothing by
/// itself: who watches has a back-off, and counts what is sent.
pub(super) async fn connect_to_watch(
    source: &Source,
    longest_pause: Duration,
) -> Result<(Client, String), ReadError> {
    connect_with(source, longest_pause, false).await
}

async fn connect_with(
    source: &Source,
    longest_pause: Duration,
    retries: bool,
) -> Result<(Client, String), ReadError> {
    crate::tls::install_provider();
    let loaded = kubeconfig::load(source)?;
    let mut config = loaded.config;
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(longest_pause);
    config.default_retry = retries;
    let server = config.cluster_url.to_string();
    let plugin = config.auth_info.exec.clone();
    let client = client::create(config)
        .map_err(|error| ReadError::Client(login_problem(&error, plugin.as_ref())))?;
    Ok((client, server))
}

/// The cluster that a source names, without asking it.
pub(crate) fn origin(source: &Source) -> Result<Origin, ReadError> {
    let loaded = kubeconfig::load(source)?;
    let server = loaded.config.cluster_url.to_string().trim_end_matches('/').to_owned();
    Ok(Origin { server, context: loaded.context, uid: String::new() })
}

/// Called after each kind, with its resource name.
pub type Progress<'a> = &'a (dyn Fn(&str) + 'a);

/// Streams the objects of a kind that only custom controls read. Blocks. `begin` creates the
/// state of a pass, which restarts if the list expires. `None` if the kind is not installed.
pub fn visit_custom_resources<S>(
    source: &Source,
    kind: &ObjectKind,
    deadline: Duration,
    begin: impl Fn() -> S,
    take: impl FnMut(&mut S, &serde_json::Value),
) -> Result<Option<S>, Unknown> {
    let runtime = runtime().map_err(|error| Unknown::Failed(error.to_string()))?;
    runtime.block_on(async {
        let connected = connect(source).await;
        let (client, _) = connected.map_err(|error| Unknown::Failed(error.to_string()))?;
        let read = custom_resources::visit(&client, kind, begin, take);
        let late = |_| Unknown::TimedOut(format!("not read within {} s", deadline.as_secs()));
        tokio::time::timeout(deadline, read).await.map_err(late)?
    })
}

/// UID of the namespace kube-system; empty if it cannot be read, which no control needs.
async fn uid(client: &Client) -> String {
    #[derive(serde::Deserialize)]
    struct Named {
        metadata: Metadata,
    }
    #[derive(serde::Deserialize)]
    struct Metadata {
        uid: String,
    }
    let path = super::path::ApiPath::from("/api/v1/namespaces");
    let path = path.with("fieldSelector", "metadata.name=kube-system");
    let named = super::request::list_page::<Named>(client, &path).await;
    named.ok().and_then(|all| all.into_iter().next()).map_or(String::new(), |one| one.metadata.uid)
}

async fn collect(
    client: &Client,
    about: About,
    kinds: &BTreeSet<ObjectKind>,
    progress: Progress<'_>,
) -> Result<Facts, Failure> {
    let version = get::<Version>(client, &"/version".into()).await?;
    let turns = Semaphore::new(SIDE_BY_SIDE);
    let are_all_config_maps = std::cell::Cell::new(None);
    macro_rules! fetch {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {{
            let ($($field,)* access) = tokio::join!(
                $(Box::pin(async {
                    let _turn = turns.acquire().await;
                    let facts = fetch!(@one $field, $type, $group, [$($version),+], $plural $(, $wire)?);
                    progress($plural);
                    facts
                }),)*
                Box::pin(async {
                    let _turn = turns.acquire().await;
                    access::read(client).await
                }),
            );
            Facts { about: about.clone(), version: Known::Known(version), access, $($field,)* ..Facts::default() }
        }};
        (@one config_maps, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {{
            let (maps, are_all) = config_maps(client, &about.namespace).await;
            are_all_config_maps.set(Some(are_all));
            maps
        }};
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal) => {
            list::<$type, $type>(client, $group, &$versions, $plural).await
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {
            list::<$wire, $type>(client, $group, &$versions, $plural).await
        };
    }
    let mut facts = with_kinds!(fetch);
    shared::clear_interned();
    facts.all_config_maps = are_all_config_maps.take().unwrap_or_default();
    facts.others = custom_resources::read(client, kinds).await;
    Ok(facts)
}

/// Paths of the lists that an audit reads, in the preferred version, without the ConfigMaps
/// that it gets by name. For benchmarks.
pub fn list_paths() -> Vec<String> {
    macro_rules! paths {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$first:literal $($version:literal)*] $plural:literal $(via $wire:ty)?;)*) => {
            vec![$(($group, $first, $plural),)*]
        };
    }
    let kinds = with_kinds!(paths);
    kinds
        .into_iter()
        .filter(|(_, _, plural)| *plural != "configmaps")
        .filter_map(|(group, version, plural)| kind_path(group, version, plural).ok())
        .map(|path| path.to_string())
        .collect()
}

/// API group (empty for the core group) and resource name of each kind that an audit reads.
pub fn kinds() -> Vec<(&'static str, &'static str)> {
    macro_rules! kinds {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
            vec![$(($group, $plural),)*]
        };
    }
    with_kinds!(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection_error(kubeconfig: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, kubeconfig).unwrap();
        let source = Source { kubeconfig: Some(path), ..Source::default() };
        let connected = runtime().unwrap().block_on(async {
            let (client, _) = connect(&source).await?;
            let version = get::<Version>(&client, &"/version".into()).await;
            version.map_err(|failure| ReadError::Client(failure.into_unknown().to_string()))
        });
        connected.expect_err("no server listens").to_string()
    }

    const CLUSTER: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
        clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n\
        contexts: [{name: c, context: {cluster: c, user: u}}]\n";

    #[test]
    fn kubeconfig_error_does_not_leak_tokens() {
        for user in [
            "token: s3cret-token\n  broken: [",
            "users: [{name: u, user: {token: [s3cret-token]}}]\n",
            "users: [{name: u, user: {token: {a: s3cret-token}, client-key-data: s3cret-token}}]\n",
            // A failing plugin with the token in output, arguments and environment.
            "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, \
             interactiveMode: Never, command: sh, args: [-c, 'echo s3cret-token; exit 3'], \
             env: [{name: A, value: s3cret-token}]}}}]\n",
            "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, \
             interactiveMode: Never, command: echo, args: ['{\"status\": s3cret-token']}}}]\n",
            "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, \
             interactiveMode: Never, command: /nowhere/plugin, args: [s3cret-token]}}}]\n",
        ] {
            let message = connection_error(&format!("{CLUSTER}{user}"));
            assert!(!message.contains("s3cret"), "{message}");
            assert!(!message.is_empty());
        }
    }

    #[test]
    fn large_or_deep_kubeconfig_is_rejected() {
        let large = connection_error(&format!("{CLUSTER}# {}", "x".repeat(5 << 20)));
        assert!(large.contains("larger than 4194304 bytes"), "{large}");
        let deep = connection_error(&format!("{CLUSTER}users: {}", "[".repeat(100_000)));
        assert!(deep.contains("malformed"), "{deep}");
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let all = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
        }
        let bomb = connection_error(&format!("{CLUSTER}{bomb}"));
        assert!(bomb.contains("malformed") || bomb.len() < 300, "{bomb}");
    }
}
