//! Reads the facts from a cluster: typed pages, kinds side by side.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::core::*;
use super::istio::*;
use super::knative::{KnativeEventing, KnativeServing};
use super::known::{Kind, Known, Listed, Unknown};
use super::manifest::parse_item;
use super::object::Object;
use super::others::{self, Others};
use super::rbac::*;
use super::secret::Secret;
use super::vulnerability::VulnerabilityReport;
use super::{About, Facts, access, shared, with_kinds};
use crate::policy::custom::ObjectKind;

/// Objects asked for at once.
pub(crate) const PAGE: usize = 500;
/// Kinds read side by side; more only makes the API server's pages wait in memory.
const SIDE_BY_SIDE: usize = 4;
/// Longest wait for one answer of the API server.
const REQUEST_DEADLINE: Duration = Duration::from_secs(20);

/// Which cluster; empty for the current kubeconfig, or the pod's own account.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; else its current one.
    pub context: Option<String>,
}

/// Why a cluster could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No kubeconfig, a bad one, or no such context.
    #[error("kubeconfig {path}: {message}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What was wrong.
        message: String,
    },
    /// No kubeconfig and not in a pod.
    #[error("no cluster: {0}; give --kubeconfig, set KUBECONFIG, or run in a pod")]
    NoCluster(String),
    /// The client could not be made.
    #[error("kubernetes client: {0}")]
    Client(String),
    /// The API server does not answer.
    #[error(
        "the API server {server} did not answer ({why}); check that it runs and that the network leads to it"
    )]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        why: Unknown,
    },
    /// The API server did not finish within the deadline.
    #[error("the API server {server} could not be read within {seconds} s")]
    Deadline {
        /// Its address.
        server: String,
        /// The deadline in seconds.
        seconds: u64,
    },
}

/// Reads a cluster within a deadline. It blocks, on a runtime of its own. It
/// fails only if the API server does not answer at all; what is refused or
/// missing is unknown with its reason.
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
            Ok(Ok(facts)) => Ok(facts),
            Ok(Err(why)) => Err(ReadError::Unreachable { server, why }),
            Err(_) => Err(ReadError::Deadline {
                server,
                seconds: deadline.as_secs(),
            }),
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, ReadError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| ReadError::Client(e.to_string()))
}

/// A client, and the address of the API server.
pub(crate) async fn connect(source: &Source) -> Result<(Client, String), ReadError> {
    connect_for(source, REQUEST_DEADLINE).await
}

/// The same, where an answer may pause for so long.
pub(crate) async fn connect_for(
    source: &Source,
    longest_pause: Duration,
) -> Result<(Client, String), ReadError> {
    crate::tls::install_provider();
    let options = KubeConfigOptions {
        context: source.context.clone(),
        ..Default::default()
    };
    let mut config =
        match &source.kubeconfig {
            Some(path) => {
                let problem = |message: String| ReadError::Kubeconfig {
                    path: path.display().to_string(),
                    message,
                };
                let kubeconfig = Kubeconfig::read_from(path).map_err(|e| problem(e.to_string()))?;
                kube::Config::from_custom_kubeconfig(kubeconfig, &options)
                    .await
                    .map_err(|e| problem(e.to_string()))?
            }
            None if source.context.is_some() => kube::Config::from_kubeconfig(&options)
                .await
                .map_err(|e| ReadError::Kubeconfig {
                    path: "of this user".into(),
                    message: e.to_string(),
                })?,
            None => kube::Config::infer()
                .await
                .map_err(|e| ReadError::NoCluster(e.to_string()))?,
        };
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(longest_pause);
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config).map_err(|e| ReadError::Client(e.to_string()))?;
    Ok((client, server))
}

