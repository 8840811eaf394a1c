//! What the charm gives to the Pebble of its container.

use juju_sim::pebble::Pebble;
use serde_json::Value;

/// Files that were pushed and layers that were added since it was looked last, by path
/// and label.
pub fn given(pebble: &Pebble) -> Vec<(String, Value)> {
    let exchanges = pebble.exchanges();
    let posts = exchanges.iter().filter(|e| e.method == "POST");
    posts
        .filter_map(|exchange| {
            let asked = exchange.body.as_ref()?;
            assert!(exchange.status < 300, "{exchange:?}");
            match exchange.target.as_str() {
                "/v1/layers" => {
                    let layer = serde_json::from_str(asked["layer"].as_str()?).unwrap();
                    Some((asked["label"].as_str()?.to_owned(), layer))
                }
                "/v1/files" => {
                    let path = asked["files"][0]["path"].as_str()?;
                    let content = pebble.read_file(path).unwrap();
                    Some((path.to_owned(), serde_json::from_slice(&content).unwrap()))
                }
                _ => None,
            }
        })
        .collect()
}
