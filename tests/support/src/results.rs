//! Results of actions, as a program reads them.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Map, Value};

/// A result with its further parts, `KEY-2` and so on; empty if there is none.
pub fn parts(results: &Map<String, Value>, key: &str) -> Vec<String> {
    let text = |key: &str| results.get(key).and_then(Value::as_str).map(str::to_owned);
    let further = (2..).map_while(|number| text(&format!("{key}-{number}")));
    text(key).into_iter().chain(further).collect()
}

/// A result for programs: its parts are joined, and decompressed if another result says that they
/// are compressed.
pub fn whole(results: &Map<String, Value>, key: &str) -> anyhow::Result<String> {
    let joined = parts(results, key).concat();
    let encoding = results.get(&format!("{key}-encoding")).and_then(Value::as_str);
    let Some(encoding) = encoding else { return Ok(joined) };
    anyhow::ensure!(encoding == "gzip, then base64", "{key} is in an unknown encoding, {encoding}");
    let mut text = String::new();
    GzDecoder::new(&*STANDARD.decode(joined)?).read_to_string(&mut text)?;
    Ok(text)
}
