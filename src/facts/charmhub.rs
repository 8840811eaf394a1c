//! What Charmhub has at the head of the channels that the platform's applications follow:
//! one request for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::known::{Known, Unknown};

/// Charmhub's own address, unless the operator names another.
pub const DEFAULT_URL: &str = "https://api.charmhub.io";
/// Most charms in one request.
const AT_ONCE: usize = 100;
/// Most that is read of an answer, in bytes.
const LARGEST_ANSWER: u64 = 8 << 20;

/// What Charmhub told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Charmhub {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Heads, by charm, channel and base, as [`Followed`] prints them.
    pub heads: BTreeMap<String, Known<Head>>,
    /// How many requests that took.
    pub requests: usize,
}

/// What is at the head of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Head {
    /// Revision of the charm.
    pub revision: u64,
    /// When it was released there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// Revisions of its resources.
    pub resources: BTreeMap<String, i64>,
}

/// A charm and the channel that is followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Followed {
    /// Name of the charm.
    pub charm: String,
    /// `TRACK/RISK`.
    pub channel: String,
    /// Version of Ubuntu, for example `24.04`.
    pub base: String,
}

impl std::fmt::Display for Followed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.charm, self.channel, self.base)
    }
}

/// How Charmhub is asked.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its address.
    pub url: String,
    /// Proxy that leads there.
    pub proxy: Option<String>,
    /// Hosts that are reached without it, comma-separated.
    pub no_proxy: Option<String>,
    /// Longest time for a request.
    pub within: Duration,
}

#[derive(Deserialize)]
struct Answer {
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

/// Asks for the head of each channel. Blocks.
pub fn read(source: &Source, followed: &BTreeSet<Followed>) -> Charmhub {
    crate::tls::install_provider();
    let mut charmhub = Charmhub { asked_at: crate::now(), ..Charmhub::default() };
    let followed: Vec<&Followed> = followed.iter().collect();
    for some in followed.chunks(AT_ONCE) {
        charmhub.requests += 1;
        let answer = ask(source, some);
        for (index, one) in some.iter().enumerate() {
            let head = match &answer {
                Err(why) => Known::Unknown(why.clone()),
                Ok(results) => head(results, index),
            };
            charmhub.heads.insert(one.to_string(), head);
        }
    }
    charmhub
}

fn head(results: &[ResultWire], index: usize) -> Known<Head> {
    // What it says may be of any length.
    let failed = |why: &str| {
        let why: String = why.chars().take(300).collect();
        Known::Unknown(Unknown::Failed(format!("Charmhub: {why}")))
    };
    let key = index.to_string();
    let Some(result) = results.iter().find(|result| result.instance_key == key) else {
        return failed("it did not answer for this charm");
    };
    match (&result.error, &result.charm) {
        (Some(error), _) => failed(&error.message),
        (None, None) => failed("it names no charm"),
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

fn ask(source: &Source, followed: &[&Followed]) -> Result<Vec<ResultWire>, Unknown> {
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
    // Where it leads on, it does so by TLS.
    let redirects = reqwest::redirect::Policy::custom(|attempt| {
        match attempt.url().scheme() == "https" && attempt.previous().len() <= 3 {
            true => attempt.follow(),
            false => attempt.error("it leads on without TLS, or too often"),
        }
    });
    let mut builder = reqwest::blocking::Client::builder()
        .redirect(redirects)
        .timeout(source.within)
        .connect_timeout(source.within.min(Duration::from_secs(5)))
        .user_agent(concat!("ckf-hardening/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &source.proxy {
        let proxy = reqwest::Proxy::all(proxy).map_err(|_| failed("its proxy is no URL".into()))?;
        let none = source.no_proxy.as_deref().unwrap_or_default();
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(none)));
    }
    let client = builder.build().map_err(|why| failed(why.to_string()))?;
    let url = format!("{}/v2/charms/refresh", source.url.trim_end_matches('/'));
    let answer = client.post(url).json(&body).send();
    let answer = answer.map_err(|error| match error.is_timeout() {
        true => Unknown::TimedOut(format!("Charmhub at {} did not answer in time", source.url)),
        false if error.is_redirect() => failed("it leads on to where it is not followed".into()),
        false => failed("it could not be reached".into()),
    })?;
    let status = answer.status();
    if !status.is_success() {
        return Err(failed(format!("it answered {status}")));
    }
    let mut text = String::new();
    let read = answer.take(LARGEST_ANSWER + 1).read_to_string(&mut text);
    read.map_err(|_| failed("the answer broke off".into()))?;
    if text.len() as u64 > LARGEST_ANSWER {
        return Err(failed(format!("the answer is larger than {LARGEST_ANSWER} bytes")));
    }
    let answer: Answer = serde_json::from_str(&text)
        .map_err(|why| failed(format!("the answer is not understood: {why}")))?;
    Ok(answer.results)
}
