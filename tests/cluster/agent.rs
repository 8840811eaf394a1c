//! The agent beside a real API server: it sees what changes, reports it, and fixes what
//! is enforced while its unit leads.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ckf_hardening::catalog;
use ckf_hardening::report::Report;
use ckf_test_support::agent::{
    Agent, PATIENCE, Stall, floor, hardened, kubectl, patch_floor, until,
};
use ckf_test_support::binary;
use ckf_worlds::World;
use juju_sim::{Event, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

fn promtool() -> PathBuf {
    test_programs::debian::program("prometheus", "promtool").unwrap()
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
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text_of_both = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text_of_both}");
    text_of_both
}

#[test]
fn agent_report_matches_audit_and_follows_changes_at_once() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
    let (status, headers, body) = agent.get("/healthz");
    assert_eq!((status, body.as_str()), (200, "ok\n"), "{headers}");

    // The same verdicts as an audit from a laptop, but for the handshake's.
    let kubeconfig = sandbox.kubeconfig("admin");
    let audited = ckf_test_support::audit(&["--kubeconfig".as_ref(), kubeconfig.as_ref()]);
    let verdicts = |report: &Value| -> Vec<(String, String)> {
        let controls = report["controls"].as_array().unwrap().iter();
        let pairs =
            controls.map(|control| (control["id"].to_string(), control["verdict"].to_string()));
        pairs.collect()
    };
    until("the same verdicts", || verdicts(&agent.report()) == verdicts(&audited));
    let assessed = agent.metric("ckf_hardening_assessed_controls_total");

    // A client listens.
    let mut listener = TcpStream::connect(&agent.address).unwrap();
    write!(listener, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(listener).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.starts_with(": listening")));

    let label = "pod-security.kubernetes.io/enforce=baseline";
    kubectl(&sandbox, &["label", "--overwrite", "namespace", "admin", label]);
    let took =
        until("the new verdict", || ckf_test_support::verdict(&agent.report(), "PSS-01") == "pass");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let event = lines.find(|line| line.contains("PSS-01")).unwrap();
    let event: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(event["event"], "sensitive_update:PSS-01");
    assert_eq!(event["appid"], "ckf-hardening");
    // Only what consulted namespaces was assessed again.
    let again = agent.metric("ckf_hardening_assessed_controls_total") - assessed;
    assert!((1.0..60.0).contains(&again), "{again}");

    let warnings = check_metrics(&agent.get("/metrics").2);
    assert_eq!(warnings, "");
    assert_eq!(agent.metric("ckf_hardening_leads"), 0.0);
    assert_eq!(agent.metric("ckf_hardening_unread_kinds"), 0.0);

    let (status, headers, page) = agent.get("/");
    assert_eq!(status, 200);
    assert!(headers.contains("content-security-policy: default-src 'none'"), "{headers}");
    assert!(page.contains("controls assessed."), "{page}");
    assert_eq!(agent.get("/nothing").0, 404);
    let took = agent.end();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn drift_is_reverted_at_once_by_leader_and_with_back_off() {
    let sandbox = hardened();
    let options = json!({"enforce": "tls-floor,https-redirect"});
    let mut input = json!({"namespace": "kubeflow", "is-leader": false, "options": options});
    let agent = Agent::start(&sandbox, &input);
    // A unit that stands by changes nothing.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(floor(&sandbox), None);
    input["is-leader"] = true.into();
    agent.write_input(&input);
    until("the floor", || floor(&sandbox).as_deref() == Some("TLSv1_2"));
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
        patch_floor(&sandbox, &patch);
    };
    let repairs = || agent.metric("ckf_hardening_repairs_total");
    let before = repairs();
    let mut times = Vec::new();
    for version in ["TLSv1_0", "TLSv1_1"] {
        weaken(version);
        times.push(until("the floor again", || floor(&sandbox).as_deref() == Some("TLSv1_2")));
    }
    kubectl(&sandbox, &["delete", "envoyfilter", "-n", "kubeflow", "ckf-hardening-tls-floor"]);
    times.push(until("the floor again", || floor(&sandbox).as_deref() == Some("TLSv1_2")));
    eprintln!("from the write of a drift, with kubectl around, to its repair: {times:?}");
    until("the count", || repairs() >= before + 3.0);
    let events = agent.events();
    assert!(
        events.iter().any(|event| {
            event["event"]
                == "sensitive_update:ckf-hardening,EnvoyFilter kubeflow/ckf-hardening-tls-floor"
        }),
        "{events:?}"
    );

    // A client that keeps undoing it wins, and an alert says so.
    let deadline = Instant::now() + PATIENCE;
    while agent.metric("ckf_hardening_repairs_given_up") < 1.0 {
        assert!(Instant::now() < deadline, "it never gave up");
        if floor(&sandbox).as_deref() == Some("TLSv1_2") {
            weaken("TLSv1_0");
        }
    }
    assert_eq!(floor(&sandbox).as_deref(), Some("TLSv1_0"));
    // A control that fails meanwhile raises an alert too.
    until("the alarm", || {
        agent.events().iter().any(|event| {
            let description = event["description"].as_str().unwrap();
            event["level"] == "CRITICAL" && description.contains("keeps undoing it")
        })
    });
}

