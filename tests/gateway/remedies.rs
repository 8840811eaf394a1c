//! What clients of the gateway see: a real istiod and a real Envoy, with handshakes by
//! openssl, before remedies are applied, after, when a user tampers, and after undo.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ckf_test_support::agent::patch_floor;
use ckf_test_support::{audit, cluster, control, lead_to, run, verdict};
use ckf_worlds::{World, object};
use kube_sandbox::{IngressGateway, Sandbox};
use serde_json::{Value, json};

/// Longest wait for a change to be seen by clients.
const SEEN: Duration = Duration::from_secs(20);

/// A platform that serves HTTPS as istio-pilot sets it up, and nothing more.
fn platform() -> World {
    let mut world = World::hardened("1.10");
    world.remove("Gateway", "ckf-hardening-https-redirect");
    // It opens port 80, and has a test of its own.
    world.remove("Gateway", "knative-ingress-gateway");
    // Nothing answers for login here; what it does is not what is tested.
    world.remove("EnvoyFilter", "istio-pilot-authn-filter");
    world
}

struct Client<'a> {
    gateway: &'a IngressGateway,
}

impl Client<'_> {
    fn handshake(&self, options: &[&str]) -> Option<String> {
        self.gateway.handshake(options).unwrap()
    }

    fn https(&self) -> String {
        self.gateway.https().unwrap().to_ascii_lowercase()
    }

    fn http(&self) -> Option<String> {
        self.gateway.http().unwrap()
    }
}

/// Waits until something is so, and returns how long it took.
fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SEEN, "{what}: not within {SEEN:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}

/// The report of an audit that looks at the gateway.
fn look(sandbox: &Sandbox) -> Value {
    let admin = sandbox.kubeconfig("admin");
    let host = ["--external-hostname", "kubeflow.example.com", "--kubeconfig"];
    let mut arguments: Vec<&std::ffi::OsStr> = host.map(std::ffi::OsStr::new).to_vec();
    arguments.push(admin.as_ref());
    audit(&arguments)
}

/// What a report shows of a control: its verdict, and what was seen.
fn shown(report: &Value, id: &str) -> (String, Vec<String>) {
    let findings = control(report, id)["findings"].as_array().unwrap();
    let seen = findings.iter().map(|finding| finding["seen"].as_str().unwrap().to_owned());
    (verdict(report, id).to_owned(), seen.collect())
}

