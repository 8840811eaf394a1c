//! Loads objects into the API server, many at a time.

use std::path::Path;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

/// Requests that are under way at once.
const AT_ONCE: usize = 8;
/// How often a write that conflicts with a controller is tried.
const CONFLICTS: u32 = 10;

/// The reason of an API server that refuses an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Loads objects into an API server.
pub struct Loader {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Loader {
    pub(crate) fn new(kubeconfig: &Path) -> anyhow::Result<Self> {
        let (runtime, client) = connect(kubeconfig)?;
        Ok(Self { runtime, client })
    }

    /// The API server says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.runtime.block_on(self.send("GET", "/readyz", None)).is_ok()
    }

    /// Creates objects, what others need first, with their status, as lightkube would
    /// (`fieldManager=lightkube`). One that is there already is replaced. A reference to an
    /// owner that is there gets the owner's UID, if the owner is a Profile.
    pub fn load(&self, objects: &[Value]) -> anyhow::Result<()> {
        let wave_of = |o: &Value| match o["kind"].as_str() {
            Some("CustomResourceDefinition") => 0,
            Some("Profile") => 1,
            Some("Namespace" | "ClusterRole" | "Role") => 2,
            _ => 3,
        };
        for number in 0..=3 {
            let wave = objects.iter().filter(|o| wave_of(o) == number);
            self.runtime.block_on(async {
                let mut sent = futures_util::stream::iter(wave.map(|o| self.create(o)))
                    .buffer_unordered(AT_ONCE);
                while let Some(result) = sent.next().await {
                    result?;
                }
                anyhow::Ok(())
            })?;
        }
        Ok(())
    }

    /// Deletes an object; one that is not there is no error.
    pub fn delete(&self, object: &Value) -> anyhow::Result<()> {
        let path = format!("{}/{}", path_of(object)?, name_of(object)?);
        self.runtime.block_on(async {
            match self.send("DELETE", &path, None).await {
                Ok(_) => Ok(()),
                Err(error) if is_status(&error, 404) => Ok(()),
                Err(error) => Err(error).with_context(|| format!("deleting {path}")),
            }
        })
    }

    /// Answers to objects that are posted to paths, in order: each is the object that the API
    /// server returns, or its reason for refusing it.
    pub fn post_all(&self, all: &[(String, Value)]) -> anyhow::Result<Vec<Result<Value, Refused>>> {
        let post = |(path, body): &(String, Value)| {
            let (path, body) = (path.clone(), body.clone());
            async move {
                match self.send("POST", &path, Some(&body)).await {
                    Ok(answer) => Ok(Ok(serde_json::from_str(&answer)?)),
                    Err(error) => match error.downcast_ref::<kube::Error>() {
                        Some(kube::Error::Api(status)) => Ok(Err(Refused(status.message.clone()))),
                        _ => Err(error).with_context(|| format!("posting to {path}")),
                    },
                }
            }
        };
        self.runtime.block_on(async {
            let answers = futures_util::stream::iter(all.iter().map(post)).buffered(AT_ONCE);
            let answers: Vec<anyhow::Result<_>> = answers.collect().await;
            answers.into_iter().collect()
        })
    }

    /// The object with the UIDs of the Profiles that own it.
    async fn with_owners(&self, object: &Value) -> anyhow::Result<Value> {
        let mut owned = object.clone();
        let references = owned["metadata"]["ownerReferences"].as_array_mut();
        for reference in references.into_iter().flatten() {
            if reference["kind"] != "Profile" {
                continue;
            }
            let version = reference["apiVersion"].as_str().unwrap_or_default();
            let name = reference["name"].as_str().unwrap_or_default();
            let path = format!("/apis/{version}/profiles/{name}");
            match self.send("GET", &path, None).await {
                Ok(owner) => {
                    let owner: Value = serde_json::from_str(&owner)?;
                    reference["uid"] = owner["metadata"]["uid"].clone();
                }
                Err(error) if is_status(&error, 404) => {}
                Err(error) => return Err(error).with_context(|| format!("reading {path}")),
            }
        }
        Ok(owned)
    }

    async fn create(&self, object: &Value) -> anyhow::Result<()> {
        let object = &self.with_owners(object).await?;
        let path = path_of(object)?;
        let named = format!("{path}/{}", name_of(object)?);
        let posted =
            self.send("POST", &format!("{path}?fieldManager=lightkube"), Some(object)).await;
        let made = match posted {
            Err(error) if is_status(&error, 409) => self.replace(&named, object).await,
            other => other,
        };
        let made: Value =
            serde_json::from_str(&made.with_context(|| format!("creating {named}"))?)?;
        let has_status = matches!(
            object["kind"].as_str(),
            Some(
                "Pod"
                    | "Node"
                    | "StatefulSet"
                    | "Deployment"
                    | "DaemonSet"
                    | "Profile"
                    | "Namespace"
            )
        );
        if has_status && object.get("status").is_some() {
            let mut with_status = made;
            with_status["status"] = object["status"].clone();
            let path = format!("{named}/status");
            self.send("PUT", &path, Some(&with_status))
                .await
                .with_context(|| format!("setting {path}"))?;
        }
        Ok(())
    }

    /// Writes an object over the one that has its name. Controllers write too, so a conflict with
    /// one of them is tried again with what it left.
    async fn replace(&self, named: &str, object: &Value) -> anyhow::Result<String> {
        let mut new = object.clone();
        let mut tries = 0;
        loop {
            let old: Value = serde_json::from_str(&self.send("GET", named, None).await?)?;
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
            if object["kind"] == "Service" {
                for field in ["clusterIP", "clusterIPs"] {
                    new["spec"][field] = old["spec"][field].clone();
                }
            }
            tries += 1;
            match self.send("PUT", &format!("{named}?fieldManager=lightkube"), Some(&new)).await {
                Err(error) if is_status(&error, 409) && tries < CONFLICTS => {}
                other => return other,
            }
        }
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<String> {
        let body = body.map(|v| v.to_string().into_bytes()).unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(body)?;
        Ok(self.client.request_text(request).await?)
    }
}

/// A client, and a runtime of one thread for it.
pub(crate) fn connect(kubeconfig: &Path) -> anyhow::Result<(tokio::runtime::Runtime, Client)> {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = runtime.block_on(async {
        let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        anyhow::Ok(Client::try_from(config)?)
    })?;
    Ok((runtime, client))
}

fn is_status(error: &anyhow::Error, code: u16) -> bool {
    matches!(error.downcast_ref::<kube::Error>(), Some(kube::Error::Api(status)) if status.code == code)
}

fn name_of(object: &Value) -> anyhow::Result<&str> {
    object["metadata"]["name"].as_str().context("an object without metadata.name")
}

/// The path of an object's collection in the API.
pub fn path_of(object: &Value) -> anyhow::Result<String> {
    let (Some(version), Some(kind)) = (object["apiVersion"].as_str(), object["kind"].as_str())
    else {
        bail!("an object without apiVersion and kind");
    };
    let root = if version.contains('/') { "apis" } else { "api" };
    let lower = kind.to_ascii_lowercase();
    let plural = match lower.strip_suffix('y') {
        Some(stem) if !lower.ends_with("ay") => format!("{stem}ies"),
        _ if lower.ends_with("ss") => format!("{lower}es"),
        _ => format!("{lower}s"),
    };
    Ok(match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{version}/{plural}"),
    })
}