#[test]
fn charm_facts_are_assessed_and_damaged_input_is_ignored() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
    assert_eq!(ckf_test_support::verdict(&agent.report(), "IMG-11"), "not-assessed");
    let head = json!({"known": {"revision": 650, "resources": {}}});
    let facts = json!({
        "juju": {"known": {"applications": {"known": [{"name": "dex-auth", "charm": "dex-auth",
            "revision": 612, "channel": "2.41/stable", "base": "24.04"}]}}},
        "charmhub": {"known": {"heads": {"dex-auth 2.41/stable 24.04": head}}},
    });
    let credentials = json!({"dex": {"rotated": "2026-11-01T00:00:00Z", "due": "2027-01-30T00:00:00Z", "failed": true}});
    let input = json!({"namespace": "kubeflow", "facts": facts, "credentials": credentials,
        "options": {"profile": "strict", "policy": "waivers: 7"}});
    agent.write_input(&input);
    until("what Charmhub has", || ckf_test_support::verdict(&agent.report(), "IMG-11") == "fail");
    let report = agent.report();
    assert!(report["problems"][0].as_str().unwrap().starts_with("option policy"), "{report}");
    assert_eq!(agent.metric("ckf_hardening_credential_rotation_failed{credential=\"dex\"}"), 1.0);
    assert_eq!(agent.metric("ckf_hardening_images{state=\"newer\"}"), 1.0);
    // What only the policy's own controls are about is read too.
    let own = "controls: [{id: ORG-01, title: t, severity: low, why: w, fix: f, apiVersion: apps/v1, \
        kind: Deployment, expression: has(object.spec.nowhere)}]";
    let mut with_own = input.clone();
    with_own["options"]["policy"] = own.into();
    agent.write_input(&with_own);
    until("the control of the policy", || {
        let report = agent.report();
        let controls = report["controls"].as_array().unwrap();
        controls.iter().any(|control| control["id"] == "ORG-01" && control["verdict"] == "fail")
    });
    agent.write_input(&input);
    let all = catalog::controls().len();
    until("the policy of before", || agent.report()["controls"].as_array().unwrap().len() == all);
    std::fs::write(agent.folder.path().join("input.json"), "{\"is-leader\": tru").unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(ckf_test_support::verdict(&agent.report(), "IMG-11"), "fail");

    // A rotation is reported as such.
    let mut rotated = input.clone();
    rotated["credentials"]["dex"]["rotated"] = "2026-11-02T00:00:00Z".into();
    agent.write_input(&rotated);
    until("the event", || {
        agent.events().iter().any(|event| event["event"] == "authn_password_change:dex")
    });
}

/// The charm of the agent's pod, with the files of this project.
fn charm(sandbox: &Sandbox, agent: &Agent) -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    unit.environment.insert("CKF_HARDENING_AGENT".into(), (&agent.address).into());
    let pebble = unit.start_pebble("hardening", &[]);
    pebble.mount("/var/lib/ckf-hardening", agent.folder.path()).unwrap();
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
        let text = model.state.get_mut("unit").unwrap();
        let mut state: Value = serde_json::from_str(text).unwrap();
        state["audit"]["at"] = "2026-01-01T00:00:00Z".into();
        *text = state.to_string();
    });
}

