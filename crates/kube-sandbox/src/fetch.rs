//! Fetches lists as bytes and drops them: the yardstick for whatever reads them.

use std::path::Path;

use anyhow::Context as _;
use futures_util::{AsyncReadExt as _, StreamExt as _, TryStreamExt as _};
use kube::Client;
use serde::Deserialize;

use crate::protobuf;

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

/// Encoding of what is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON, as programs without the kinds' protobuf definitions have to.
    Json,
    /// Protobuf where the API server has it, which costs it least; else JSON.
    Cheapest,
}

impl Encoding {
    fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            // Custom resources have no protobuf.
            Self::Cheapest => "application/vnd.kubernetes.protobuf,application/json",
        }
    }
}

/// Fetches every page of these lists, so many lists side by side. A list that
/// the API server does not serve counts as a request.
pub fn fetch(
    kubeconfig: &Path,
    paths: &[String],
    encoding: Encoding,
    side_by_side: usize,
) -> anyhow::Result<Fetched> {
    let (runtime, client) = crate::load::connect(kubeconfig)?;
    runtime.block_on(async {
        let lists = paths.iter().map(|path| pages(&client, path, encoding));
        let all: Vec<Fetched> =
            futures_util::stream::iter(lists).buffer_unordered(side_by_side).try_collect().await?;
        Ok(all.iter().fold(Fetched::default(), |sum, one| Fetched {
            requests: sum.requests + one.requests,
            bytes: sum.bytes + one.bytes,
        }))
    })
}

async fn pages(client: &Client, path: &str, encoding: Encoding) -> anyhow::Result<Fetched> {
    let mut fetched = Fetched::default();
    let mut next = String::new();
    let mut body = Vec::new();
    loop {
        let query = if next.is_empty() { String::new() } else { format!("&continue={next}") };
        let request = http::Request::get(format!("{path}?limit={PAGE}{query}"))
            .header("accept", encoding.accept())
            .body(Vec::new())?;
        fetched.requests += 1;
        let mut response = match client.request_stream(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(fetched),
            other => std::pin::pin!(other.with_context(|| path.to_owned())?),
        };
        body.clear();
        response.read_to_end(&mut body).await.with_context(|| path.to_owned())?;
        fetched.bytes += body.len();
        next = continuation(&body).with_context(|| path.to_owned())?;
        if next.is_empty() {
            return Ok(fetched);
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    r#continue: String,
}

/// The token of the next page; empty for the last.
fn continuation(body: &[u8]) -> anyhow::Result<String> {
    if let Some(list) = body.strip_prefix(protobuf::MAGIC) {
        return protobuf::continuation(list).context("a list in protobuf that is not understood");
    }
    let text = std::str::from_utf8(body)?;
    Ok(match before_items(text).or_else(|| after_items(text)) {
        Some(meta) => meta.r#continue,
        None => {
            #[derive(Deserialize)]
            struct List {
                metadata: Meta,
            }
            serde_json::from_str::<List>(text)?.metadata.r#continue
        }
    })
}

/// The metadata of a list of a built-in kind, found without reading the items.
fn before_items(text: &str) -> Option<Meta> {
    let (head, rest) = text.split_once("\"metadata\":")?;
    let (meta, _) = rest.split_once(",\"items\":")?;
    if head.contains("\"items\":") {
        return None;
    }
    serde_json::from_str(meta).ok()
}

/// The metadata of a list of custom resources, which come after the items, in alphabetical order
/// of the fields.
fn after_items(text: &str) -> Option<Meta> {
    let (_, rest) = text.rsplit_once("\"metadata\":")?;
    serde_json::from_str(rest.trim_end().strip_suffix('}')?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn next_page_is_found_wherever_a_list_has_its_metadata() {
        let item = |name: &str| {
            json!({"metadata": {"name": name, "annotations": {
                "last": "{\"metadata\":{\"continue\":\"wrong\"},\"items\":[]}"}}, "spec": {}})
            .to_string()
        };
        let items = [item("a"), item("b")].join(",");
        for token in ["", "a-token"] {
            let meta = match token {
                "" => json!({"resourceVersion": "7"}),
                token => {
                    json!({"continue": token, "remainingItemCount": 3, "resourceVersion": "7"})
                }
            };
            for list in [
                // Built-in kinds.
                format!(
                    "{{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{meta},\"items\":[{items}]}}"
                ),
                // Custom resources.
                format!(
                    "{{\"apiVersion\":\"v1\",\"items\":[{items}],\"kind\":\"GatewayList\",\"metadata\":{meta}}}\n"
                ),
                format!(
                    "{{\"apiVersion\":\"v1\",\"items\":[],\"kind\":\"GatewayList\",\"metadata\":{meta}}}\n"
                ),
                // In an order that no API server has.
                format!("{{\"items\":[{items}],\"metadata\":{meta},\"kind\":\"GatewayList\"}}"),
            ] {
                assert_eq!(continuation(list.as_bytes()).unwrap(), token, "{list}");
            }
        }
        assert!(continuation(b"{\"items\":[{\"metadata\":{\"continue\":\"x\"}}]").is_err());
    }
}
