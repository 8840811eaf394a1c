//! Reads the facts from a cluster: typed pages, several kinds concurrently.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use kube::Client;
use kube::client::AuthError;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::core::*;
use super::custom_resources;
use super::istio::*;
use super::knative::{KnativeEventing, KnativeServing};
use super::known::{Kind, Known, Listed, Unknown};
use super::manifest::parse_item;
use super::object::Object;
use super::path::{ApiPath, PathError};
use super::rbac::*;
use super::secret::Secret;
use super::vulnerability::VulnerabilityReport;
use super::{About, Facts, access, requests, shared};
use ckf_model::custom_resources::ObjectKind;
use ckf_model::with_kinds;

/// Objects per page of a list.
pub(crate) const PAGE: usize = 500;
/// Kinds read concurrently; with more, pages of the API server only wait in memory.
const SIDE_BY_SIDE: usize = 4;
/// Timeout of a response of the API server.
const REQUEST_DEADLINE: Duration = Duration::from_secs(20);

/// Cluster to read; by default that of the current kubeconfig, or of the pod's service account.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Path of the kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; by default the current one.
    pub context: Option<String>,
}

/// Errors of reading a cluster at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The kubeconfig is missing or invalid, or lacks the context.
    #[error("kubeconfig {path}: {message}")]
    Kubeconfig {
        /// Path of the kubeconfig.
        path: String,
        /// Cause, without content of the file.
        message: String,
    },
    /// Neither a kubeconfig nor a pod's service account.
    #[error("no cluster: {0}; pass --kubeconfig, set KUBECONFIG, or run in a pod")]
    NoCluster(String),
    /// The client could not be created.
    #[error("kubernetes client: {0}")]
    Client(String),
    /// The API server rejects the credentials.
    #[error(
        "the API server {server} rejects the credentials of the kubeconfig (401: {message}); they \
         have expired or belong to another cluster: log in again with your provider's tool, or get \
         a new kubeconfig, and check with `kubectl auth whoami`"
    )]
    LoginExpired {
        /// URL of the API server.
        server: String,
        /// Message of the API server.
        message: String,
    },
    /// The API server denies access even to its version.
    #[error(
        "the API server {server} denies this account all access, even to its version ({message}); \
         bind a role to the account that allows what an audit reads"
    )]
    Refused {
        /// URL of the API server.
        server: String,
        /// Message of the API server.
        message: String,
    },
    /// The API server does not respond.
    #[error(
        "the API server {server} did not respond ({why}); check that it is running and reachable"
    )]
    Unreachable {
        /// URL of the API server.
        server: String,
        /// Cause.
        why: Unknown,
    },
    /// The API server did not finish within the deadline.
    #[error("the API server {server} could not be read within {seconds} s")]
    Deadline {
        /// URL of the API server.
        server: String,
        /// The deadline in seconds.
        seconds: u64,
    },
}

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
            Ok(Ok(facts)) => Ok(facts),
            Ok(Err(failure)) => Err(failure.of_server(server)),
            Err(_) => Err(ReadError::Deadline { server, seconds: deadline.as_secs() }),
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, ReadError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| ReadError::Client(e.to_string()))
}

/// Creates a client; also returns the URL of the API server.
pub(crate) async fn connect(source: &Source) -> Result<(Client, String), ReadError> {
    connect_for(source, REQUEST_DEADLINE).await
}

/// Creates a client that allows pauses of this length within a response.
pub(crate) async fn connect_for(
    source: &Source,
    longest_pause: Duration,
) -> Result<(Client, String), ReadError> {
    crate::tls::install_provider();
    let mut config = client_config(source).await?;
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(longest_pause);
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config).map_err(|e| ReadError::Client(redacted(&e)))?;
    Ok((client, server))
}

/// Loads the client configuration. Credential plugins run later, in the client.
pub async fn client_config(source: &Source) -> Result<kube::Config, ReadError> {
    bounded_kubeconfig(source)?;
    let options = KubeConfigOptions { context: source.context.clone(), ..Default::default() };
    Ok(match &source.kubeconfig {
        Some(path) => {
            let problem = |message: String| ReadError::Kubeconfig {
                path: path.display().to_string(),
                message,
            };
            let kubeconfig = Kubeconfig::read_from(path).map_err(|e| problem(redacted(&e)))?;
            kube::Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(|e| problem(redacted(&e)))?
        }
        None if source.context.is_some() => {
            kube::Config::from_kubeconfig(&options).await.map_err(|e| ReadError::Kubeconfig {
                path: "of this user".into(),
                message: redacted(&e),
            })?
        }
        None => kube::Config::infer().await.map_err(|e| ReadError::NoCluster(redacted(&e)))?,
    })
}

/// Largest accepted kubeconfig, in bytes.
const LARGEST_KUBECONFIG: u64 = 4 << 20;