#[test]
fn hook_reuses_agent_audit_and_lists_nothing() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
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
    let open = |agent: &Agent| {
        let report: Report = serde_json::from_value(agent.report()).unwrap();
        report.status_line()
    };
    assert!(status.starts_with(&open(&agent)), "{status}");

    // From here on the charm could not read the cluster if it wanted to.
    let took = "took the agent's report";
    unit.environment.insert("KUBECONFIG".into(), "/nowhere".into());
    age(&mut unit);
    let outcome = fire(&mut unit, &Event::hook("update-status"));
    let logged = format!("{:?}", outcome.calls);
    assert!(logged.contains(took), "{logged}");
    assert_eq!(unit.model().status.message, status);
    let at = |unit: &Simulation| {
        let state: Value = serde_json::from_str(&unit.model().state["unit"]).unwrap();
        state["audit"]["at"].as_str().unwrap().to_owned()
    };
    assert_ne!(at(&unit), "2026-01-01T00:00:00Z");
    // Which images run is on record, as the agent noted it.
    let databag = unit.model().relation(1).unwrap().application_data["images"].clone();
    assert!(databag.contains("kubeflow") || databag.contains("sha256:"), "{databag}");
    // The record of version 0.1.0 is read, and written under its present name.
    unit.change(|model| {
        let peers = model.relations.iter_mut().find(|relation| relation.id == 1).unwrap();
        let record = peers.application_data.remove("images").unwrap();
        peers.application_data.insert("rocks".into(), record);
    });
    age(&mut unit);
    fire(&mut unit, &Event::hook("update-status"));
    let data = unit.model().relation(1).unwrap().application_data.clone();
    assert_eq!((data.get("images"), data.get("rocks")), (Some(&databag), None));

    // What changes in the cluster is in the next status.
    let delete = ["delete", "envoyfilter", "-n", "kubeflow", "istio-pilot-authn-filter"];
    assert!(sandbox.kubectl(&delete).unwrap().status.success());
    until("the agent sees it", || {
        agent.report().to_string().contains("EnvoyFilter")
            && ckf_test_support::verdict(&agent.report(), "AUTHN-01") == "fail"
    });
    age(&mut unit);
    fire(&mut unit, &Event::hook("update-status"));
    let before = status;
    let status = unit.model().status.message.clone();
    assert!(status != before && status.starts_with(&open(&agent)), "{status}");

    // Other options need an audit by the hook, which passes them to the agent.
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
fn agent_serves_tls_and_takes_renewed_certificate() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |host: &str| {
        let pair = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        std::fs::write(path("tls.key"), pair.signing_key.serialize_pem()).unwrap();
        std::fs::write(path("tls.crt"), pair.cert.pem()).unwrap();
    };
    write("first.example.com");
    let port = kube_sandbox::free_port().unwrap();
    let serve = |more: &[&str]| {
        let mut command = Command::new(binary());
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--kubeconfig"])
            .arg(sandbox.kubeconfig("admin"))
            .arg("--tls-certificate")
            .arg(path("tls.crt"))
            .args(more)
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(Stdio::null());
        command
    };
    let key = path("tls.key");
    let mut agent = serve(&["--tls-key", key.to_str().unwrap()]).spawn().unwrap();
    ckf_hardening::tls::install_provider();
    let ask = |path: &str, host: &str, trusted: &Path| -> Option<String> {
        let pem = std::fs::read(trusted).unwrap();
        let client = reqwest::blocking::Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).unwrap())
            .resolve(host, SocketAddr::from(([127, 0, 0, 1], port)))
            .no_proxy()
            .timeout(Duration::from_secs(5));
        let answer = client.build().unwrap().get(format!("https://{host}:{port}{path}"));
        answer.send().ok()?.text().ok()
    };
    let get = |path: &str, host: &str, trusted: &Path| ask(path, host, trusted).unwrap_or_default();
    until("the first audit over TLS", || {
        get("/api/v1/report", "first.example.com", &path("tls.crt"))
            .contains("ckf-hardening/report")
    });
    // A client that never says a word keeps no other waiting.
    let _silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(get("/healthz", "first.example.com", &path("tls.crt")), "ok\n");
    write("second.example.com");
    until("the renewed certificate is served", || {
        get("/healthz", "second.example.com", &path("tls.crt")) == "ok\n"
    });
    // One that is damaged is not served.
    std::fs::copy(path("tls.crt"), path("good.crt")).unwrap();
    std::fs::write(path("tls.crt"), "damaged").unwrap();
    assert_eq!(get("/healthz", "second.example.com", &path("good.crt")), "ok\n");
    let _ = agent.kill();
    let _ = agent.wait();

    let refused = serve(&["--tls-key", key.to_str().unwrap()]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("tls.crt"));
    assert_eq!(serve(&[]).output().unwrap().status.code(), Some(2));
}

