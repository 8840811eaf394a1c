//! `ingress` of istio-ingress-k8s and traefik-k8s, version 2, where every value is JSON. It has the
//! name of istio-pilot's, which ignores these keys, as these peers ignore istio-pilot's.

use juju_charm::relation::Databag;
use serde_json::{Value, json};

/// Application databag: the Service and its port. The prefix that the peer chooses is stripped.
pub fn application(name: &str, model: &str, port: u16) -> Databag {
    [
        ("name", json!(name)),
        ("model", json!(model)),
        ("port", json!(port)),
        ("strip-prefix", json!(true)),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_string()))
    .into()
}

/// Unit databag: the host and the address of this unit's pod.
pub fn unit(host: &str, address: &str) -> Databag {
    [("host", host), ("ip", address)]
        .map(|(key, value)| (key.to_owned(), json!(value).to_string()))
        .into()
}

/// URL of the route, by the peer's application databag; `None` until there is a route.
pub fn url(remote: &Databag) -> Option<String> {
    let answer: Value = serde_json::from_str(remote.get("ingress")?).ok()?;
    Some(answer["url"].as_str()?.to_owned()).filter(|url| url.starts_with("http"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_and_the_answer_is_a_url() {
        let bag = application("ckf-hardening", "kubeflow", 8090);
        assert_eq!((bag["name"].as_str(), bag["port"].as_str()), ("\"ckf-hardening\"", "8090"));
        let of = |text: &str| url(&Databag::from([("ingress".into(), text.into())]));
        let route = r#"{"url": "https://kubeflow.example.com/kubeflow-ckf-hardening"}"#;
        let expected = "https://kubeflow.example.com/kubeflow-ckf-hardening";
        assert_eq!(of(route).as_deref(), Some(expected));
        for none in ["", "{}", "null", r#"{"url": 1}"#] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
