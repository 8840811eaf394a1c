//! The API server as what is changed there needs it: one connection, blocking.
//!
//! [`crate::facts`] reads what is judged; this reads what a change needs to know at
//! once, and carries it out.

mod change;
mod edit;

use std::time::{Duration, Instant};

use kube::Client;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::facts::core::Service;
use crate::facts::known::Unknown;
use crate::facts::kubernetes::{self, Failure, PAGE, Page, ReadError, Source};
use crate::remedies::MANAGED_BY;

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

    fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<String, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let request = kubernetes::request(method, path, body);
        self.send_request(request, left)
    }

    /// Sends a patch of a form, by its media type.
    fn patch(&self, path: &str, form: &'static str, body: Value) -> Result<String, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let path = format!("{path}?fieldManager={}", MANAGED_BY.1);
        let mut request = kubernetes::request("PATCH", &path, Some(body));
        let form = http::HeaderValue::from_static(form);
        request
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, form);
        self.send_request(request, left)
    }

    fn send_request(
        &self,
        request: http::Request<Vec<u8>>,
        left: Duration,
    ) -> Result<String, Failure> {
        let answer = async {
            // The timer belongs to the runtime, so it is made in it.
            tokio::time::timeout(left, kubernetes::send(&self.client, request)).await
        };
        let late = |_| Failure::Other(Unknown::TimedOut("the time for it is over".into()));
        self.runtime.block_on(answer).map_err(late)?
    }
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