/// The definition of a kind that trivy-operator brings.
fn vulnerability_reports() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "vulnerabilityreports.aquasecurity.github.io"},
        "spec": {"group": "aquasecurity.github.io", "scope": "Namespaced",
            "names": {"plural": "vulnerabilityreports", "singular": "vulnerabilityreport",
                "kind": "VulnerabilityReport", "listKind": "VulnerabilityReportList"},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object",
                    "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

#[test]
fn changed_definition_costs_few_requests_and_new_kind_is_read() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
    until("the first audit of everything", || agent.metric("ckf_hardening_unread_kinds") == 0.0);
    let watches = || agent.metric("ckf_hardening_api_watches_total");
    let before = watches();
    for value in ["a", "b", "c"] {
        let label = format!("example.com/touched={value}");
        let object = "envoyfilters.networking.istio.io";
        kubectl(&sandbox, &["label", "--overwrite", "crd", object, &label]);
    }
    let definition = vulnerability_reports().to_string();
    sandbox.kubectl_with(&["create", "-f", "-"], &definition).unwrap();
    let started = Instant::now();
    // Listed and watched, though nothing but its definition said that it is there.
    let watched = "ckf_hardening_api_requests_total{kind=\"vulnerabilityreports\",verb=\"watch\"}";
    while agent.metric_or_zero(watched) < 1.0 {
        assert!(started.elapsed() < Duration::from_secs(60), "it is not watched");
        std::thread::sleep(Duration::from_millis(100));
    }
    let seen = started.elapsed();
    std::thread::sleep(Duration::from_secs(20).saturating_sub(seen));
    let opened = watches() - before;
    let requests = agent.metric_sum("ckf_hardening_api_requests_total");
    eprintln!(
        "seen after {seen:?}; watches opened meanwhile: {opened}; requests in all: {requests}"
    );
    assert!(opened <= 5.0, "{opened} watches were opened");
    assert!(requests < 400.0, "{requests} requests since the start");
}

#[test]
fn agent_started_or_restarted_emits_no_event_for_old_findings() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    for start in 0..3 {
        let agent = Agent::start(&sandbox, &json!({"namespace": "kubeflow"}));
        assert_eq!(ckf_test_support::verdict(&agent.report(), "PSS-01"), "fail");
        // The handshake, and what is assessed by it, comes later.
        std::thread::sleep(Duration::from_secs(4));
        let events = agent.events();
        let findings: Vec<_> =
            events.iter().filter(|event| event["event"] != "sys_startup").collect();
        assert!(findings.is_empty(), "start {start}: {findings:?}");
    }
}

#[test]
fn failed_repair_is_retried_without_another_change() {
    let sandbox = hardened();
    let options = json!({"enforce": "tls-floor"});
    let input = json!({"namespace": "kubeflow", "is-leader": true, "options": options});
    let agent = Agent::start(&sandbox, &input);
    until("the floor", || floor(&sandbox).as_deref() == Some("TLSv1_2"));
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "no-filters"},
        "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [{
            "apiGroups": ["networking.istio.io"], "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"], "resources": ["envoyfilters"]}]},
            "validations": [{"expression": "false", "message": "no filters today"}]}});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "no-filters"},
        "spec": {"policyName": "no-filters", "validationActions": ["Deny"]}});
    for object in [policy, binding] {
        let text = object.to_string();
        sandbox.kubectl_with(&["create", "-f", "-"], &text).unwrap();
    }
    let probe = json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
        "metadata": {"name": "probe", "namespace": "default"}, "spec": {}})
    .to_string();
    until("the policy to hold", || {
        let refused = sandbox.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &probe);
        refused.is_err_and(|why| why.to_string().contains("no filters today"))
    });
    let delete = ["delete", "envoyfilter", "-n", "kubeflow", "ckf-hardening-tls-floor"];
    kubectl(&sandbox, &delete);
    let failures = || agent.metric("ckf_hardening_repair_failures_total");
    until("three failures", || failures() >= 3.0);
    assert_eq!(floor(&sandbox), None);
    let found = agent.get("/api/v1/found").2;
    assert!(found.contains("no filters today"), "it is not said why");
    kubectl(&sandbox, &["delete", "validatingadmissionpolicybinding", "no-filters"]);
    let took = until("the floor again", || floor(&sandbox).as_deref() == Some("TLSv1_2"));
    eprintln!("repaired {took:?} after the cause was gone");
    assert!(took < Duration::from_secs(20), "{took:?}");
    until("the refusal to be over", || !agent.get("/api/v1/found").2.contains("no filters today"));
    assert_eq!(agent.metric("ckf_hardening_repairs_given_up"), 0.0);
    // Each repair is in the log, at the level that is the default.
    let log = agent.log();
    assert!(log.contains("ckf-hardening-tls-floor"), "{log}");
}

