//! Fetches lists as bytes and drops them: the yardstick for whatever reads them.

use std::path::Path;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use kube::Client;
use serde::Deserialize;

/// Objects asked for at once.
const PAGE: usize = 500;

/// What was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Requests.
    pub requests: usize,
    /// Bytes of all answers.
    pub bytes: usize,
}

/// Fetches every page of these lists, so many lists side by side. A list that
/// the API server does not serve counts as a request.
pub fn fetch(kubeconfig: &Path, paths: &[String], side_by_side: usize) -> anyhow::Result<Fetched> {
    let (runtime, client) = crate::load::connect(kubeconfig)?;
    runtime.block_on(async {
        let lists = paths.iter().map(|path| pages(&client, path));
        let all: Vec<Fetched> =
            futures_util::stream::iter(lists).buffer_unordered(side_by_side).try_collect().await?;
        Ok(all.iter().fold(Fetched::default(), |sum, one| Fetched {
            requests: sum.requests + one.requests,
            bytes: sum.bytes + one.bytes,
        }))
    })
}

async fn pages(client: &Client, path: &str) -> anyhow::Result<Fetched> {
    let mut fetched = Fetched::default();
    let mut next = String::new();
    loop {
        let query = if next.is_empty() { String::new() } else { format!("&continue={next}") };
        let accept = if path.contains("/customresourcedefinitions") {
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        } else {
            "application/json"
        };
        let request = http::Request::get(format!("{path}?limit={PAGE}{query}"))
            .header("accept", accept)
            .body(Vec::new())?;
        fetched.requests += 1;
        let text = match client.request_text(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(fetched),
            other => other.with_context(|| path.to_owned())?,
        };
        fetched.bytes += text.len();
        next = continuation(&text);
        if next.is_empty() {
            return Ok(fetched);
        }
    }
}

/// The token of the next page, found without reading the items: the API server
/// writes the list's own metadata before them.
fn continuation(text: &str) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Meta {
        r#continue: String,
    }
    let meta = text
        .split_once("\"metadata\":")
        .and_then(|(_, rest)| rest.split_once("},\"items\""))
        .map(|(meta, _)| format!("{meta}}}"));
    let meta: Meta = serde_json::from_str(&meta.unwrap_or_default()).unwrap_or_default();
    meta.r#continue
}
