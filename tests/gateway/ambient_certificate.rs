//! A certificate on the ambient ingress, with the listeners and routes that its charm makes of what
//! Charmed Kubeflow's charms ask for: what a real istiod and Envoy serve of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ckf_worlds::{AMBIENT_INGRESS, HOST, NAMESPACE, World, base64, object, tls};
use kube_sandbox::{IngressGateway, Loader, Sandbox};
use reqwest::blocking::Client;
use serde_json::{Value, json};

/// Longest wait for a change to be seen by clients.
const SEEN: Duration = Duration::from_secs(30);
const SECRET: &str = "istio-ingress-k8s-tls-certificate";
/// The charms behind login's own paths.
const LOGIN: [&str; 2] = ["dex-auth", "oidc-gatekeeper"];

/// How the sandbox' stand-in for oidc-gatekeeper answers.
const SERVED: &str = "200";
/// The sandbox' places of ports 80 and 443.
pub(super) const HTTP: (&str, u16) = ("http", 8080);
const HTTPS: (&str, u16) = ("https", 8443);
const HTTPS_ON_80: (&str, u16) = ("https", 8080);

fn client(gateway: &IngressGateway, port: u16) -> Client {
    Client::builder()
        .no_proxy()
        .resolve(HOST, SocketAddr::from((gateway.address(), port)))
        .danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

/// Requests that found no pod so far, by the application whose Service they were routed to.
fn routed(gateway: &IngressGateway) -> Vec<(String, u64)> {
    let filter = "filter=upstream_cx_none_healthy&usedonly";
    let url = format!("http://127.0.0.1:{}/stats?{filter}", gateway.admin());
    let stats = client(gateway, 0).get(url).send().unwrap().text().unwrap();
    let of = |line: &str| {
        let (name, count) = line.rsplit_once(": ")?;
        let application = name.split("||").nth(1)?.split('.').next()?;
        Some((application.to_owned(), count.trim().parse().ok()?))
    };
    stats.lines().filter_map(of).collect()
}

/// What a GET comes to: the application that it is routed to, which has no pod here, a status, or
/// `none` if nothing serves it.
fn get(gateway: &IngressGateway, at: (&str, u16), path: &str) -> String {
    get_as("", gateway, at, path)
}

/// The same with a cookie.
pub(super) fn get_as(
    cookie: &str,
    gateway: &IngressGateway,
    (scheme, port): (&str, u16),
    path: &str,
) -> String {
    let before = routed(gateway);
    let url = format!("{scheme}://{HOST}:{port}{path}");
    match client(gateway, port).get(url).header("cookie", cookie).send() {
        Ok(answer) if answer.status() == 503 => {
            let after = routed(gateway);
            let grown = after.into_iter().find(|of| !before.contains(of));
            grown.map_or("503".into(), |(application, _)| application)
        }
        Ok(answer) => answer.status().as_u16().to_string(),
        Err(_) => "none".to_owned(),
    }
}

/// Waits until a GET comes to something.
pub(super) fn until(gateway: &IngressGateway, at: (&str, u16), path: &str, wanted: &str) {
    until_as("", gateway, at, path, wanted);
}

/// The same with a cookie.
pub(super) fn until_as(
    cookie: &str,
    gateway: &IngressGateway,
    at: (&str, u16),
    path: &str,
    wanted: &str,
) {
    let begun = Instant::now();
    let mut seen = String::new();
    while begun.elapsed() < SEEN {
        seen = get_as(cookie, gateway, at, path);
        if seen == wanted {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{at:?} {path}: {seen}, not {wanted} within {SEEN:?}");
}

/// The ingress as its charm writes it with a certificate, while login's charms ask for a route at
/// this port, and the others at 443.
fn with_certificate(world: &World, login: u16) -> Vec<Value> {
    let own = tls(HOST, 2035);
    let data = json!({"data": {"tls.crt": base64(&own.certificate), "tls.key": base64(&own.key)}});
    let mut objects = vec![object("v1", "Secret", NAMESPACE, SECRET, data)];
    for known in &world.objects {
        let mut changed = known.clone();
        let name = known["metadata"]["name"].as_str().unwrap();
        let is_ours = known["metadata"]["namespace"] == NAMESPACE;
        match known["kind"].as_str() {
            Some("Gateway") if name == AMBIENT_INGRESS => {
                let listeners = &mut changed["spec"]["listeners"];
                let https = |port: u16| {
                    json!({"name": format!("https-{port}"), "port": port, "protocol": "HTTPS",
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                        "tls": {"certificateRefs": [{"name": SECRET}]}})
                };
                let mut all = vec![listeners[0].clone(), https(443)];
                all.extend((login != 443).then(|| https(login)));
                *listeners = all.into();
            }
            // istiod makes its ports of the listeners.
            Some("Service") if name == "istio-ingress-k8s-istio" => {
                let port = json!({"name": "https-443", "port": 443, "targetPort": 443});
                changed["spec"]["ports"].as_array_mut().unwrap().push(port);
            }
            Some("HTTPRoute") if is_ours => {
                let is_of_login = LOGIN.iter().any(|app| name.starts_with(app));
                let port = if is_of_login { login } else { 443 };
                changed["spec"]["parentRefs"][0]["sectionName"] = format!("https-{port}").into();
            }
            _ => continue,
        }
        objects.push(changed);
    }
    objects
}

/// The ambient world with the provider's name as the istiod of these tests takes it: newer ones
/// refuse an underscore.
pub(super) fn ambient() -> (World, String) {
    let mut world = World::ambient("1.11");
    let options = &mut world.get("ConfigMap", "istio")["data"]["mesh"];
    let mut mesh = options.as_str().unwrap().replace("ext_authz", "ext-authz");
    *options = mesh.as_str().into();
    world.get("AuthorizationPolicy", "ext-authz-istio-ingress-k8s")["spec"]["provider"]["name"] =
        "ext-authz-istio-ingress-k8s".into();
    // Envoy as it is on PyPI has none of Istio's own filters.
    mesh += "enableAutoMtls: false\ndefaultProviders: {metrics: [], accessLogging: []}\n";
    (world, mesh)
}

/// An API server with that world, and its ingress beside it; the ingress goes first.
pub(super) fn started() -> (World, Sandbox, Loader, IngressGateway) {
    let (world, mesh) = ambient();
    let sandbox = Sandbox::start().unwrap();
    sandbox.install_gateway_api().unwrap();
    let loader = sandbox.define(&World::definitions()).unwrap();
    loader.load(&world.objects).unwrap();
    let gateway = IngressGateway::start_ambient(&sandbox, &mesh).unwrap();
    (world, sandbox, loader, gateway)
}

#[test]
fn certificate_takes_login_away_until_its_charms_ask_for_port_443() {
    let (world, _sandbox, loader, gateway) = started();
    let session = "/authservice/oidc/callback";
    // Without a certificate: login comes first, and its own paths lead there.
    until(&gateway, HTTP, "/pipeline", "302");
    until(&gateway, HTTP, "/dex/auth", "dex-auth");
    until(&gateway, HTTP, session, SERVED);

    // With one, as their charms are: people are sent to log in, and no way leads there.
    loader.load(&with_certificate(&world, 80)).unwrap();
    until(&gateway, HTTPS, "/pipeline", "302");
    for path in ["/dex/auth", session] {
        until(&gateway, HTTP, path, "404");
        assert_eq!(get(&gateway, HTTPS_ON_80, path), "none", "{path}");
        assert_eq!(get(&gateway, HTTPS, path), "kubeflow-dashboard", "{path}");
    }

    // As they would be.
    loader.load(&with_certificate(&world, 443)).unwrap();
    until(&gateway, HTTPS, "/dex/auth", "dex-auth");
    until(&gateway, HTTPS, session, SERVED);
    assert_eq!(get(&gateway, HTTPS, "/pipeline"), "302");
}
