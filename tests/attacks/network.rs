//! Who reaches the agent's port: any pod of the cluster, and the browser of a user whose laptop
//! runs it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ckf_worlds::World;
use kube_sandbox::Sandbox;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;

use ckf_test_support::agent::{Agent, connect_from, floor, hardened, kubectl, until};

/// This test holds thousands of connections itself.
fn raise_own_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Kilobytes of memory that a process has, and its descriptors.
fn cost(agent: &Agent) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = line.unwrap().split_whitespace().next().unwrap();
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", agent.id())).unwrap();
    (resident.parse().unwrap(), descriptors.count())
}

/// The floor is removed: the time until it is back, and the longest that `/healthz` took to
/// answer meanwhile.
fn repaired(sandbox: &Sandbox, agent: &Agent) -> (Duration, Duration) {
    let delete = ["delete", "envoyfilter", "-n", "kubeflow", "ckf-hardening-tls-floor"];
    kubectl(sandbox, &delete);
    let started = Instant::now();
    let mut longest = Duration::ZERO;
    until("the floor again", || {
        let asked = Instant::now();
        let (status, _, body) = agent.get("/healthz");
        longest = longest.max(asked.elapsed());
        assert_eq!((status, body.as_str()), (200, "ok\n"));
        floor(sandbox).as_deref() == Some("TLSv1_2")
    });
    (started.elapsed(), longest)
}

#[test]
fn thousands_of_slow_connections_leave_repairs_and_health_working() {
    raise_own_descriptors();
    let sandbox = hardened();
    let options = json!({"enforce": "tls-floor"});
    let input = json!({"namespace": "kubeflow", "is-leader": true, "options": options,
        "publishes-report": true, "scraped": true});
    let agent = Agent::start_with_descriptors(&sandbox, &input, 1024);
    until("the floor", || floor(&sandbox).as_deref() == Some("TLSv1_2"));
    let before = cost(&agent);
    eprintln!(
        "at rest: {before:?} (kB, descriptors); repair and /healthz: {:?}",
        repaired(&sandbox, &agent)
    );

    for (what, bytes) in [("idle", ""), ("slow", "GET / HTTP/1.1\r\nHost: x\r\nX-A: ")] {
        // From this pod itself, from one peer, and from many.
        let held: Vec<TcpStream> = (0..3000)
            .filter_map(|number| {
                let source = match number % 3 {
                    0 => "127.0.0.1".to_owned(),
                    1 => "127.0.0.9".to_owned(),
                    _ => format!("127.0.{}.{}", 1 + number / 200, 1 + number % 200),
                };
                let mut stream = connect_from(&source, &agent.address).ok()?;
                // It may be closed already.
                let _ = stream.write_all(bytes.as_bytes());
                Some(stream)
            })
            .collect();
        assert!(held.len() > 2900, "{} could connect", held.len());
        let under = cost(&agent);
        let (repair, health) = repaired(&sandbox, &agent);
        eprintln!(
            "3,000 {what}: {under:?} (kB, descriptors); repair {repair:?}, /healthz {health:?}"
        );
        assert!(under.1 < 400, "{} descriptors", under.1);
        assert!(under.0 < before.0 + 20_000, "{} kB, {} before", under.0, before.0);
        assert!(repair < Duration::from_secs(10), "{repair:?}");
        assert!(health < Duration::from_secs(5), "{health:?}");
        // A deadline ends those that found room.
        let until = Instant::now() + Duration::from_secs(30);
        while cost(&agent).1 > before.1 + 16 {
            assert!(Instant::now() < until, "{} descriptors are held", cost(&agent).1);
            std::thread::sleep(Duration::from_millis(200));
        }
        drop(held);
    }
    let (status, _, metrics) = agent.get("/metrics");
    assert_eq!(status, 200);
    assert!(metrics.contains("ckf_hardening_control{"));
    assert_eq!(agent.metric("ckf_hardening_repair_failures_total"), 0.0);
}

/// A running pod that has an address of this machine.
fn pod(sandbox: &Sandbox, namespace: &str, name: &str, labels: serde_json::Value, address: &str) {
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "example.com/c@sha256:0"}]}});
    sandbox.kubectl_with(&["create", "-f", "-"], &pod.to_string()).unwrap();
    let status = json!({"status": {"phase": "Running", "podIP": address,
        "podIPs": [{"ip": address}]}});
    let patch =
        ["patch", "pod", "-n", namespace, name, "--subresource=status", "--type=merge", "-p"];
    kubectl(sandbox, &[&patch[..], &[&status.to_string()]].concat());
}

const SCRAPER: &str = "127.0.0.21";
const GATEWAY: &str = "127.0.0.22";
const TENANT: &str = "127.0.0.23";
const NOBODY: &str = "127.0.0.24";
/// Where Envoy's sidecar delivers everything from.
const ENVOY: &str = "127.0.0.6";
const HOST: &str = "Host: 127.0.0.1\r\n";
const LOGGED_IN: &str = "Host: kubeflow.example.com\r\nkubeflow-userid: user@example.com\r\n";