/// Told as each kind is read: its resource name.
pub type Progress<'a> = &'a (dyn Fn(&str) + 'a);

/// Reads the kinds again that only the policy's own controls read. Blocks.
pub fn read_others(
    source: &Source,
    kinds: &BTreeSet<ObjectKind>,
    deadline: Duration,
) -> Result<Others, ReadError> {
    runtime()?.block_on(async {
        let (client, server) = connect(source).await?;
        let read = others::read(&client, kinds);
        let late = |_| ReadError::Deadline {
            server,
            seconds: deadline.as_secs(),
        };
        tokio::time::timeout(deadline, read).await.map_err(late)
    })
}

async fn collect(
    client: &Client,
    about: About,
    kinds: &BTreeSet<ObjectKind>,
    progress: Progress<'_>,
) -> Result<Facts, Unknown> {
    let version = get::<Version>(client, "/version")
        .await
        .map_err(Failure::into_unknown)?;
    let turns = Semaphore::new(SIDE_BY_SIDE);
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
        (@one config_maps, $type:ty, $group:literal, $versions:tt, $plural:literal) => {
            config_maps(client, &about.namespace).await
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal) => {
            list::<$type, $type>(client, $group, &$versions, $plural).await
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {
            list::<$wire, $type>(client, $group, &$versions, $plural).await
        };
    }
    let mut facts = with_kinds!(fetch);
    shared::forget_kept();
    facts.others = others::read(client, kinds).await;
    Ok(facts)
}

/// The path of each list that an audit reads, by the version preferred, without
/// those ConfigMaps that it asks for by name. Benchmarks read the same.
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
        .map(|(group, version, plural)| format!("{}/{plural}", prefix(group, version)))
        .collect()
}

/// Each kind that an audit reads: its API group, empty for the core group, and its resource.
pub fn kinds() -> Vec<(&'static str, &'static str)> {
    macro_rules! kinds {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
            vec![$(($group, $plural),)*]
        };
    }
    with_kinds!(kinds)
}

pub(super) fn prefix(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    }
}

/// Why a request failed.
pub(crate) enum Failure {
    NotFound,
    Gone,
    Other(Unknown),
}

impl Failure {
    pub(crate) fn into_unknown(self) -> Unknown {
        match self {
            Self::NotFound => Unknown::Failed("not found".into()),
            Self::Gone => Unknown::Failed("the list changed while it was read, twice".into()),
            Self::Other(unknown) => unknown,
        }
    }
}

pub(crate) async fn send(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> Result<String, Failure> {
    let answer = tokio::time::timeout(REQUEST_DEADLINE * 2, client.request_text(request)).await;
    match answer {
        Err(_) => Err(Failure::Other(Unknown::TimedOut(format!(
            "no answer in {} s",
            REQUEST_DEADLINE.as_secs() * 2
        )))),
        Ok(Ok(text)) => Ok(text),
        Ok(Err(kube::Error::Api(status))) => Err(match status.code {
            404 => Failure::NotFound,
            410 => Failure::Gone,
            401 | 403 => Failure::Other(Unknown::Forbidden(status.message.clone())),
            504 => Failure::Other(Unknown::TimedOut(status.message.clone())),
            code => Failure::Other(Unknown::Failed(format!("{code}: {}", status.message))),
        }),
        Ok(Err(error)) => {
            let text = innermost(&error);
            let timed_out = text.contains("timed out") || text.contains("deadline");
            Err(Failure::Other(if timed_out {
                Unknown::TimedOut(text)
            } else {
                Unknown::Failed(text)
            }))
        }
    }
}

/// The last cause: those around it only say that a request failed.
fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => innermost(cause),
        None => error.to_string(),
    }
}

pub(super) async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Failure> {
    let text = send(client, request("GET", path, None)).await?;
    serde_json::from_str(&text).map_err(|e| Failure::Other(Unknown::Failed(format!("{path}: {e}"))))
}

pub(crate) fn request(
    method: &str,
    path: &str,
    body: Option<serde_json::Value>,
) -> http::Request<Vec<u8>> {
    let body = body.map(|value| value.to_string().into_bytes());
    let mut request = http::Request::new(body.unwrap_or_default());
    *request.method_mut() = method.parse().unwrap_or_default();
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    // Custom resource definitions are megabytes; only their names are read.
    let accept = if path.contains("/customresourcedefinitions") {
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    } else {
        "application/json"
    };
    headers.insert(http::header::ACCEPT, http::HeaderValue::from_static(accept));
    request
}