fn command(sandbox: &Sandbox, arguments: &[&str]) {
    let admin = sandbox.kubeconfig("admin");
    let mut all: Vec<&str> = arguments.to_vec();
    all.extend(["--yes", "--kubeconfig", admin.to_str().unwrap()]);
    let output = run(&all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const OLD: [&str; 2] = ["-cipher", "ALL:@SECLEVEL=0"];
const CBC: [&str; 3] = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"];
const GCM: [&str; 3] =
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"];

#[test]
fn remedies_change_what_clients_of_the_gateway_see() {
    let mut world = platform();
    // As weak as istio-pilot's Gateway could be made.
    let tls = &mut world.get("Gateway", "kubeflow-gateway")["spec"]["servers"][0]["tls"];
    tls["minProtocolVersion"] = "TLSV1_0".into();
    tls["cipherSuites"] = json!([
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES128-GCM-SHA256"
    ]);
    let sandbox = cluster(&world);
    let gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
    let client = Client { gateway: &gateway };

    until("HTTPS is served", || client.handshake(&["-tls1_3"]).is_some());
    let old = |version: &str| client.handshake(&[&[version][..], &OLD].concat());
    assert!(old("-tls1").is_some() && old("-tls1_1").is_some(), "{:?}", old("-tls1_1"));
    assert!(client.handshake(&CBC).is_some() && client.handshake(&GCM).is_some());
    assert_eq!(client.http(), None, "nothing listens for HTTP");
    assert!(!client.https().contains("strict-transport-security"));

    lead_to(&sandbox, &gateway.address().to_string());
    let pass = || ("pass".to_owned(), Vec::new());
    let begun = Instant::now();
    let report = look(&sandbox);
    println!("an audit took {:?}", begun.elapsed());
    let (is, weak) = shown(&report, "TLS-18");
    assert_eq!(is, "fail");
    assert_eq!(
        weak,
        [
            "TLS 1.0 ECDHE-ECDSA-AES128-SHA",
            "TLS 1.1 ECDHE-ECDSA-AES128-SHA",
            "TLS 1.2 ECDHE-ECDSA-AES128-SHA",
            "TLS 1.0",
            "TLS 1.1"
        ]
    );
    for id in ["TLS-17", "TLS-20"] {
        assert_eq!(shown(&report, id), pass(), "{id}");
    }
    // Without Juju no root is known that would verify what a private authority signed.
    assert_eq!(shown(&report, "TLS-19").0, "not-assessed");

    command(&sandbox, &["apply", "tls-floor", "https-redirect", "hsts"]);
    let took = until("old versions are refused", || old("-tls1_1").is_none());
    println!("the floor was seen {took:?} after it was applied");
    assert_eq!(old("-tls1"), None);
    let modern = client.handshake(&GCM).unwrap();
    assert!(modern.starts_with("TLSv1.2") && modern.ends_with("GCM-SHA256"), "{modern}");
    assert!(client.handshake(&["-tls1_3"]).unwrap().starts_with("TLSv1.3"));
    until("HTTP is redirected", || client.http().is_some());
    let answer = client.http().unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 301"), "{answer}");
    assert!(answer.contains("location: https://kubeflow.example.com/pipeline"), "{answer}");
    until("HSTS is sent", || {
        client.https().contains("strict-transport-security: max-age=31536000")
    });

    let report = look(&sandbox);
    assert_eq!(
        shown(&report, "TLS-18"),
        ("fail".into(), vec!["TLS 1.2 ECDHE-ECDSA-AES128-SHA".into()]),
        "the Gateway's own suite stays"
    );
    assert_eq!(shown(&report, "TLS-20"), pass());

    // A user weakens the filter; it is restored.
    patch_floor(&sandbox, &json!([{"op": "remove", "path": "/spec/configPatches/0"}]));
    until("the tampering is seen", || old("-tls1_1").is_some());
    command(&sandbox, &["apply", "tls-floor", "https-redirect", "hsts"]);
    let took = until("it is restored", || old("-tls1_1").is_none());
    println!("the repair was seen {took:?} after it was applied");

    // Envoy adds a filter's suites to those of the Gateway, so weak ones of that stay; the
    // The audit reports it: only the owner of the Gateway can fix it.
    assert!(client.handshake(&CBC).is_some());
    let admin = sandbox.kubeconfig("admin");
    let report = audit(&["--kubeconfig".as_ref(), admin.as_ref()]);
    let finding = &control(&report, "TLS-11")["findings"][0];
    assert_eq!(finding["object"]["name"], "kubeflow-gateway");
    assert_eq!(finding["seen"], "ECDHE-ECDSA-AES128-SHA");
    let as_istio_pilot_does = platform().get("Gateway", "kubeflow-gateway").clone();
    sandbox.loader().unwrap().load(&[as_istio_pilot_does]).unwrap();
    until("weak suites are refused", || client.handshake(&CBC).is_none());
    assert!(client.handshake(&GCM).is_some());
    let report = look(&sandbox);
    assert_eq!(verdict(&report, "TLS-11"), "pass");

    assert_eq!(shown(&report, "TLS-18"), pass());

    // A stricter floor.
    command(&sandbox, &["apply", "--tls-min-version", "1.3"]);
    until("TLS 1.2 is refused", || client.handshake(&GCM).is_none());
    assert!(client.handshake(&["-tls1_3"]).is_some());

    command(&sandbox, &["undo", "tls-floor", "https-redirect", "hsts"]);
    until("TLS 1.2 is served again", || client.handshake(&GCM).is_some());
    until("HTTP is closed", || client.http().is_none());
    until("HSTS is not sent", || !client.https().contains("strict-transport-security"));
    no_configuration_was_refused(&gateway);
}

#[test]
fn login_guards_the_gateway_and_its_redirect() {
    let mut world = World::hardened("1.10");
    world.remove("Gateway", "ckf-hardening-https-redirect");
    let sandbox = cluster(&world);
    let gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
    lead_to(&sandbox, &gateway.address().to_string());
    command(&sandbox, &["apply", "tls-floor", "https-redirect"]);
    let http = |path: &str, cookie: &str| {
        let answer = gateway.http_at(path, cookie).unwrap().unwrap_or_default();
        let location = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location").then_some(value)
        });
        (answer.get(9..12).map(str::to_owned), location.map(str::to_owned))
    };
    let led = |status: &str, to: &str| (Some(status.to_owned()), Some(to.to_owned()));
    let login = "/dex/auth?client_id=authservice-oidc&response_type=code";
    until("login answers", || http("/pipeline", "") == led("302", login));
    // Login is over HTTPS, and so is what a session asks for.
    let secure = format!("https://kubeflow.example.com{login}");
    assert_eq!(http(login, ""), led("301", &secure));
    let secure = "https://kubeflow.example.com/pipeline";
    assert_eq!(http("/pipeline", kube_sandbox::SESSION), led("301", secure));
    let report = look(&sandbox);
    assert_eq!(shown(&report, "TLS-20"), ("pass".to_owned(), Vec::new()));
    // HTTPS itself is not opened by what we added.
    let answer = gateway.https().unwrap();
    assert!(answer.contains("HTTP/1.1 302 Found"), "{answer}");
    let answer = gateway.https_with(kube_sandbox::SESSION).unwrap();
    assert!(answer.contains("HTTP/1.1 503"), "nothing is behind it: {answer}");
    no_configuration_was_refused(&gateway);
}