/// Rejects a kubeconfig over the size limit.
fn bounded_kubeconfig(source: &Source) -> Result<(), ReadError> {
    let of_environment = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let paths: Vec<PathBuf> = match &source.kubeconfig {
        Some(path) => vec![path.clone()],
        None if of_environment.is_empty() => {
            std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect()
        }
        None => std::env::split_paths(&of_environment).collect(),
    };
    for path in paths {
        // A missing file is reported when it is read.
        let is_large = std::fs::metadata(&path).is_ok_and(|file| file.len() > LARGEST_KUBECONFIG);
        if is_large {
            return Err(ReadError::Kubeconfig {
                path: path.display().to_string(),
                message: format!("it is larger than {LARGEST_KUBECONFIG} bytes"),
            });
        }
    }
    Ok(())
}

/// Message of a client error, redacted: parse errors quote lines of the kubeconfig, and plugin
/// errors arguments, environment and output, all of which may contain tokens.
fn redacted(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(KubeconfigError::Parse(why)) = error.downcast_ref() {
            let at = why.location().map_or(String::new(), |at| {
                format!(" (line {}, column {})", at.line(), at.column())
            });
            return format!("malformed{at}");
        }
        if let Some(why) = error.downcast_ref() {
            return login_error(why);
        }
        cause = error.source();
    }
    error.to_string()
}

fn login_error(error: &AuthError) -> String {
    const PLUGIN: &str = "the kubeconfig's credential plugin";
    match error {
        AuthError::AuthExecRun { out, .. } => format!("{PLUGIN} failed: {}", out.status),
        AuthError::AuthExecStart(why) => format!("{PLUGIN} could not be run: {why}"),
        AuthError::AuthExecParse(_) => format!("{PLUGIN} printed malformed output"),
        AuthError::AuthExec(_) => format!("{PLUGIN} failed"),
        AuthError::ParseTokenKey(_) => "the token is malformed".into(),
        other => other.to_string(),
    }
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

async fn collect(
    client: &Client,
    about: About,
    kinds: &BTreeSet<ObjectKind>,
    progress: Progress<'_>,
) -> Result<Facts, Failure> {
    let version = get::<Version>(client, &"/version".into()).await?;
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
    shared::clear_interned();
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

fn kind_path(group: &str, version: &str, plural: &str) -> Result<ApiPath, PathError> {
    let root = match group {
        "" => ApiPath::from("/api"),
        group => ApiPath::from("/apis").join(group)?,
    };
    root.join(version)?.join(plural)
}

/// Errors of a request, by HTTP status.
#[derive(Debug)]
pub(crate) enum Failure {
    /// 404: the object or kind does not exist.
    NotFound,
    /// 410: the continue token or resource version expired.
    Gone,
    /// 401: the credentials are rejected; holds the API server's message.
    Unauthorized(String),
    /// 409: the object exists, has changed, or another manager owns a field.
    Conflict(String),
    /// 422: rejected by validation or an admission policy.
    Invalid(String),
    /// The request was not sent.
    Path(PathError),
    /// Any other error.
    Other(Unknown),
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl Failure {
    pub(crate) fn into_unknown(self) -> Unknown {
        match self {
            Self::NotFound => Unknown::Failed("not found".into()),
            Self::Gone => Unknown::Failed("the list expired twice while it was read".into()),
            Self::Conflict(why) => Unknown::Failed(format!("409: {why}")),
            Self::Invalid(why) => Unknown::Failed(format!("422: {why}")),
            Self::Path(error) => Unknown::Failed(error.to_string()),
            Self::Unauthorized(message) => {
                Unknown::Forbidden(format!("the credentials are rejected: {message}"))
            }
            Self::Other(unknown) => unknown,
        }
    }

    /// The error of the first request to a server.
    fn of_server(self, server: String) -> ReadError {
        match self {
            Self::Unauthorized(message) => ReadError::LoginExpired { server, message },
            Self::Other(Unknown::Forbidden(message)) => ReadError::Refused { server, message },
            failure => ReadError::Unreachable { server, why: failure.into_unknown() },
        }
    }
}

pub(crate) async fn send(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> Result<String, Failure> {
    requests::count(&request);
    let response = tokio::time::timeout(REQUEST_DEADLINE * 2, client.request_text(request)).await;
    match response {
        Err(_) => Err(Failure::Other(Unknown::TimedOut(format!(
            "no response in {} s",
            REQUEST_DEADLINE.as_secs() * 2
        )))),
        Ok(Ok(text)) => Ok(text),
        Ok(Err(kube::Error::Api(status))) => Err(match status.code {
            404 => Failure::NotFound,
            410 => Failure::Gone,
            401 => Failure::Unauthorized(status.message.clone()),
            403 => Failure::Other(Unknown::Forbidden(status.message.clone())),
            409 => Failure::Conflict(status.message.clone()),
            422 => Failure::Invalid(status.message.clone()),
            504 => Failure::Other(Unknown::TimedOut(status.message.clone())),
            code => Failure::Other(Unknown::Failed(format!("{code}: {}", status.message))),
        }),
        Ok(Err(error)) => {
            let text = match &error {
                kube::Error::Auth(_) => redacted(&error),
                _ => innermost(&error),
            };
            let timed_out = text.contains("timed out") || text.contains("deadline");
            Err(Failure::Other(if timed_out {
                Unknown::TimedOut(text)
            } else {
                Unknown::Failed(text)
            }))
        }
    }
}

/// Message of the root cause; the errors around it only say that a request failed.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    match error.source() {
        Some(cause) => innermost(cause),
        None => redacted(error),
    }
}

pub(super) async fn get<T: DeserializeOwned>(
    client: &Client,
    path: &ApiPath,
) -> Result<T, Failure> {
    let text = send(client, request(Method::GET, path, None)?).await?;
    serde_json::from_str(&text).map_err(|e| Failure::Other(Unknown::Failed(format!("{path}: {e}"))))
}

pub(crate) fn request(
    method: Method,
    path: &ApiPath,
    body: Option<serde_json::Value>,
) -> Result<http::Request<Vec<u8>>, Failure> {
    let body = body.map(|value| value.to_string().into_bytes());
    let mut request = http::Request::new(body.unwrap_or_default());
    *request.method_mut() = method;
    let text = path.to_string();
    *request.uri_mut() = text.parse().map_err(|_| PathError(text))?;
    let headers = request.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    // Custom resource definitions are megabytes; only their names are read.
    let accept = if path.path().ends_with("/customresourcedefinitions") {
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    } else {
        "application/json"
    };
    headers.insert(http::header::ACCEPT, http::HeaderValue::from_static(accept));
    // Buffers of a reused connection would retain the values.
    if path.path().contains("/secrets") {
        headers.insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    }
    Ok(request)
}

/// Objects of the first page of a list.
pub(crate) async fn list_page<T: DeserializeOwned>(
    client: &Client,
    path: &ApiPath,
) -> Result<Vec<T>, Unknown> {
    let request = request(Method::GET, path, None).map_err(Failure::into_unknown)?;
    let text = send(client, request).await;
    let text = text.map_err(Failure::into_unknown)?;
    let failed = |e: serde_json::Error| Unknown::Failed(format!("{path}: {e}"));
    let page: Page<'_> = serde_json::from_str(&text).map_err(failed)?;
    let items = page.items.unwrap_or_default().into_iter();
    items.map(|raw| serde_json::from_str(raw.get()).map_err(failed)).collect()
}

async fn list<W, T>(client: &Client, group: &str, versions: &[&str], plural: &str) -> Kind<T>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    match list_served::<W, T>(client, group, versions, plural).await {
        Ok(Some(served)) => Known::Known(served.listed),
        Ok(None) => Known::Known(Listed { installed: false, ..Listed::default() }),
        Err(why) => Known::Unknown(why),
    }
}

/// A kind's list, with what a watch from it needs.
pub(super) struct Served<T> {
    pub(super) listed: Listed<T>,
    pub(super) path: ApiPath,
    pub(super) resource_version: String,
}

/// Lists a kind in the first version that the cluster serves; `None` if it serves none.
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
        let path = kind_path(group, version, plural);
        let path = path.map_err(|error| Failure::from(error).into_unknown())?;
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
                return Ok(Some(Served { listed, path, resource_version }));
            }
            Err(Failure::NotFound) => {}
            Err(failure) => return Err(failure.into_unknown()),
        }
    }
    Ok(None)
}

