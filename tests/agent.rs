//! The agent beside a real API server: it sees what changes, tells it, and puts right what
//! is enforced while its unit leads.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ckf_worlds::World;
use juju_sim::{Event, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent.
struct Agent {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Agent {
    fn start(sandbox: &Sandbox, told: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("127.0.0.1:{port}");
        tell(folder.path(), told);
        let child = Command::new(env!("CARGO_BIN_EXE_ckf-hardening"))
            .args(["serve", "--listen", &address, "--told"])
            .arg(folder.path())
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(std::fs::File::create(folder.path().join("events")).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let agent = Self {
            child,
            address,
            folder,
        };
        until("the first audit", || agent.get("/api/v1/report").0 == 200);
        agent
    }

    fn tell(&self, told: &Value) {
        tell(self.folder.path(), told);
    }

    /// Status, headers and body.
    fn get(&self, path: &str) -> (u16, String, String) {
        let Ok(mut stream) = TcpStream::connect(&self.address) else {
            return (0, String::new(), String::new());
        };
        write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (
            status.unwrap_or(0),
            head.to_ascii_lowercase(),
            body.to_owned(),
        )
    }

    fn report(&self) -> Value {
        serde_json::from_str(&self.get("/api/v1/report").2).unwrap()
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").2;
        let line = text.lines().find(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        let line = line.unwrap_or_else(|| panic!("no metric {name} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("events")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Ends it as Pebble does, and returns how long that took.
    fn end(mut self) -> Duration {
        let started = Instant::now();
        let status = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(status.unwrap().success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}");
        started.elapsed()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tell(folder: &Path, told: &Value) {
    let part = folder.join("told.part");
    std::fs::write(&part, told.to_string()).unwrap();
    std::fs::rename(part, folder.join("told.json")).unwrap();
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
    started.elapsed()
}

fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.kubectl(arguments).unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn promtool() -> PathBuf {
    debian_programs::program("prometheus", "promtool").unwrap()
}

/// Runs promtool with text on its standard input.
fn check_metrics(text: &str) -> String {
    let mut child = Command::new(promtool())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{told}");
    told
}

#[test]
fn it_tells_what_an_audit_tells_and_what_changes_at_once() {
    let sandbox = support::cluster(&World::stock("1.10"));
    let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
    let (status, headers, body) = agent.get("/healthz");
    assert_eq!((status, body.as_str()), (200, "ok\n"), "{headers}");

    // The same verdicts as an audit from a laptop, but for the handshake's.
    let kubeconfig = sandbox.kubeconfig("admin");
    let audited = support::audit(&["--kubeconfig".as_ref(), kubeconfig.as_ref()]);
    let verdicts = |report: &Value| -> Vec<(String, String)> {
        let controls = report["controls"].as_array().unwrap().iter();
        let told =
            controls.map(|control| (control["id"].to_string(), control["verdict"].to_string()));
        told.collect()
    };
    until("the same verdicts", || {
        verdicts(&agent.report()) == verdicts(&audited)
    });
    let judged = agent.metric("ckf_hardening_judged_controls_total");

    // Somebody listens.
    let mut listener = TcpStream::connect(&agent.address).unwrap();
    write!(listener, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(listener).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.starts_with(": listening")));

    let label = "pod-security.kubernetes.io/enforce=baseline";
    kubectl(
        &sandbox,
        &["label", "--overwrite", "namespace", "admin", label],
    );
    let took = until("the new verdict", || {
        support::verdict(&agent.report(), "PSS-01") == "pass"
    });
    assert!(took < Duration::from_secs(5), "{took:?}");
    let event = lines.find(|line| line.contains("PSS-01")).unwrap();
    let event: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(event["event"], "sensitive_update:PSS-01");
    assert_eq!(event["appid"], "ckf-hardening");
    // Only what consulted namespaces was judged again.
    let again = agent.metric("ckf_hardening_judged_controls_total") - judged;
    assert!((1.0..60.0).contains(&again), "{again}");

    let told = check_metrics(&agent.get("/metrics").2);
    assert_eq!(told, "");
    assert_eq!(agent.metric("ckf_hardening_leads"), 0.0);
    assert_eq!(agent.metric("ckf_hardening_unread_kinds"), 0.0);

    let (status, headers, page) = agent.get("/");
    assert_eq!(status, 200);
    assert!(
        headers.contains("content-security-policy: default-src 'none'"),
        "{headers}"
    );
    assert!(page.contains("controls could be assessed"), "{page}");
    assert_eq!(agent.get("/nothing").0, 404);
    let took = agent.end();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

fn hardened() -> Sandbox {
    let mut world = World::hardened("1.11");
    world.remove("Gateway", "ckf-hardening-https-redirect");
    support::cluster(&world)
}

fn floor(sandbox: &Sandbox) -> Option<String> {
    let path = "jsonpath={.spec.configPatches[0].patch.value.transport_socket.typed_config.common_tls_context.tls_params.tls_minimum_protocol_version}";
    let arguments = [
        "get",
        "envoyfilter",
        "-n",
        "kubeflow",
        "ckf-hardening-tls-floor",
        "-o",
        path,
    ];
    let output = sandbox.kubectl(&arguments).unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn what_is_enforced_is_put_right_at_once_while_it_leads_and_not_for_ever() {
    let sandbox = hardened();
    let options = json!({"enforce": "tls-floor,https-redirect"});
    let mut told = json!({"namespace": "kubeflow", "leads": false, "options": options});
    let agent = Agent::start(&sandbox, &told);
    // A unit that stands by changes nothing.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(floor(&sandbox), None);
    told["leads"] = true.into();
    agent.tell(&told);
    until("the floor", || {
        floor(&sandbox).as_deref() == Some("TLSv1_2")
    });
    until("the redirect", || {
        let arguments = [
            "get",
            "gateway.networking.istio.io",
            "-n",
            "kubeflow",
            "ckf-hardening-https-redirect",
        ];
        sandbox.kubectl(&arguments).unwrap().status.success()
    });

    let weaken = |version: &str| {
        let patch = json!([{"op": "replace",
            "path": "/spec/configPatches/0/patch/value/transport_socket/typed_config/common_tls_context/tls_params/tls_minimum_protocol_version",
            "value": version}]);
        kubectl(
            &sandbox,
            &[
                "patch",
                "envoyfilter",
                "-n",
                "kubeflow",
                "ckf-hardening-tls-floor",
                "--type=json",
                "-p",
                &patch.to_string(),
            ],
        );
    };
    let repairs = || agent.metric("ckf_hardening_repairs_total");
    let before = repairs();
    let mut times = Vec::new();
    for version in ["TLSv1_0", "TLSv1_1"] {
        weaken(version);
        times.push(until("the floor again", || {
            floor(&sandbox).as_deref() == Some("TLSv1_2")
        }));
    }
    kubectl(
        &sandbox,
        &[
            "delete",
            "envoyfilter",
            "-n",
            "kubeflow",
            "ckf-hardening-tls-floor",
        ],
    );
    times.push(until("the floor again", || {
        floor(&sandbox).as_deref() == Some("TLSv1_2")
    }));
    eprintln!("from the write of a drift, with kubectl around, to its repair: {times:?}");
    until("the count", || repairs() >= before + 3.0);
    let told_of = agent.events();
    assert!(
        told_of.iter().any(|event| {
            event["event"]
                == "sensitive_update:ckf-hardening,EnvoyFilter kubeflow/ckf-hardening-tls-floor"
        }),
        "{told_of:?}"
    );

    // Somebody who keeps undoing it wins, and everybody is told.
    let deadline = Instant::now() + PATIENCE;
    while agent.metric("ckf_hardening_repairs_given_up") < 1.0 {
        assert!(Instant::now() < deadline, "it never gave up");
        if floor(&sandbox).as_deref() == Some("TLSv1_2") {
            weaken("TLSv1_0");
        }
    }
    assert_eq!(floor(&sandbox).as_deref(), Some("TLSv1_0"));
    // A control that fails meanwhile is told of as loudly.
    until("the alarm", || {
        agent.events().iter().any(|event| {
            let description = event["description"].as_str().unwrap();
            event["level"] == "CRITICAL" && description.contains("keeps undoing it")
        })
    });
}

#[test]
fn what_the_charm_tells_is_judged_and_what_is_damaged_is_left_alone() {
    let sandbox = support::cluster(&World::stock("1.10"));
    let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
    assert_eq!(support::verdict(&agent.report(), "IMG-11"), "not-assessed");
    let head = json!({"known": {"revision": 650, "resources": {}}});
    let facts = json!({
        "juju": {"known": {"applications": {"known": [{"name": "dex-auth", "charm": "dex-auth",
            "revision": 612, "channel": "2.41/stable", "base": "24.04"}]}}},
        "charmhub": {"known": {"heads": {"dex-auth 2.41/stable 24.04": head}}},
    });
    let credentials = json!({"dex": {"rotated": "2026-11-01T00:00:00Z", "due": "2027-01-30T00:00:00Z", "failed": true}});
    let told = json!({"namespace": "kubeflow", "facts": facts, "credentials": credentials,
        "options": {"profile": "strict", "policy": "waivers: 7"}});
    agent.tell(&told);
    until("what Charmhub has", || {
        support::verdict(&agent.report(), "IMG-11") == "fail"
    });
    let report = agent.report();
    assert!(
        report["problems"][0]
            .as_str()
            .unwrap()
            .starts_with("option policy"),
        "{report}"
    );
    assert_eq!(
        agent.metric("ckf_hardening_credential_rotation_failed{credential=\"dex\"}"),
        1.0
    );
    assert_eq!(agent.metric("ckf_hardening_images{state=\"newer\"}"), 1.0);
    // What only the policy's own controls are about is read too.
    let own = "controls: [{id: ORG-01, title: t, severity: low, why: w, fix: f, apiVersion: apps/v1, \
        kind: Deployment, expression: has(object.spec.nowhere)}]";
    let mut with_own = told.clone();
    with_own["options"]["policy"] = own.into();
    agent.tell(&with_own);
    until("the control of the policy", || {
        let report = agent.report();
        let controls = report["controls"].as_array().unwrap();
        controls
            .iter()
            .any(|control| control["id"] == "ORG-01" && control["verdict"] == "fail")
    });
    agent.tell(&told);
    until("the policy of before", || {
        agent.report()["controls"].as_array().unwrap().len() == 120
    });
    std::fs::write(agent.folder.path().join("told.json"), "{\"leads\": tru").unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(support::verdict(&agent.report(), "IMG-11"), "fail");

    // A rotation is told as such.
    let mut rotated = told.clone();
    rotated["credentials"]["dex"]["rotated"] = "2026-11-02T00:00:00Z".into();
    agent.tell(&rotated);
    until("the event", || {
        agent
            .events()
            .iter()
            .any(|event| event["event"] == "authn_password_change:dex")
    });
}

/// The charm of the agent's pod, with the files of this project.
fn charm(sandbox: &Sandbox, agent: &Agent) -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, env!("CARGO_BIN_EXE_ckf-hardening").as_ref()).unwrap();
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    unit.environment
        .insert("CKF_HARDENING_AGENT".into(), (&agent.address).into());
    let pebble = unit.start_pebble("hardening", &[]);
    pebble
        .mount("/var/lib/ckf-hardening", agent.folder.path())
        .unwrap();
    unit.change(|model| {
        let peers = juju_sim::Relation::new(1, "peers", "ckf-hardening", 0);
        model.relations.push(peers);
    });
    unit.set_option("offline", true);
    unit
}

/// Has the last audit be long ago.
fn age(unit: &mut Simulation) {
    unit.change(|model| {
        let memory = model.state.get_mut("memory").unwrap();
        let mut told: Value = serde_json::from_str(memory).unwrap();
        told["audit"]["at"] = "2026-01-01T00:00:00Z".into();
        *memory = told.to_string();
    });
}

#[test]
fn a_hook_takes_what_the_agent_found_and_lists_nothing_itself() {
    let sandbox = support::cluster(&World::stock("1.10"));
    let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
    let mut unit = charm(&sandbox, &agent);
    let fire = |unit: &mut Simulation, event: &Event| {
        let outcome = unit.run(event);
        assert!(outcome.committed(), "{outcome:?}");
        outcome
    };
    fire(&mut unit, &Event::hook("config-changed"));
    fire(&mut unit, &Event::pebble_ready("hardening"));
    let status = unit.model().status.message.clone();
    assert!(status.contains("1 critical, 4 high open"), "{status}");

    // From here on the charm could not read the cluster if it wanted to.
    let took = "the agent's report is taken";
    unit.environment
        .insert("KUBECONFIG".into(), "/nowhere".into());
    age(&mut unit);
    let outcome = fire(&mut unit, &Event::hook("update-status"));
    let logged = format!("{:?}", outcome.calls);
    assert!(logged.contains(took), "{logged}");
    assert_eq!(unit.model().status.message, status);
    let at = |unit: &Simulation| {
        let memory: Value = serde_json::from_str(&unit.model().state["memory"]).unwrap();
        memory["audit"]["at"].as_str().unwrap().to_owned()
    };
    assert_ne!(at(&unit), "2026-01-01T00:00:00Z");
    // Which images run is on record, as the agent noted it.
    let databag = unit.model().relation(1).unwrap().application_data["rocks"].clone();
    assert!(
        databag.contains("kubeflow") || databag.contains("sha256:"),
        "{databag}"
    );

    // What changes in the cluster is in the next status.
    let delete = [
        "delete",
        "envoyfilter",
        "-n",
        "kubeflow",
        "istio-pilot-authn-filter",
    ];
    assert!(sandbox.kubectl(&delete).unwrap().status.success());
    until("the agent sees it", || {
        agent.report().to_string().contains("EnvoyFilter")
            && support::verdict(&agent.report(), "AUTHN-01") == "fail"
    });
    age(&mut unit);
    fire(&mut unit, &Event::hook("update-status"));
    let status = unit.model().status.message.clone();
    assert!(status.contains("3 critical"), "{status}");

    // Other options are judged by a hook of its own, which tells the agent.
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    unit.set_option("block-on", "never");
    unit.set_option("profile", "strict");
    let outcome = fire(&mut unit, &Event::hook("config-changed"));
    assert!(!format!("{:?}", outcome.calls).contains(took));

    // Without the agent the charm reads for itself.
    agent.end();
    age(&mut unit);
    let outcome = fire(&mut unit, &Event::hook("update-status"));
    assert!(!format!("{:?}", outcome.calls).contains(took));
    assert_ne!(at(&unit), "2026-01-01T00:00:00Z");
}

#[test]
fn its_pages_are_served_over_tls_and_a_renewed_certificate_too() {
    let sandbox = support::cluster(&World::stock("1.10"));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |host: &str| {
        let pair = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        std::fs::write(path("tls.key"), pair.signing_key.serialize_pem()).unwrap();
        std::fs::write(path("tls.crt"), pair.cert.pem()).unwrap();
    };
    write("first.example.com");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let serve = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ckf-hardening"));
        command
            .args([
                "serve",
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--kubeconfig",
            ])
            .arg(sandbox.kubeconfig("admin"))
            .arg("--tls-certificate")
            .arg(path("tls.crt"))
            .args(more)
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(Stdio::null());
        command
    };
    let key = path("tls.key");
    let mut agent = serve(&["--tls-key", key.to_str().unwrap()])
        .spawn()
        .unwrap();
    ckf_hardening::tls::install_provider();
    let ask = |path: &str, host: &str, trusted: &Path| -> Option<String> {
        let pem = std::fs::read(trusted).unwrap();
        let client = reqwest::blocking::Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).unwrap())
            .resolve(host, SocketAddr::from(([127, 0, 0, 1], port)))
            .no_proxy()
            .timeout(Duration::from_secs(5));
        let answer = client
            .build()
            .unwrap()
            .get(format!("https://{host}:{port}{path}"));
        answer.send().ok()?.text().ok()
    };
    let get = |path: &str, host: &str, trusted: &Path| ask(path, host, trusted).unwrap_or_default();
    until("the first audit over TLS", || {
        get("/api/v1/report", "first.example.com", &path("tls.crt"))
            .contains("ckf-hardening/report")
    });
    // A client that never says a word keeps nobody waiting.
    let _silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(
        get("/healthz", "first.example.com", &path("tls.crt")),
        "ok\n"
    );
    write("second.example.com");
    until("the renewed certificate is served", || {
        get("/healthz", "second.example.com", &path("tls.crt")) == "ok\n"
    });
    // One that is damaged is not served.
    std::fs::copy(path("tls.crt"), path("good.crt")).unwrap();
    std::fs::write(path("tls.crt"), "damaged").unwrap();
    assert_eq!(
        get("/healthz", "second.example.com", &path("good.crt")),
        "ok\n"
    );
    let _ = agent.kill();
    let _ = agent.wait();

    let refused = serve(&["--tls-key", key.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("tls.crt"));
    assert_eq!(serve(&[]).output().unwrap().status.code(), Some(2));
}
