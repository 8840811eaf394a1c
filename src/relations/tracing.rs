//! `tracing`, version 2, requirer side: which protocol is spoken, and where spans go.

use juju_charm::relation::Databag;
use serde_json::{Value, json};

/// The protocol: OTLP over HTTP.
const PROTOCOL: &str = "otlp_http";

/// Application databag.
pub fn application() -> Databag {
    Databag::from([("receivers".into(), json!([PROTOCOL]).to_string())])
}

/// Base URL of the receiver, by the peer's application databag; `None` until it has one.
pub fn endpoint(remote: &Databag) -> Option<String> {
    let receivers: Vec<Value> = serde_json::from_str(remote.get("receivers")?).ok()?;
    let of = |receiver: &&Value| receiver["protocol"]["name"] == PROTOCOL;
    let url = receivers.iter().find(of)?["url"].as_str()?;
    Some(url.trim_end_matches('/').to_owned()).filter(|url| url.starts_with("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receiver_of_the_protocol_is_read() {
        let of = |text: &str| endpoint(&Databag::from([("receivers".into(), text.into())]));
        let both = r#"[{"protocol": {"name": "otlp_grpc", "type": "grpc"}, "url": "tempo:4317"},
            {"protocol": {"name": "otlp_http", "type": "http"}, "url": "http://tempo:4318/"}]"#;
        assert_eq!(of(both).as_deref(), Some("http://tempo:4318"));
        for none in ["", "[]", "{}", r#"[{"protocol": {"name": "zipkin"}, "url": "http://x"}]"#] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