/// Reads all pages of a list; also returns its resource version.
async fn pages<W, T>(client: &Client, path: &ApiPath) -> Result<(Listed<T>, String), Failure>
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

/// Calls a function with the JSON of each object of a list, page by page; returns the resource
/// version of the list.
pub(super) async fn each(
    client: &Client,
    path: &ApiPath,
    mut item: impl FnMut(&str) -> serde_json::Result<()>,
) -> Result<String, Failure> {
    let failed = |e: serde_json::Error| Failure::Other(Unknown::Failed(format!("{path}: {e}")));
    let mut next = String::new();
    loop {
        let page = send(client, request(Method::GET, &page_path(path, &next), None)?).await?;
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

/// Path of a page of a list; `next` is the continue token of the previous page.
pub(crate) fn page_path(path: &ApiPath, next: &str) -> ApiPath {
    let path = path.clone().with("limit", &PAGE.to_string());
    match next {
        "" => path,
        next => path.with("continue", next),
    }
}

/// ConfigMaps that controls read, by name.
pub(crate) const CONFIG_MAPS: &[&str] = &[
    "istio",
    "istio-ca-root-cert",
    // They name images that Katib and KServe start.
    "katib-config",
    "inferenceservice-config",
];

pub(super) async fn config_maps(client: &Client, namespace: &str) -> Kind<ConfigMap> {
    let mut listed = Listed::default();
    for name in CONFIG_MAPS {
        let path = ApiPath::all("v1", namespace, "configmaps").and_then(|all| all.join(name));
        let read = match path {
            Ok(path) => get::<ConfigMap>(client, &path).await,
            Err(error) => Err(error.into()),
        };
        match read {
            Ok(map) => listed.items.push(map),
            Err(Failure::NotFound) => {}
            Err(failure) => return Known::Unknown(failure.into_unknown()),
        }
    }
    Known::Known(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection_error(kubeconfig: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, kubeconfig).unwrap();
        let source = Source { kubeconfig: Some(path), context: None };
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
