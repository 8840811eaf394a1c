//! Changes by the Kubernetes API server: one connection, blocking.
//!
//! [`crate::facts`] reads what controls assess; this reads what a change needs just before it is
//! made, and applies it.

mod change;
mod edit;
mod platform;

pub use self::platform::{Hold, Holder};

use std::cell::RefCell;
use std::time::{Duration, Instant};

use http::Method;
use kube::Client;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::facts::core::Service;
use crate::facts::known::Unknown;
use crate::facts::kubernetes::{self, Failure, Page, ReadError, Source, page_path};
use crate::facts::path::ApiPath;
use crate::remedies::MANAGED_BY;

/// A connection to the API server.
pub struct Cluster {
    runtime: Runtime,
    client: Client,
    deadline: Instant,
    /// The Secret of the platform that is changed, once it was read.
    platform: RefCell<Option<platform::Platform>>,
}

impl Cluster {
    /// Connects; everything must be done by the deadline.
    pub fn connect(source: &Source, deadline: Instant) -> Result<Self, ReadError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ReadError::Client(error.to_string()))?;
        let (client, _) = runtime.block_on(kubernetes::connect(source))?;
        Ok(Self { runtime, client, deadline, platform: RefCell::new(None) })
    }

    /// Reads all objects of a list, page by page, and passes each to `take`. The path
    /// has no query; the selector is one of labels or fields, as in a query.
    pub fn each<T: DeserializeOwned>(
        &self,
        path: impl Into<ApiPath>,
        selector: Option<(&'static str, &str)>,
        take: impl FnMut(T),
    ) -> Result<(), Unknown> {
        let path = path.into();
        let read = self.list(&path, selector, take);
        read.map_err(|failure| named(path.path(), failure))
    }

    /// The same, with the failure as the API server gave it.
    fn list<T: DeserializeOwned>(
        &self,
        path: &ApiPath,
        selector: Option<(&'static str, &str)>,
        mut take: impl FnMut(T),
    ) -> Result<(), Failure> {
        let mut path = path.clone();
        if let Some((kind, value)) = selector {
            path = path.with(kind, value);
        }
        let mut next = String::new();
        loop {
            let text = self.send(Method::GET, &page_path(&path, &next), None)?;
            // An error of the parser might repeat a value, so its words stay out.
            let broken = |_| Failure::Other(Unknown::Failed("the answer is not understood".into()));
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
        let what = format!("pod {namespace}/{name}");
        let path = ApiPath::all("v1", namespace, "pods")
            .and_then(|pods| pods.join(name)?.join("eviction"))
            .map_err(|error| named(&what, error.into()))?;
        let body = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": {"uid": uid}},
        });
        match self.send(Method::POST, &path, Some(body)) {
            Ok(_) | Err(Failure::NotFound | Failure::Conflict(_)) => Ok(()),
            Err(failure) => Err(named(&what, failure)),
        }
    }

    /// Addresses and host names of the ingress gateway's Services in a namespace, inside
    /// the cluster and out.
    pub fn gateway_addresses(&self, namespace: &str) -> Result<Vec<String>, Unknown> {
        let mut addresses = Vec::new();
        let path = ApiPath::all("v1", namespace, "services");
        let path = path.map_err(|error| named(namespace, error.into()))?;
        self.each(path, None, |service: Service| {
            if service.is_ingress_gateway() {
                addresses.extend(service.addresses(true));
            }
        })?;
        Ok(addresses)
    }

    fn send(&self, method: Method, path: &ApiPath, body: Option<Value>) -> Result<String, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let request = kubernetes::request(method, path, body)?;
        self.send_request(request, left)
    }

    /// Sends a patch of a form, by its media type.
    fn patch(&self, path: &ApiPath, form: &'static str, body: Value) -> Result<String, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let path = path.clone().with("fieldManager", MANAGED_BY.1);
        let mut request = kubernetes::request(Method::PATCH, &path, Some(body))?;
        let form = http::HeaderValue::from_static(form);
        request.headers_mut().insert(http::header::CONTENT_TYPE, form);
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

pub(super) fn within(object: &str, why: Unknown) -> Unknown {
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
