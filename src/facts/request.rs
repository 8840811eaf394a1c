//! Requests to the API server: an object, or a list in pages.

use std::io::Read as _;
use std::time::Duration;

use futures_util::AsyncReadExt as _;
use http::Method;
use kube::Client;
use kube::client::AuthError;
use kube::config::KubeconfigError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::core::*;
use super::known::{Kind, Known, Listed, Unknown};
use super::manifest::parse_item;
use super::object::Object;
use super::path::{ApiPath, PathError};
use super::requests;

/// Timeout of a response of the API server.
pub(super) const REQUEST_DEADLINE: Duration = Duration::from_secs(20);
/// Pauses before a page is asked for again.
const BUSY: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// Objects per page of a list.
pub(crate) const PAGE: usize = 500;
/// The same of definitions, which are large.
const PAGE_OF_DEFINITIONS: usize = 25;
/// First bytes of compressed content.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Largest page, in bytes: more than etcd lets so many objects be.
const LARGEST_PAGE: u64 = 64 << 20;

fn is_of_definitions(path: &ApiPath) -> bool {
    path.path().ends_with("/customresourcedefinitions")
}

pub(super) fn kind_path(group: &str, version: &str, plural: &str) -> Result<ApiPath, PathError> {
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
    /// 429 or 503: the API server has too much to do, or starts.
    Busy(String),
    /// Any other status; holds it and the message.
    Status(String),
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
            Self::Busy(why) | Self::Status(why) => Unknown::Failed(why),
            Self::Path(error) => Unknown::Failed(error.to_string()),
            Self::Unauthorized(message) => {
                Unknown::Forbidden(format!("the credentials are rejected: {message}"))
            }
            Self::Other(unknown) => unknown,
        }
    }

    /// Whether the API server is there and refuses: an answer that is the same a second later.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Other(Unknown::Forbidden(_)))
    }
}

/// Message of a client error, redacted: parse errors quote lines of the kubeconfig, and plugin
/// errors arguments, environment and output, all of which may contain tokens.
pub(super) fn redacted(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(KubeconfigError::Parse(why)) = error.downcast_ref() {
            let at = why.location().map_or(String::new(), |at| {
                format!(" (line {}, column {})", at.line(), at.column())
            });
            return format!("malformed{at}");
        }
        if let Some(KubeconfigError::ReadConfig(why, _)) = error.downcast_ref() {
            return match why.kind() {
                std::io::ErrorKind::NotFound => "it does not exist".into(),
                _ => format!("it cannot be read: {why}"),
            };
        }
        if let Some(why) = error.downcast_ref() {
            return login_error(why);
        }
        cause = error.source();
    }
    error.to_string()
}

/// The same of a client that could not be made, with the name of the credential plugin.
pub(super) fn login_problem(
    error: &(dyn std::error::Error + 'static),
    plugin: Option<&kube::config::ExecConfig>,
) -> String {
    let name = plugin.and_then(|plugin| plugin.command.as_deref());
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let (Some(name), Some(AuthError::AuthExecStart(why))) = (name, error.downcast_ref())
            && why.kind() == std::io::ErrorKind::NotFound
        {
            let hint = plugin.and_then(|plugin| plugin.install_hint.as_deref()).map(str::trim);
            let hint = match hint.filter(|hint| !hint.is_empty()) {
                Some(hint) => format!("; {hint}"),
                None => "; install it, or put it on PATH".to_owned(),
            };
            return format!("the kubeconfig's credential plugin {name} was not found{hint}");
        }
        cause = error.source();
    }
    match name {
        // Its name, never its arguments, which may be tokens.
        Some(name) => redacted(error).replacen(PLUGIN, &format!("{PLUGIN} {name}"), 1),
        None => redacted(error),
    }
}

const PLUGIN: &str = "the kubeconfig's credential plugin";

fn login_error(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => format!("{PLUGIN} failed: {}", out.status),
        AuthError::AuthExecStart(why) => format!("{PLUGIN} could not be run: {why}"),
        AuthError::AuthExecParse(_) => format!("{PLUGIN} printed malformed output"),
        AuthError::AuthExec(_) => format!("{PLUGIN} failed"),
        AuthError::ParseTokenKey(_) => "the token is malformed".into(),
        other => other.to_string(),
    }
}

