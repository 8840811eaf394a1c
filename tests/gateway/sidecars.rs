//! Sidecars as they are assessed, beside what clients of a pod's real Envoy get that a real istiod
//! configures from the same objects.

use std::time::Duration;

use ckf_worlds::object;
use kube_sandbox::{IngressGateway, Loader, Sandbox, SidecarProxy};
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::entrances::{apply, echo, platform, until, verdict};

/// Port that the Sidecar opens, and that at which a pod's own requests leave by its proxy.
const OPENED: u16 = 9999;
const LEAVING: u16 = 3128;
/// Service of the profile by which requests are sent.
const PROXY: &str = "proxy.admin.svc.cluster.local";

fn client() -> reqwest::blocking::ClientBuilder {
    Client::builder().no_proxy().timeout(Duration::from_secs(5))
}

fn sidecar(namespace: &str, spec: Value) -> Value {
    object("networking.istio.io/v1", "Sidecar", namespace, "held", json!({ "spec": spec }))
}

/// Whether NET-09 fails with this Sidecar beside the platform.
fn is_finding(own: &Value) -> bool {
    let mut world = platform();
    assert_eq!(verdict(&world, "NET-09"), "pass");
    world.objects.push(own.clone());
    verdict(&world, "NET-09") == "fail"
}

/// Labels of the pod.
fn labels() -> Value {
    json!({"app": "held"})
}

/// The same pod takes requests in clear, as it has no certificate.
fn in_clear(namespace: &str) -> Value {
    let spec = json!({"selector": {"matchLabels": labels()}, "mtls": {"mode": "DISABLE"}});
    let kind = "security.istio.io/v1";
    object(kind, "PeerAuthentication", namespace, "held", json!({ "spec": spec }))
}

/// What a pod offers to itself is reached by a port of a Sidecar that names a loopback address.
fn loopback_is_opened(sandbox: &Sandbox, gateway: &mut IngressGateway, loader: &Loader) {
    let pod = SidecarProxy::new().unwrap();
    let of = |ingress: Value| {
        let nowhere = json!([{"hosts": ["~/*"]}]);
        let selector = json!({ "labels": labels() });
        let spec = json!({"workloadSelector": selector, "ingress": ingress, "egress": nowhere});
        sidecar("admin", spec)
    };
    loader.load(&[in_clear("admin"), of(json!([]))]).unwrap();
    pod.start(sandbox, gateway, "admin", labels()).unwrap();
    let url = format!("http://{}:{OPENED}/", pod.address());
    let get = || {
        let answer = client().build().unwrap().get(&url).header("kubeflow-userid", "admin").send();
        answer.map(|answer| answer.status().as_u16()).ok()
    };
    assert_eq!(get(), None);
    let port = echo();
    for (endpoint, answers, is_opened) in
        [(format!("127.0.0.1:{port}"), 200, true), ("0.0.0.0:9".to_owned(), 503, false)]
    {
        let listener = json!({"port": {"number": OPENED, "protocol": "HTTP", "name": "http"},
            "bind": pod.address(), "captureMode": "NONE", "defaultEndpoint": endpoint});
        let own = of(json!([listener]));
        assert_eq!(is_finding(&own), is_opened, "{endpoint}");
        apply(loader, &own);
        until(&endpoint, || get() == Some(answers));
    }
    apply(loader, &of(json!([])));
    until("the port closes", || get().is_none());
}

/// Requests to hosts that the mesh does not know go to the proxy of a profile that a Sidecar names.
fn requests_are_sent_away(sandbox: &Sandbox, gateway: &mut IngressGateway, loader: &Loader) {
    let ports = json!([{"name": "http", "port": 80}]);
    let spec = json!({"spec": {"ports": ports, "selector": {"app": "proxy"}}});
    apply(loader, &object("v1", "Service", "admin", "proxy", spec));
    let pod = SidecarProxy::new().unwrap();
    let of = |policy: Value| {
        let leaving = json!({"port": {"number": LEAVING, "protocol": "HTTP_PROXY", "name": "proxy"},
            "bind": pod.address(), "captureMode": "NONE", "hosts": ["*/*"]});
        let selector = json!({ "labels": labels() });
        let spec = json!({"workloadSelector": selector, "egress": [leaving],
            "outboundTrafficPolicy": policy});
        sidecar("kubeflow", spec)
    };
    let direct = of(json!({"mode": "ALLOW_ANY"}));
    assert!(!is_finding(&direct));
    apply(loader, &direct);
    pod.start(sandbox, gateway, "kubeflow", labels()).unwrap();
    let by = format!("http://{}:{LEAVING}", pod.address());
    let by_pod = client().proxy(reqwest::Proxy::http(by).unwrap()).build().unwrap();
    let ask = || by_pod.get("http://unknown.example.org/").send().is_ok();
    // No pod is behind the Service, which Envoy counts.
    let sent = || {
        ask();
        let filter = "filter=proxy.admin.*upstream_cx_none_healthy";
        let url = format!("http://127.0.0.1:{}/stats?usedonly&{filter}", pod.admin());
        let stats = client().build().unwrap().get(url).send().unwrap().text().unwrap();
        let counts = stats.lines().filter_map(|line| line.rsplit_once(": ")?.1.parse::<u64>().ok());
        counts.sum::<u64>()
    };
    until("requests leave", ask);
    assert_eq!(sent(), 0);
    let proxy = json!({"host": PROXY, "port": {"number": 80}});
    let sent_away = of(json!({"mode": "ALLOW_ANY", "egressProxy": proxy}));
    assert!(is_finding(&sent_away));
    apply(loader, &sent_away);
    until("requests are sent to the profile", || sent() > 0);
}

/// Both, beside the platform that a gateway serves.
pub(super) fn sidecars_open_what_they_name(
    sandbox: &Sandbox,
    gateway: &mut IngressGateway,
    loader: &Loader,
) {
    loopback_is_opened(sandbox, gateway, loader);
    requests_are_sent_away(sandbox, gateway, loader);
}
