//! Current revisions of the Charmhub channels that the platform's applications follow, in one
//! batched request.

pub use ckf_model::charmhub::*;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::known::{Known, Unknown};
use super::reachable::{self, HostPort};

/// Default URL of Charmhub's API.
pub const DEFAULT_URL: &str = "https://api.charmhub.io";
/// Largest number of charms in a request.
const AT_ONCE: usize = 100;
/// Largest accepted response, in bytes.
const LARGEST_RESPONSE: u64 = 8 << 20;

/// Configuration of Charmhub queries.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// URL of the API.
    pub url: String,
    /// URL of the proxy.
    pub proxy: Option<String>,
    /// Hosts that bypass the proxy, comma-separated.
    pub no_proxy: Option<String>,
    /// Timeout of a request.
    pub within: Duration,
    /// Hosts that are known to be out of reach, and are not asked.
    pub unreachable: BTreeSet<HostPort>,
}

impl Source {
    /// The host that would be connected to: that of the proxy if there is one.
    pub fn host(&self) -> Option<HostPort> {
        reachable::first_hop(&self.url, self.proxy.as_deref(), self.no_proxy.as_deref())
    }
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    results: Vec<ResultWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ResultWire {
    #[serde(default)]
    instance_key: String,
    error: Option<ErrorWire>,
    charm: Option<CharmWire>,
    released_at: Option<String>,
}

#[derive(Deserialize)]
struct ErrorWire {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct CharmWire {
    revision: u64,
    #[serde(default)]
    resources: Vec<ResourceWire>,
}

#[derive(Deserialize)]
struct ResourceWire {
    name: String,
    #[serde(default)]
    revision: i64,
}

/// Queries the current revision of each channel. Blocks.
pub fn read(source: &Source, followed: &BTreeSet<Followed>) -> Charmhub {
    crate::tls::install_provider();
    let mut charmhub = Charmhub { asked_at: crate::now(), ..Charmhub::default() };
    let followed: Vec<&Followed> = followed.iter().collect();
    for batch in followed.chunks(AT_ONCE) {
        let lost = source.host().filter(|host| source.unreachable.contains(host));
        let response = match lost {
            Some(host) => Err(Unknown::Failed(format!("Charmhub: {host} could not be reached"))),
            None => {
                charmhub.requests += 1;
                query(source, batch)
            }
        };
        for (index, one) in batch.iter().enumerate() {
            let head = match &response {
                Err(why) => Known::Unknown(why.clone()),
                Ok(results) => head(results, index),
            };
            charmhub.heads.insert(one.to_string(), head);
        }
    }
    charmhub
}

fn head(results: &[ResultWire], index: usize) -> Known<Head> {
    // Messages of the server may be of any length.
    let failed = |why: &str| {
        let why: String = why.chars().take(300).collect();
        Known::Unknown(Unknown::Failed(format!("Charmhub: {why}")))
    };
    let key = index.to_string();
    let Some(result) = results.iter().find(|result| result.instance_key == key) else {
        return failed("the response lacks this charm");
    };
    match (&result.error, &result.charm) {
        (Some(error), _) => failed(&error.message),
        (None, None) => failed("the response has no charm revision"),
        (None, Some(charm)) => Known::Known(Head {
            revision: charm.revision,
            released_at: result.released_at.as_deref().and_then(|text| text.parse().ok()),
            resources: charm
                .resources
                .iter()
                .map(|resource| (resource.name.clone(), resource.revision))
                .collect(),
        }),
    }
}

fn query(source: &Source, followed: &[&Followed]) -> Result<Vec<ResultWire>, Unknown> {
    let failed = |why: String| Unknown::Failed(format!("Charmhub at {}: {why}", source.url));
    let actions: Vec<_> = followed
        .iter()
        .enumerate()
        .map(|(index, one)| {
            json!({
                "action": "install", "instance-key": index.to_string(), "name": one.charm,
                "channel": one.channel,
                "base": {"architecture": "amd64", "name": "ubuntu", "channel": one.base},
            })
        })
        .collect();
    let body = json!({
        "context": [], "actions": actions,
        "fields": ["revision", "resources", "released-at", "created-at", "name"],
    });
    let client = client(source, &failed)?;
    let url = format!("{}/v2/charms/refresh", source.url.trim_end_matches('/'));
    let response = client.post(url).json(&body).send();
    let response = response.map_err(|error| match error.is_timeout() {
        true => Unknown::TimedOut(format!("no response from Charmhub at {} in time", source.url)),
        false if error.is_redirect() => failed("redirect refused".into()),
        false => failed("unreachable".into()),
    })?;
    let status = response.status();
    if !status.is_success() {
        return Err(failed(format!("HTTP status {status}")));
    }
    let mut text = String::new();
    let read = response.take(LARGEST_RESPONSE + 1).read_to_string(&mut text);
    read.map_err(|_| failed("the response is incomplete".into()))?;
    if text.len() as u64 > LARGEST_RESPONSE {
        return Err(failed(format!("the response is larger than {LARGEST_RESPONSE} bytes")));
    }
    let response: Response = serde_json::from_str(&text)
        .map_err(|why| failed(format!("the response is malformed: {why}")))?;
    Ok(response.results)
}

/// A client with the deadlines and the proxy of the source.
fn client(
    source: &Source,
    failed: &dyn Fn(String) -> Unknown,
) -> Result<reqwest::blocking::Client, Unknown> {
    // Redirects must use TLS.
    let redirects = reqwest::redirect::Policy::custom(|attempt| {
        match attempt.url().scheme() == "https" && attempt.previous().len() <= 3 {
            true => attempt.follow(),
            false => attempt.error("redirect without TLS, or too many redirects"),
        }
    });
    let mut builder = reqwest::blocking::Client::builder()
        .redirect(redirects)
        .timeout(source.within)
        .connect_timeout(source.within.min(Duration::from_secs(5)))
        .user_agent(concat!("ckf-hardening/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &source.proxy {
        let proxy = reqwest::Proxy::all(proxy)
            .map_err(|_| failed("the proxy is not a valid URL".into()))?;
        let none = source.no_proxy.as_deref().unwrap_or_default();
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(none)));
    }
    builder.build().map_err(|why| failed(why.to_string()))
}
