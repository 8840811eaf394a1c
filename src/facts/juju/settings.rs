//! Reads the configuration of the controller and of the platform's model: what controls assess, and no
//! value beside it.

use std::collections::{BTreeMap, BTreeSet};

use ckf_model::certificate::Certificate;
use ckf_model::juju::{ControllerSettings, ModelSettings};
use jiff::Timestamp;
use juju_client::{Block, ModelStatus};
use serde_json::Value;

/// Options of a model whose value is an address that it downloads from. Proxies are not among them:
/// a proxy is spoken to in clear text, and what goes through it is not.
const ADDRESSES: [&str; 6] = [
    "agent-metadata-url",
    "charmhub-url",
    "container-image-metadata-url",
    "image-metadata-url",
    "snap-store-proxy-url",
    "apt-mirror",
];
/// Packages from there are signed, so clear text is no finding.
const SIGNED: &str = "apt-mirror";
/// Options of a model that weaken it unless they have this value.
const WEAKENING: [(&str, bool); 3] =
    [("development", false), ("test-mode", false), ("ssl-hostname-verification", true)];

fn text<'a>(config: &'a BTreeMap<String, Value>, name: &str) -> &'a str {
    config.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_true(config: &BTreeMap<String, Value>, name: &str) -> bool {
    match config.get(name) {
        Some(Value::Bool(is)) => *is,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// What follows the scheme of an address, up to its path.
fn authority(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn has_login(address: &str) -> bool {
    authority(address).contains('@')
}

fn host(address: &str) -> String {
    let authority = authority(address);
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

fn is_clear(address: &str) -> bool {
    address.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"))
}

/// The controller's configuration. Juju 3.6 lists methods, 4.0 writes them in one text.
pub(super) fn controller(config: &BTreeMap<String, Value>) -> ControllerSettings {
    let exclusions: BTreeSet<String> = match config.get("audit-log-exclude-methods") {
        Some(Value::Array(all)) => {
            all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(Value::String(all)) => {
            let all = all.split(',').map(str::trim).filter(|method| !method.is_empty());
            all.map(str::to_owned).collect()
        }
        _ => BTreeSet::new(),
    };
    let identity = text(config, "identity-url");
    let issuer = text(config, "login-token-refresh-url");
    let authority = Certificate::from_pem(text(config, "ca-cert").as_bytes());
    let ends = authority.ok().and_then(|chain| {
        let ends = chain.iter().map(|certificate| certificate.not_after).min()?;
        Timestamp::from_second(ends).ok()
    });
    ControllerSettings {
        auditing: is_true(config, "auditing-enabled"),
        audit_arguments: is_true(config, "audit-log-capture-args"),
        audit_exclusions: exclusions,
        audit_backups: config.get("audit-log-max-backups").and_then(Value::as_i64),
        audit_size: text(config, "audit-log-max-size").to_owned(),
        identity_provider: (!identity.is_empty()).then(|| host(identity)),
        identity_in_clear: is_clear(identity) || is_clear(issuer),
        token_login: !issuer.is_empty(),
        models_alone: is_true(config, "allow-model-access"),
        authority_ends: ends,
    }
}

/// The model's configuration.
pub(super) fn model(
    config: &BTreeMap<String, Value>,
    blocks: Vec<Block>,
    status: &ModelStatus,
) -> ModelSettings {
    let addresses = ADDRESSES.iter().map(|name| (*name, text(config, name)));
    let clear = addresses.filter(|(name, value)| *name != SIGNED && is_clear(value));
    let names = config.iter().filter(|(name, value)| {
        let is_address = name.ends_with("-proxy") || ADDRESSES.contains(&name.as_str());
        is_address && value.as_str().is_some_and(has_login)
    });
    let weakening = WEAKENING
        .iter()
        .filter(|(name, wanted)| config.contains_key(*name) && is_true(config, name) != *wanted);
    ModelSettings {
        blocks: blocks.into_iter().map(|block| block.kind).collect(),
        secret_backend: text(config, "secret-backend").to_owned(),
        in_clear: clear.map(|(name, _)| name.to_owned()).collect(),
        with_login: names.map(|(name, _)| name.clone()).collect(),
        development: weakening.map(|(name, wanted)| format!("{name}={}", !wanted)).collect(),
        agent_stream: text(config, "agent-stream").to_owned(),
        agent_version: status.version.clone(),
        available_version: status.available_version.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn exclusions_are_read_from_a_list_and_from_a_text() {
        for methods in [json!(["ReadOnlyMethods", "A.B"]), json!("ReadOnlyMethods, A.B,")] {
            let config = map(json!({"audit-log-exclude-methods": methods}));
            let read = controller(&config).audit_exclusions;
            assert_eq!(read.into_iter().collect::<Vec<_>>(), ["A.B", "ReadOnlyMethods"]);
        }
        let read = controller(&map(json!({"auditing-enabled": true, "ca-cert": "no PEM"})));
        assert_eq!((read.auditing, read.authority_ends), (true, None));
    }

    #[test]
    fn address_with_a_login_is_named_and_not_retained() {
        let config = map(json!({
            "juju-http-proxy": "http://me:hunter2@proxy:3128",
            "charmhub-url": "https://me:hunter2@hub.example.com/v2",
            "agent-metadata-url": "HTTP://mirror.example.com/agents",
            "apt-mirror": "http://archive.example.com",
            "development": true, "ssl-hostname-verification": true, "test-mode": false,
            "secret-backend": "auto", "agent-stream": "released",
        }));
        let read = model(&config, Vec::new(), &ModelStatus::default());
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&read.with_login), "charmhub-url juju-http-proxy");
        assert_eq!(names(&read.in_clear), "agent-metadata-url");
        assert_eq!(names(&read.development), "development=true");
        let identity = map(json!({"identity-url": "http://me:hunter2@idp.example.com:8081/auth"}));
        let provider = controller(&identity);
        assert_eq!(provider.identity_provider.as_deref(), Some("idp.example.com:8081"));
        assert!(provider.identity_in_clear);
        let json = serde_json::to_string(&(read, provider)).unwrap();
        assert!(!json.contains("hunter2"), "{json}");
    }
}