#[test]
fn log_level_option_applies_from_the_start() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    for (level, is_loud) in [("error", false), ("info", true)] {
        let options = json!({"log-level": level});
        let input = json!({"namespace": "kubeflow", "options": options});
        let agent = Agent::start(&sandbox, &input);
        let log = agent.log();
        assert_eq!(log.contains("serving at http://"), is_loud, "{level}: {log}");
    }
}

#[test]
fn signal_ends_agent_at_once_while_api_server_is_silent() {
    let sandbox = hardened();
    let stall = Stall::before(&sandbox);
    let options = json!({"enforce": "tls-floor"});
    let input = json!({"namespace": "kubeflow", "is-leader": true, "options": options});
    let agent = Agent::start_by(&stall.kubeconfig, &input, &[]);
    until("the floor", || floor(&sandbox).as_deref() == Some("TLSv1_2"));
    let delete = ["delete", "envoyfilter", "-n", "kubeflow", "ckf-hardening-tls-floor"];
    kubectl(&sandbox, &delete);
    // In the middle of the repair: it waits for an answer that does not come.
    stall.stop();
    std::thread::sleep(Duration::from_millis(500));
    let took = agent.end();
    assert!(took < Duration::from_secs(3), "{took:?}");
    stall.go_on();
    let before = floor(&sandbox);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(floor(&sandbox), before, "something wrote after the end");
}

#[test]
fn facts_of_silent_api_server_are_marked_stale() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let stall = Stall::before(&sandbox);
    // Bookmarks come about once a minute.
    let after = ["--stale-after", "85"];
    let agent = Agent::start_by(&stall.kubeconfig, &json!({"namespace": "kubeflow"}), &after);
    until("good health", || agent.get("/healthz").2 == "ok\n");
    let collected = || {
        let report = agent.report();
        let at = report["cluster"]["collectedAt"].as_str().unwrap();
        at.parse::<jiff::Timestamp>().unwrap()
    };
    stall.stop();
    let stopped = (Instant::now(), jiff::Timestamp::now());
    let unhealthy = |text: &str| {
        let (status, _, body) = agent.get("/healthz");
        status == 503 && body.contains(text)
    };
    while !unhealthy("stale: nothing was heard from the API server for 8") {
        let late = stopped.0.elapsed() > Duration::from_secs(110);
        assert!(!late, "it says {:?}", agent.get("/healthz"));
        assert!(collected() <= stopped.1, "the report says that it is newer");
        std::thread::sleep(Duration::from_millis(500));
    }
    eprintln!("stale after {:?}", stopped.0.elapsed());
    until("every verdict to be open", || {
        ckf_test_support::verdict(&agent.report(), "PSS-01") == "not-assessed"
    });
    assert!(collected() <= stopped.1);
    assert!(agent.metric("ckf_hardening_audit_timestamp") <= stopped.1.as_second() as f64);
    stall.go_on();
    let recovers = Instant::now();
    let has_recovered = || {
        ckf_test_support::verdict(&agent.report(), "PSS-01") == "fail"
            && agent.get("/healthz").0 == 200
            && collected() > stopped.1
    };
    while !has_recovered() {
        assert!(
            recovers.elapsed() < Duration::from_secs(120),
            "it does not recover: {:?}, {}",
            agent.get("/healthz"),
            collected()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    eprintln!("recovered after {:?}", recovers.elapsed());
    // What was open before is nothing new.
    let events = agent.events();
    let loud: Vec<_> = events.iter().filter(|event| event["level"] != "INFO").collect();
    assert!(loud.is_empty(), "{loud:?}");
}