pub(crate) async fn send(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> Result<String, Failure> {
    requests::count(&request);
    let is_compressed = request.headers().contains_key(http::header::ACCEPT_ENCODING);
    let text = async {
        match is_compressed {
            true => compressed_text(client, request).await,
            false => client.request_text(request).await,
        }
    };
    let response = tokio::time::timeout(REQUEST_DEADLINE * 2, text).await;
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
            // A webhook chooses its status.
            400 if status.message.contains("denied the request") => {
                Failure::Other(Unknown::Forbidden(status.message.clone()))
            }
            403 => Failure::Other(Unknown::Forbidden(status.message.clone())),
            409 => Failure::Conflict(status.message.clone()),
            422 => Failure::Invalid(status.message.clone()),
            504 => Failure::Other(Unknown::TimedOut(status.message.clone())),
            code @ (429 | 503) => Failure::Busy(format!("{code}: {}", status.message)),
            code => Failure::Status(format!("{code}: {}", status.message)),
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

/// The text of a response that the API server may have compressed: it compresses large ones.
async fn compressed_text(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> Result<String, kube::Error> {
    let mut response = std::pin::pin!(client.request_stream(request).await?);
    let mut bytes = Vec::new();
    response.read_to_end(&mut bytes).await.map_err(kube::Error::ReadEvents)?;
    if !bytes.starts_with(&GZIP) {
        return String::from_utf8(bytes).map_err(kube::Error::FromUtf8);
    }
    let mut text = String::new();
    let mut plain = flate2::read::GzDecoder::new(&bytes[..]).take(LARGEST_PAGE);
    plain.read_to_string(&mut text).map_err(kube::Error::ReadEvents)?;
    Ok(text)
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
    headers.insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
    // They are megabytes of schemas, which say the same again and again; little of them is read.
    if is_of_definitions(path) {
        headers.insert(http::header::ACCEPT_ENCODING, http::HeaderValue::from_static("gzip"));
    }
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

pub(super) async fn list<W, T>(
    client: &Client,
    group: &str,
    versions: &[&str],
    plural: &str,
) -> Kind<T>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    match list_served::<W, T>(client, group, versions, plural).await {
        Ok(Some(served)) => Known::Known(served.listed),
        Ok(None) => Known::Known(Listed { installed: false, ..Listed::default() }),
        Err(failure) => Known::Unknown(failure.into_unknown()),
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
) -> Result<Option<Served<T>>, Failure>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    for version in versions {
        match served::<W, T>(client, kind_path(group, version, plural)?).await {
            Ok(served) => return Ok(Some(served)),
            Err(Failure::NotFound) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

/// Lists the objects of a path, sorted by namespace and name; once more if the list expires
/// while it is read.
pub(super) async fn served<W, T>(client: &Client, path: ApiPath) -> Result<Served<T>, Failure>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    let mut read = pages::<W, T>(client, &path).await;
    if let Err(Failure::Gone) = read {
        read = pages::<W, T>(client, &path).await;
    }
    let (mut listed, resource_version) = read?;
    listed.items.sort_by(|a, b| {
        (&a.meta().namespace, &a.meta().name).cmp(&(&b.meta().namespace, &b.meta().name))
    });
    listed.items.shrink_to_fit();
    Ok(Served { listed, path, resource_version })
}

/// Reads all pages of a list; also returns its resource version.
pub(super) async fn pages<W, T>(
    client: &Client,
    path: &ApiPath,
) -> Result<(Listed<T>, String), Failure>
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
        let page = page(client, &page_path(path, &next)).await?;
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

/// A page of a list, asked for again while the API server is busy: to begin with the first page
/// would cost it more.
async fn page(client: &Client, path: &ApiPath) -> Result<String, Failure> {
    for pause in BUSY {
        match send(client, request(Method::GET, path, None)?).await {
            Err(Failure::Busy(_)) => tokio::time::sleep(pause).await,
            result => return result,
        }
    }
    send(client, request(Method::GET, path, None)?).await
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
    let size = if is_of_definitions(path) { PAGE_OF_DEFINITIONS } else { PAGE };
    let path = path.clone().with("limit", &size.to_string());
    match next {
        "" => path,
        next => path.with("continue", next),
    }
}

/// ConfigMaps of the platform's namespace, and whether they are all of them: those that controls
/// read by name are read also without the right to list them.
pub(super) async fn config_maps(
    client: &Client,
    namespace: &str,
) -> (Kind<ConfigMap>, Known<bool>) {
    match all_config_maps(client, namespace).await {
        Ok(all) => (Known::Known(all.listed), Known::Known(true)),
        Err(failure) => {
            (config_maps_by_name(client, namespace).await, Known::Unknown(failure.into_unknown()))
        }
    }
}

/// All ConfigMaps of a namespace.
pub(super) async fn all_config_maps(
    client: &Client,
    namespace: &str,
) -> Result<Served<ConfigMap>, Failure> {
    let path = ApiPath::all("v1", namespace, "configmaps")?;
    served::<ConfigMapWire, ConfigMap>(client, path).await
}

/// Those that controls read by name.
pub(super) async fn config_maps_by_name(client: &Client, namespace: &str) -> Kind<ConfigMap> {
    let mut listed = Listed::default();
    for name in CONFIG_MAPS {
        let path = ApiPath::all("v1", namespace, "configmaps").and_then(|all| all.join(name));
        let read = match path {
            Ok(path) => get::<ConfigMapWire>(client, &path).await.map(ConfigMap::from),
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