/// The filter chains of a listener that Envoy runs, by the names that they are for.
fn chains(gateway: &IngressGateway, port: u16) -> Vec<(Vec<String>, String)> {
    let dump = admin(gateway, "/config_dump?resource=dynamic_listeners");
    let names = |chain: &Value| -> Vec<String> {
        let names = chain["filter_chain_match"]["server_names"].as_array();
        let names = names.into_iter().flatten();
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let listeners = dump["configs"].as_array().unwrap().iter();
    listeners
        .map(|listener| &listener["active_state"]["listener"])
        .filter(|listener| listener["address"]["socket_address"]["port_value"] == port)
        .flat_map(|listener| listener["filter_chains"].as_array().unwrap())
        .map(|chain| {
            let socket = chain["transport_socket"]["name"].as_str();
            (names(chain), socket.unwrap_or_default().to_owned())
        })
        .collect()
}

/// A user has connections passed through on the platform's own listener: the floor stays on
/// what ends TLS there, and what is passed through has none.
#[test]
fn tls_floor_holds_beside_passthrough() {
    let sandbox = cluster(&platform());
    let gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
    let client = Client { gateway: &gateway };
    until("HTTPS is served", || client.handshake(&GCM).is_some());
    let passed = "db.team-a.example.com";
    let others = [
        object(
            "networking.istio.io/v1beta1",
            "Gateway",
            "team-a",
            "mine",
            json!({"spec": {
            "selector": {"istio": "ingressgateway"}, "servers": [{"hosts": ["*.team-a.example.com"],
                "port": {"name": "tls-mine", "number": 8443, "protocol": "TLS"}, "tls": {"mode": "PASSTHROUGH"}}]}}),
        ),
        object(
            "networking.istio.io/v1beta1",
            "VirtualService",
            "team-a",
            "mine",
            json!({"spec": {
            "hosts": [passed], "gateways": ["mine"], "tls": [{"match": [{"port": 8443, "sniHosts": [passed]}],
                "route": [{"destination": {"host": "dex-auth.kubeflow.svc.cluster.local", "port": {"number": 5556}}}]}]}}),
        ),
    ];
    sandbox.loader().unwrap().load(&others).unwrap();
    let is_of = |name: &'static str| move |(names, _): &(Vec<String>, String)| names == &[name];
    until("it is passed through", || chains(&gateway, 8443).iter().any(is_of(passed)));
    command(&sandbox, &["apply", "tls-floor", "--tls-min-version", "1.3"]);
    until("TLS 1.2 is refused", || client.handshake(&GCM).is_none());
    assert!(client.handshake(&["-tls1_3"]).is_some());
    let all = chains(&gateway, 8443);
    let (_, socket) = all.iter().find(|chain| is_of(passed)(chain)).unwrap();
    assert_eq!(socket, "envoy.transport_sockets.raw_buffer", "{all:?}");
    no_configuration_was_refused(&gateway);

    // A Gateway for one name has a filter chain that is matched by it, and no other is touched.
    let mut named = platform();
    let gateway_of_platform = named.get("Gateway", "kubeflow-gateway");
    gateway_of_platform["spec"]["servers"][0]["hosts"] = json!(["kubeflow.example.com"]);
    let gateway_of_platform = gateway_of_platform.clone();
    sandbox.loader().unwrap().load(&[gateway_of_platform]).unwrap();
    command(&sandbox, &["apply", "tls-floor", "--tls-min-version", "1.3"]);
    until("the platform's chain is for its name", || {
        chains(&gateway, 8443).iter().any(is_of("kubeflow.example.com"))
    });
    until("TLS 1.2 is refused by name", || {
        client.handshake(&GCM).is_none() && client.handshake(&["-tls1_3"]).is_some()
    });
    let all = chains(&gateway, 8443);
    let (_, socket) = all.iter().find(|chain| is_of(passed)(chain)).unwrap();
    assert_eq!(socket, "", "{all:?}");
    let report = audit(&["--kubeconfig".as_ref(), sandbox.kubeconfig("admin").as_ref()]);
    assert_eq!(verdict(&report, "TLS-10"), "pass");
    no_configuration_was_refused(&gateway);
}

/// What Envoy's administration answers.
fn admin(gateway: &IngressGateway, path: &str) -> Value {
    ckf_hardening::tls::install_provider();
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}{path}", gateway.admin());
    let answer = client.get(url).send().unwrap().text().unwrap();
    serde_json::from_str(&answer).unwrap()
}

