//! The API server as what is changed there needs it: one connection, blocking.
//!
//! [`crate::facts`] reads what is judged; this reads what a change needs to know at
//! once, and carries it out.

use std::time::Instant;

use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::facts::core::Service;
use crate::facts::known::Unknown;
use crate::facts::kubernetes::{self, Failure, PAGE, Page, ReadError, Source};
use crate::remedies::{Change, Deed, MANAGED_BY, OWN_KINDS, differences};

/// A connection to the API server.
pub struct Cluster {
    runtime: Runtime,
    client: Client,
    deadline: Instant,
}

impl Cluster {
    /// Connects; everything must be done by the deadline.
    pub fn connect(source: &Source, deadline: Instant) -> Result<Self, ReadError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ReadError::Client(error.to_string()))?;
        let (client, _) = runtime.block_on(kubernetes::connect(source))?;
        Ok(Self {
            runtime,
            client,
            deadline,
        })
    }

    /// Reads all objects of a list, page by page, and hands each to `take`. The path
    /// has no query; the selector is one of labels or fields, as in a query.
    pub fn each<T: DeserializeOwned>(
        &self,
        path: &str,
        selector: Option<(&str, &str)>,
        mut take: impl FnMut(T),
    ) -> Result<(), Unknown> {
        let selector = selector.map_or(String::new(), |(kind, value)| {
            format!("&{kind}={}", kubernetes::encode(value))
        });
        let mut next = String::new();
        loop {
            let page = match next.is_empty() {
                true => format!("{path}?limit={PAGE}{selector}"),
                false => format!(
                    "{path}?limit={PAGE}{selector}&continue={}",
                    kubernetes::encode(&next)
                ),
            };
            let text = self.send("GET", &page, None);
            let text = text.map_err(|failure| named(path, failure))?;
            // An error of the parser might repeat a value, so its words stay out.
            let broken = |_| Unknown::Failed(format!("{path}: the answer is not understood"));
            let page: Page<'_> = serde_json::from_str(&text).map_err(broken)?;
            for item in page.items.unwrap_or_default() {
                take(serde_json::from_str(item.get()).map_err(broken)?);
            }
            next = page.metadata.r#continue.unwrap_or_default();
            if next.is_empty() {
                return Ok(());
            }
        }
    }

    /// Asks for a pod to go, as its disruption budget allows. One that is gone, or is
    /// another pod of that name by now, is no error.
    pub fn evict(&self, namespace: &str, name: &str, uid: &str) -> Result<(), Unknown> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": {"uid": uid}},
        });
        match self.send("POST", &path, Some(body)) {
            Ok(_) | Err(Failure::NotFound) => Ok(()),
            Err(Failure::Other(Unknown::Failed(why))) if why.starts_with("409") => Ok(()),
            Err(failure) => Err(named(&format!("pod {namespace}/{name}"), failure)),
        }
    }

    /// Addresses and host names of the ingress gateway's Services in a namespace, inside
    /// the cluster and out.
    pub fn gateway_addresses(&self, namespace: &str) -> Result<Vec<String>, Unknown> {
        let mut addresses = Vec::new();
        let path = format!("/api/v1/namespaces/{namespace}/services");
        self.each(&path, None, |service: Service| {
            if service.is_ingress_gateway() {
                addresses.extend(service.addresses(true));
            }
        })?;
        Ok(addresses)
    }

    /// Every object of ours in the namespace of a platform, as it is. Another platform of
    /// the cluster may have a charm of its own.
    pub fn own_objects(&self, namespace: &str) -> Result<Vec<Value>, Unknown> {
        let mut own = Vec::new();
        let label = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
        for kind in OWN_KINDS {
            let path = format!(
                "/apis/{}/namespaces/{namespace}/{}",
                kind.api_version, kind.plural
            );
            let listed = self.each(
                &path,
                Some(("labelSelector", &label)),
                |mut object: Value| {
                    // A list leaves it out of its items.
                    object["kind"] = kind.kind.into();
                    own.push(object);
                },
            );
            unless_missing(listed)?;
        }
        Ok(own)
    }

    /// Stands for every Gateway and EnvoyFilter as it is: if it is another, one of them is.
    pub fn mark(&self) -> Result<String, Unknown> {
        let mut marks = Vec::new();
        for kind in OWN_KINDS {
            let path = format!("/apis/{}/{}", kind.api_version, kind.plural);
            let listed = self.each(&path, None, |object: Marked| {
                let Meta { uid, generation } = object.metadata;
                marks.push(format!("{uid} {generation}"));
            });
            unless_missing(listed)?;
        }
        marks.sort_unstable();
        Ok(crate::mark(marks.join("\n")))
    }

    /// Carries a change out. Objects are applied server-side, without force; one of ours
    /// that somebody else has taken fields of is made anew.
    pub fn carry_out(&self, change: &Change) -> Result<(), Unknown> {
        let name = change.reference().to_string();
        let path = path_of(change);
        let present = match self.send("GET", &path, None) {
            Ok(text) => serde_json::from_str::<Value>(&text).ok(),
            Err(Failure::NotFound) => None,
            Err(failure) => return Err(named(&name, failure)),
        };
        let is_own = |object: &Value| object["metadata"]["labels"][MANAGED_BY.0] == MANAGED_BY.1;
        match (&change.deed, &present) {
            (_, Some(object)) if !is_own(object) => Err(Unknown::Failed(format!(
                "{name} is there and is not ours: it has no label {}={}; remove or rename it",
                MANAGED_BY.0, MANAGED_BY.1
            ))),
            (Deed::Delete, None) => Ok(()),
            (Deed::Delete, Some(object)) => self.delete(&path, object),
            (_, None) => self.apply(&path, change).map(drop),
            (_, Some(object)) => {
                let applied = self.apply(&path, change);
                let is_so = |applied: &Value| differences(applied, &change.object).is_empty();
                match applied {
                    Ok(applied) if is_so(&applied) => return Ok(()),
                    Ok(_) => {}
                    Err(Unknown::Failed(why)) if why.contains("409") => {}
                    Err(why) => return Err(why),
                }
                self.delete(&path, object)?;
                self.apply(&path, change).map(drop)
            }
        }
        .map_err(|why| within(&name, why))
    }

    fn apply(&self, path: &str, change: &Change) -> Result<Value, Unknown> {
        let path = format!("{path}?fieldManager={}", MANAGED_BY.1);
        let text = self.send("PATCH", &path, Some(change.object.clone()));
        let text = text.map_err(Failure::into_unknown)?;
        let broken = |_| Unknown::Failed("the answer is not understood".into());
        serde_json::from_str(&text).map_err(broken)
    }

    fn delete(&self, path: &str, object: &Value) -> Result<(), Unknown> {
        let body = json!({"preconditions": {"uid": object["metadata"]["uid"]}});
        match self.send("DELETE", path, Some(body)) {
            Ok(_) | Err(Failure::NotFound) => Ok(()),
            Err(failure) => Err(failure.into_unknown()),
        }
    }

    fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<String, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let mut request = kubernetes::request(method, path, body);
        if method == "PATCH" {
            let apply = http::HeaderValue::from_static("application/apply-patch+yaml");
            let headers = request.headers_mut();
            headers.insert(http::header::CONTENT_TYPE, apply);
        }
        let answer = async {
            // The timer belongs to the runtime, so it is made in it.
            tokio::time::timeout(left, kubernetes::send(&self.client, request)).await
        };
        let late = |_| Failure::Other(Unknown::TimedOut("the time for it is over".into()));
        self.runtime.block_on(answer).map_err(late)?
    }
}

/// What of an object tells whether it is another.
#[derive(Deserialize)]
struct Marked {
    metadata: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    uid: String,
    generation: i64,
}

/// Without Istio there is nothing of its kinds.
fn unless_missing(listed: Result<(), Unknown>) -> Result<(), Unknown> {
    match listed {
        Err(Unknown::Failed(why)) if why.ends_with("not found") => Ok(()),
        other => other,
    }
}

fn path_of(change: &Change) -> String {
    let object = change.reference();
    format!(
        "/apis/{}/namespaces/{}/{}/{}",
        change.kind.api_version, object.namespace, change.kind.plural, object.name
    )
}

/// Why it failed, with the name of the object.
fn named(object: &str, failure: Failure) -> Unknown {
    within(object, failure.into_unknown())
}

fn within(object: &str, why: Unknown) -> Unknown {
    let named = |why: String| match why.contains(object) {
        true => why,
        false => format!("{object}: {why}"),
    };
    match why {
        Unknown::Forbidden(why) => Unknown::Forbidden(named(why)),
        Unknown::TimedOut(why) => Unknown::TimedOut(named(why)),
        Unknown::Failed(why) => Unknown::Failed(named(why)),
        Unknown::NotCollected => Unknown::NotCollected,
    }
}