async fn list<W, T>(client: &Client, group: &str, versions: &[&str], plural: &str) -> Kind<T>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    match list_served::<W, T>(client, group, versions, plural).await {
        Ok(Some(served)) => Known::Known(served.listed),
        Ok(None) => Known::Known(Listed {
            installed: false,
            ..Listed::default()
        }),
        Err(why) => Known::Unknown(why),
    }
}

/// What a kind's list holds, and from where it can be watched.
pub(super) struct Served<T> {
    pub(super) listed: Listed<T>,
    pub(super) path: String,
    pub(super) resource_version: String,
}

/// Lists a kind by the first version that the cluster serves; `None` if it serves none.
pub(super) async fn list_served<W, T>(
    client: &Client,
    group: &str,
    versions: &[&str],
    plural: &str,
) -> Result<Option<Served<T>>, Unknown>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    for version in versions {
        let path = format!("{}/{plural}", prefix(group, version));
        let mut read = pages::<W, T>(client, &path).await;
        if let Err(Failure::Gone) = read {
            read = pages::<W, T>(client, &path).await;
        }
        match read {
            Ok((mut listed, resource_version)) => {
                listed.items.sort_by(|a, b| {
                    (&a.meta().namespace, &a.meta().name)
                        .cmp(&(&b.meta().namespace, &b.meta().name))
                });
                listed.items.shrink_to_fit();
                return Ok(Some(Served {
                    listed,
                    path,
                    resource_version,
                }));
            }
            Err(Failure::NotFound) => {}
            Err(failure) => return Err(failure.into_unknown()),
        }
    }
    Ok(None)
}

/// The objects, and the version of the list.
async fn pages<W, T>(client: &Client, path: &str) -> Result<(Listed<T>, String), Failure>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    let mut listed = Listed::default();
    let version = each(client, path, |item| {
        parse_item::<W, T>(item, &mut listed);
        Ok(())
    });
    let version = version.await?;
    Ok((listed, version))
}

/// Hands on each object of a list, page by page, as JSON; returns the version of the list.
pub(super) async fn each(
    client: &Client,
    path: &str,
    mut item: impl FnMut(&str) -> serde_json::Result<()>,
) -> Result<String, Failure> {
    let failed = |e: serde_json::Error| Failure::Other(Unknown::Failed(format!("{path}: {e}")));
    let mut next = String::new();
    loop {
        let query = if next.is_empty() {
            String::new()
        } else {
            format!("&continue={}", encode(&next))
        };
        let page = send(
            client,
            request("GET", &format!("{path}?limit={PAGE}{query}"), None),
        )
        .await?;
        let page: Page<'_> = serde_json::from_str(&page).map_err(failed)?;
        for raw in page.items.unwrap_or_default() {
            item(raw.get()).map_err(failed)?;
        }
        next = page.metadata.r#continue.unwrap_or_default();
        if next.is_empty() {
            return Ok(page.metadata.resource_version);
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(default)]
    pub(crate) metadata: PageMeta,
    #[serde(borrow, default)]
    pub(crate) items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PageMeta {
    pub(crate) r#continue: Option<String>,
    resource_version: String,
}

pub(crate) fn encode(token: &str) -> String {
    token
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// ConfigMaps that hold what controls read.
pub(crate) const CONFIG_MAPS: &[&str] = &[
    "istio",
    "istio-ca-root-cert",
    // They name images that are started later.
    "katib-config",
    "inferenceservice-config",
];

pub(super) async fn config_maps(client: &Client, namespace: &str) -> Kind<ConfigMap> {
    let mut listed = Listed::default();
    for name in CONFIG_MAPS {
        match get::<ConfigMap>(
            client,
            &format!("/api/v1/namespaces/{namespace}/configmaps/{name}"),
        )
        .await
        {
            Ok(map) => listed.items.push(map),
            Err(Failure::NotFound) => {}
            Err(failure) => return Known::Unknown(failure.into_unknown()),
        }
    }
    Known::Known(listed)
}
