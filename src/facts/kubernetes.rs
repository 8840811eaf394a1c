//! Reads the facts from a cluster: typed pages, kinds side by side.

use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::core::*;
use super::istio::*;
use super::known::{Kind, Known, Listed, Unknown, Unread};
use super::object::{Object, ObjectRef};
use super::rbac::*;
use super::secret::Secret;
use super::text::Text;
use super::{About, Facts, with_kinds};

/// Objects asked for at once.
const PAGE: usize = 500;
/// Kinds read side by side; more only makes the API server's pages wait in memory.
const SIDE_BY_SIDE: usize = 4;
/// Longest wait for one answer of the API server.
const REQUEST_DEADLINE: Duration = Duration::from_secs(20);

/// Why no cluster could be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
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
}

/// A client for the kubeconfig given, the current one, or the pod's own account.
pub async fn connect(
    kubeconfig: Option<&std::path::Path>,
    context: Option<&str>,
) -> Result<Client, ConnectError> {
    crate::tls::install_provider();
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..Default::default()
    };
    let mut config = match kubeconfig {
        Some(path) => {
            let problem = |message: String| ConnectError::Kubeconfig {
                path: path.display().to_string(),
                message,
            };
            let kubeconfig = Kubeconfig::read_from(path).map_err(|e| problem(e.to_string()))?;
            kube::Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(|e| problem(e.to_string()))?
        }
        None if context.is_some() => {
            kube::Config::from_kubeconfig(&options)
                .await
                .map_err(|e| ConnectError::Kubeconfig {
                    path: "of this user".into(),
                    message: e.to_string(),
                })?
        }
        None => kube::Config::infer()
            .await
            .map_err(|e| ConnectError::NoCluster(e.to_string()))?,
    };
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(REQUEST_DEADLINE);
    Client::try_from(config).map_err(|e| ConnectError::Client(e.to_string()))
}

/// Told as each kind is read: its resource name.
pub type Progress<'a> = &'a (dyn Fn(&str) + 'a);

/// Reads everything. It fails only if the API server does not answer at all;
/// what is refused or missing is unknown with its reason.
pub async fn collect(
    client: &Client,
    about: About,
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
                    access(client).await
                }),
            );
            Facts { about: about.clone(), version: Known::Known(version), access, $($field,)* }
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
    let facts = with_kinds!(fetch);
    Text::forget_kept();
    Ok(facts)
}

/// Why a request failed.
enum Failure {
    NotFound,
    Gone,
    Other(Unknown),
}

impl Failure {
    fn into_unknown(self) -> Unknown {
        match self {
            Self::NotFound => Unknown::Failed("not found".into()),
            Self::Gone => Unknown::Failed("the list changed while it was read, twice".into()),
            Self::Other(unknown) => unknown,
        }
    }
}

async fn send(client: &Client, request: http::Request<Vec<u8>>) -> Result<String, Failure> {
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
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            let timed_out = text.contains("timed out") || text.contains("deadline");
            Err(Failure::Other(if timed_out {
                Unknown::TimedOut(text)
            } else {
                Unknown::Failed(text)
            }))
        }
    }
}

async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Failure> {
    let text = send(client, request("GET", path, None)).await?;
    serde_json::from_str(&text).map_err(|e| Failure::Other(Unknown::Failed(format!("{path}: {e}"))))
}

fn request(method: &str, path: &str, body: Option<serde_json::Value>) -> http::Request<Vec<u8>> {
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
    for version in versions {
        let prefix = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let path = format!("{prefix}/{plural}");
        let mut listed = pages::<W, T>(client, &path).await;
        if let Err(Failure::Gone) = listed {
            listed = pages::<W, T>(client, &path).await;
        }
        match listed {
            Ok(mut listed) => {
                listed.items.sort_by(|a, b| {
                    (&a.meta().namespace, &a.meta().name)
                        .cmp(&(&b.meta().namespace, &b.meta().name))
                });
                listed.items.shrink_to_fit();
                return Known::Known(listed);
            }
            Err(Failure::NotFound) => {}
            Err(failure) => return Known::Unknown(failure.into_unknown()),
        }
    }
    Known::Known(Listed {
        installed: false,
        ..Listed::default()
    })
}

async fn pages<W, T>(client: &Client, path: &str) -> Result<Listed<T>, Failure>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    let mut listed = Listed::default();
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
        let page: Page<'_> = serde_json::from_str(&page)
            .map_err(|e| Failure::Other(Unknown::Failed(format!("{path}: {e}"))))?;
        for item in page.items {
            parse_item::<W, T>(item.get(), &mut listed);
        }
        next = page.metadata.r#continue.unwrap_or_default();
        if next.is_empty() {
            return Ok(listed);
        }
    }
}