#[test]
fn findings_are_served_to_own_pod_scraper_and_login_only() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    pod(&sandbox, "kubeflow", "grafana-agent-k8s-0", json!({}), SCRAPER);
    pod(&sandbox, "kubeflow", "gateway-1", json!({"istio": "ingressgateway"}), GATEWAY);
    // A tenant may label pods at will.
    pod(&sandbox, "admin", "gateway-1", json!({"istio": "ingressgateway"}), TENANT);
    let mut input = json!({"namespace": "kubeflow",
        "credentials": {"minio": {"rotated": "2026-11-01T00:00:00Z"}}});
    let agent = Agent::start(&sandbox, &input);
    let paths = ["/", "/api/v1/report", "/api/v1/found", "/metrics"];
    let everybody = [SCRAPER, GATEWAY, TENANT, NOBODY, ENVOY];
    // Nothing but health until a way is related.
    for source in everybody {
        for path in paths {
            for headers in [HOST, LOGGED_IN] {
                let (status, _, body) = agent.get_from(source, path, headers);
                assert_eq!(status, 403, "{source} {path}: {body}");
            }
        }
        assert_eq!(agent.get_from(source, "/healthz", "Host: x\r\n").2, "ok\n");
    }

    input["publishes-report"] = true.into();
    input["scraped"] = true.into();
    agent.write_input(&input);
    until("the ways", || agent.get_from(NOBODY, "/metrics", HOST).0 == 200);
    // The scraper gets all, and no other client does.
    let all = agent.get_from(SCRAPER, "/metrics", HOST).2;
    for series in [
        "ckf_hardening_control{control=\"TLS-01\"",
        "ckf_hardening_credential_rotated_timestamp{credential=\"minio\"}",
        "ckf_hardening_images{",
    ] {
        assert!(all.contains(series), "the scraper lacks {series}");
    }
    for (source, headers) in [
        (GATEWAY, HOST),
        (GATEWAY, LOGGED_IN),
        (TENANT, HOST),
        (TENANT, LOGGED_IN),
        (NOBODY, HOST),
        (ENVOY, HOST),
    ] {
        let (status, _, sums) = agent.get_from(source, "/metrics", headers);
        assert_eq!(status, 200, "{source}");
        assert!(sums.contains("ckf_hardening_open_controls{severity=\"critical\"}"), "{sums}");
        for named in ["TLS-", "AUTHN-", "NET-", "minio", "section=", "certificate", "images"] {
            assert!(!sums.contains(named), "{source} is shown {named}:\n{sums}");
        }
    }
    // The page needs login, by the gateway itself.
    for path in ["/", "/api/v1/report"] {
        assert_eq!(agent.get_from(GATEWAY, path, LOGGED_IN).0, 200, "{path}");
        for (source, headers) in [
            (GATEWAY, HOST),
            (TENANT, LOGGED_IN),
            (NOBODY, LOGGED_IN),
            (ENVOY, LOGGED_IN),
            (SCRAPER, LOGGED_IN),
        ] {
            let (status, _, body) = agent.get_from(source, path, headers);
            assert_eq!(status, 403, "{source} {path}");
            assert!(!body.contains("TLS-01"), "{body}");
        }
    }
    for source in everybody {
        assert_eq!(agent.get_from(source, "/api/v1/found", LOGGED_IN).0, 403, "{source}");
    }
}

#[test]
fn page_of_another_site_reads_nothing_of_a_local_agent() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let input = json!({"namespace": "kubeflow", "publishes-report": true, "scraped": true});
    let agent = Agent::start(&sandbox, &input);
    for headers in [
        "Host: evil.example\r\n",
        "Host: evil.example:8090\r\n",
        "Host: localhost.evil.example\r\n",
        "Host: 127.0.0.1.evil.example\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
        "",
    ] {
        for path in ["/", "/api/v1/report", "/api/v1/events", "/metrics"] {
            let (status, _, body) = agent.get_from("127.0.0.1", path, headers);
            assert!(matches!(status, 421 | 400), "{headers:?} {path}: {status}");
            assert!(!body.contains("TLS-01"), "{headers:?} {path}");
        }
        let found = agent.get_from("127.0.0.1", "/api/v1/found", headers).0;
        assert!(matches!(found, 403 | 400), "{headers:?}: {found}");
    }
    for headers in [HOST, "Host: localhost:8090\r\n", "Host: [::1]\r\n"] {
        for path in ["/", "/api/v1/report", "/api/v1/found", "/metrics"] {
            assert_eq!(agent.get_from("127.0.0.1", path, headers).0, 200, "{headers:?} {path}");
        }
    }
}

#[test]
fn bodies_are_refused_and_listeners_are_few() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
    let send = |text: &str| {
        let mut stream = TcpStream::connect(&agent.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap();
        (stream, String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc", "413"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "405"),
        ("DELETE /api/v1/report HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
    ] {
        let (_, answer) = send(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
    let listen = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let held: Vec<_> = (0..16).map(|_| send(listen)).collect();
    assert!(held.iter().all(|(_, answer)| answer.starts_with("HTTP/1.1 200")));
    let (_, answer) = send(listen);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    drop(held);
    until("room for another", || send(listen).1.starts_with("HTTP/1.1 200"));
    // Headers without end are refused as well.
    let (_, answer) = send(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(20_000)));
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}
