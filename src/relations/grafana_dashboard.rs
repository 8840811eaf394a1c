//! `grafana_dashboard`: dashboards, compressed with xz and encoded in base64.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use juju_charm::relation::Databag;
use lzma_rust2::{XzOptions, XzWriter};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::topology::{CHARM, Topology};

/// Application databag. Each dashboard is a file stem, and JSON with `uid` and `version`. The
/// same dashboards give the same bytes.
pub fn application(
    topology: &Topology<'_>,
    dashboards: &[(&str, &str)],
) -> std::io::Result<Databag> {
    let mut templates = Map::new();
    for (stem, text) in dashboards {
        let template = json!({
            "charm": CHARM, "content": packed(text)?, "inject_dropdowns": true,
            "juju_topology": topology.of_dashboard(),
        });
        templates.insert(format!("file:{stem}"), template);
    }
    let templates = Value::Object(templates);
    let uuid: String = Sha256::digest(templates.to_string())
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let value = json!({"templates": templates, "uuid": uuid});
    Ok(Databag::from([("dashboards".into(), value.to_string())]))
}

fn packed(text: &str) -> std::io::Result<String> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(6))?;
    writer.write_all(text.as_bytes())?;
    Ok(STANDARD.encode(writer.finish()?))
}