/// Adds one object, or what was wrong with it.
pub(super) fn parse_item<W, T>(json: &str, listed: &mut Listed<T>)
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    match serde_json::from_str::<W>(json) {
        Ok(wire) => listed.items.push(wire.into()),
        Err(error) => {
            #[derive(Default, Deserialize)]
            #[serde(default)]
            struct Named {
                metadata: Name,
            }
            #[derive(Default, Deserialize)]
            #[serde(default)]
            struct Name {
                name: String,
                namespace: String,
            }
            let named: Named = serde_json::from_str(json).unwrap_or_default();
            let object = ObjectRef {
                api_version: T::API_VERSION.into(),
                kind: T::KIND.into(),
                namespace: named.metadata.namespace,
                name: named.metadata.name,
            };
            listed.unread.push(Unread {
                object,
                error: error.to_string(),
            });
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    r#continue: Option<String>,
}

fn encode(token: &str) -> String {
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
const CONFIG_MAPS: &[&str] = &["istio", "istio-ca-root-cert"];

async fn config_maps(client: &Client, namespace: &str) -> Kind<ConfigMap> {
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

/// The resources of the guide that Juju's credential must manage.
const GUIDE_RESOURCES: &[(&str, &str)] = &[
    ("", "namespaces"),
    ("", "services"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("", "pods"),
    ("", "persistentvolumeclaims"),
];
/// The guide's verbs on each of them.
const GUIDE_VERBS: &[&str] = &["create", "delete", "patch", "list"];
/// Rights that the guide does not ask for, and that own the cluster.
const WIDER: &[(&str, &str, &str)] = &[
    ("*", "*", "*"),
    ("", "nodes", "delete"),
    ("rbac.authorization.k8s.io", "clusterroles", "escalate"),
    ("", "users", "impersonate"),
];

async fn access(client: &Client) -> Known<AccessReview> {
    #[derive(Deserialize)]
    struct Names {
        items: Vec<ServiceAccount>,
    }
    // `juju add-k8s` makes the account of the cloud credential in kube-system.
    let juju = match get::<Names>(client, "/api/v1/namespaces/kube-system/serviceaccounts").await {
        Ok(accounts) => accounts
            .items
            .into_iter()
            .find(|a| a.metadata.name.starts_with("juju-credential")),
        Err(failure) => return Known::Unknown(failure.into_unknown()),
    };
    let user = juju.map(|account| {
        format!(
            "system:serviceaccount:kube-system:{}",
            account.metadata.name
        )
    });
    let guide = GUIDE_RESOURCES
        .iter()
        .flat_map(|(g, r)| GUIDE_VERBS.iter().map(move |v| (*g, *r, *v)));
    let questions: Vec<_> = guide.chain(WIDER.iter().copied()).collect();
    let mut answers = Vec::with_capacity(questions.len());
    for (group, resource, verb) in questions {
        match review(client, user.as_deref(), group, resource, verb).await {
            Ok(allowed) => answers.push(Access {
                group: group.into(),
                resource: resource.into(),
                verb: verb.into(),
                allowed,
            }),
            Err(failure) => return Known::Unknown(failure.into_unknown()),
        }
    }
    let is_juju = user.is_some();
    Known::Known(AccessReview {
        subject: user.unwrap_or_else(|| "this user".into()),
        is_juju,
        answers,
    })
}

async fn review(
    client: &Client,
    user: Option<&str>,
    group: &str,
    resource: &str,
    verb: &str,
) -> Result<bool, Failure> {
    let attributes = serde_json::json!({"group": group, "resource": resource, "verb": verb});
    let (plural, kind, mut spec) = match user {
        Some(_) => (
            "subjectaccessreviews",
            "SubjectAccessReview",
            serde_json::json!({"resourceAttributes": attributes}),
        ),
        None => (
            "selfsubjectaccessreviews",
            "SelfSubjectAccessReview",
            serde_json::json!({"resourceAttributes": attributes}),
        ),
    };
    if let Some(user) = user {
        spec["user"] = user.into();
        spec["groups"] = serde_json::json!([
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated"
        ]);
    }
    let body =
        serde_json::json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
    }
    let text = send(
        client,
        request(
            "POST",
            &format!("/apis/authorization.k8s.io/v1/{plural}"),
            Some(body),
        ),
    )
    .await?;
    let review: Review =
        serde_json::from_str(&text).map_err(|e| Failure::Other(Unknown::Failed(e.to_string())))?;
    Ok(review.status.allowed)
}