/// Envoy counts what it is given and refuses.
fn no_configuration_was_refused(gateway: &IngressGateway) {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.admin())).unwrap();
    stream
        .write_all(b"GET /stats?filter=update_rejected&format=json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let json = &answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()];
    let stats: Value = serde_json::from_str(json).unwrap();
    let stats = stats["stats"].as_array().unwrap();
    assert!(
        stats.iter().any(|stat| stat["name"] == "listener_manager.lds.update_rejected"),
        "{stats:?}"
    );
    for stat in stats {
        assert_eq!(stat["value"], 0, "{stat}");
    }
}

/// Knative's operator makes a Gateway for port 80 on the same pods, again and again.
#[test]
fn http_is_redirected_beside_knative() {
    let mut world = World::hardened("1.10");
    world.remove("Gateway", "ckf-hardening-https-redirect");
    world.remove("EnvoyFilter", "istio-pilot-authn-filter");
    // Istio maps port 80 to the Service's target, for which a gateway needs endpoints.
    world.get("Gateway", "knative-ingress-gateway")["spec"]["servers"][0]["port"]["number"] =
        8080.into();
    let route = |name: &str, host: &str, gateway: &str| {
        object(
            "networking.istio.io/v1beta1",
            "VirtualService",
            "team-a",
            name,
            json!({"spec": {"hosts": [host], "gateways": [gateway],
                "http": [{"match": [{"uri": {"prefix": format!("/{name}")}}],
                    "directResponse": {"status": 200, "body": {"string": name}}}]}}),
        )
    };
    world.objects.extend([
        route("all", "*", "knative-serving/knative-ingress-gateway"),
        route("host", "kubeflow.example.com", "knative-serving/knative-ingress-gateway"),
    ]);
    let sandbox = cluster(&world);
    let gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
    lead_to(&sandbox, &gateway.address().to_string());
    let status = |path: &str| {
        let answer = gateway.http_at(path, "").unwrap().unwrap_or_default();
        answer.get(9..12).map(str::to_owned)
    };
    until("routes are served", || status("/host") == Some("200".into()));
    let answer =
        |path: &str| gateway.http_at(path, "").unwrap().unwrap_or_default().to_ascii_lowercase();
    assert_eq!(shown(&look(&sandbox), "TLS-02").0, "fail");

    // Plain HTTP of models is not cut without consent.
    let admin = sandbox.kubeconfig("admin");
    let plan = run(&["plan", "https-redirect", "--kubeconfig", admin.to_str().unwrap()]);
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("is held back: it would break: VirtualService team-a/all"), "{plan}");
    command(&sandbox, &["apply", "https-redirect", "--allow-disruption"]);
    until("a host of its own is redirected", || status("/host") == Some("301".into()));
    assert!(answer("/host").contains("location: https://kubeflow.example.com/host"));
    assert_eq!(status("/x"), Some("301".into()));
    let report = look(&sandbox);
    assert_eq!(shown(&report, "TLS-02"), ("pass".to_owned(), Vec::new()));
    assert_eq!(shown(&report, "TLS-20"), ("pass".to_owned(), Vec::new()));

    command(&sandbox, &["undo", "https-redirect"]);
    until("routes are served again", || status("/host") == Some("200".into()));
    no_configuration_was_refused(&gateway);
}
