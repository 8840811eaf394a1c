//! `istio_ingress_route` of istio-ingress-k8s, for the ambient mesh: the routes that an application
//! wants, as one JSON document in its databag, and the host of the gateway in the peer's.

use juju_charm::relation::Databag;
use serde_json::json;

use crate::policy::parse_hostname;

/// Port on which the peer takes clear text; it takes TLS in its place once it has a certificate.
const LISTENER: u16 = 80;

/// Application databag: a prefix, which is taken off, leads to a port of a Service.
pub fn application(service: &str, namespace: &str, port: u16, prefix: &str) -> Databag {
    let listener = json!({"port": LISTENER, "protocol": "HTTP"});
    let config = json!({
        "model": namespace,
        "listeners": [listener],
        "http_routes": [{
            "name": "report",
            "listener": listener,
            // The Gateway API takes a prefix with and without the last slash for the same.
            "matches": [{"path": {"type": "PathPrefix", "value": prefix.trim_end_matches('/')}}],
            "filters": [{
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
            }],
            "backends": [{"service": service, "port": port}],
        }],
        "grpc_routes": [],
    });
    Databag::from([("config".into(), config.to_string())])
}

/// URL of a prefix, by the peer's application databag; `None` until it has made the route. It
/// takes its answer back if another application has the same route.
pub fn url(remote: &Databag, prefix: &str) -> Option<String> {
    // What is no host could lead users anywhere.
    let host = parse_hostname(remote.get("external_host")?).ok()?;
    let scheme = match remote.get("tls_enabled").map(String::as_str) {
        Some("True") => "https",
        _ => "http",
    };
    Some(format!("{scheme}://{host}{prefix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_a_url_only_if_it_names_a_host() {
        let of = |host: &str, tls: &str| {
            let bag = [("external_host", host), ("tls_enabled", tls)];
            url(&bag.map(|(key, value)| (key.to_owned(), value.to_owned())).into(), "/hardening/")
        };
        let https = of("kubeflow.example.com", "True");
        assert_eq!(https.as_deref(), Some("https://kubeflow.example.com/hardening/"));
        assert_eq!(of("10.1.2.3", "False").as_deref(), Some("http://10.1.2.3/hardening/"));
        for host in ["", "a.example/x?", "a b", "user@host", "host:80", "javascript:alert(1)"] {
            assert_eq!(of(host, "True"), None, "{host}");
        }
        assert_eq!(url(&Databag::new(), "/hardening/"), None);
    }
}
