//! Secrets of the cluster are in nothing that the charm or the command line leave behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ckf_test_support::{binary, cluster, run};
use ckf_worlds::World;
use juju_sim::controller::{Application, Controller, State};
use juju_sim::{Event, Juju, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// The values of all Secrets of a world: as they are, in base64, and the lines of keys.
fn secrets(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for secret in world.objects.iter().filter(|o| o["kind"] == "Secret") {
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            // User names and names of applications are no secrets.
            if ["accesskey", "MINIO_ACCESS_KEY", "JUJU_K8S_APPLICATION"].contains(&key.as_str()) {
                continue;
            }
            let encoded = value.as_str().unwrap();
            let plain = String::from_utf8(
                base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
            )
            .unwrap();
            // Certificates are no secrets either, under whatever name.
            if plain.starts_with("-----BEGIN CERTIFICATE") && !plain.contains("PRIVATE KEY") {
                continue;
            }
            found.extend(
                plain.lines().filter(|l| l.len() > 8 && !l.starts_with("-----")).map(str::to_owned),
            );
            found.push(encoded.to_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn outputs_of_charm_and_command_line_hold_no_secret() {
    let world = World::hardened("1.11");
    let secrets = secrets(&world);
    assert!(secrets.len() >= 6, "{} values are looked for", secrets.len());
    let sandbox = cluster(&world);
    let kubeconfig = sandbox.kubeconfig("admin");
    let mut left: Vec<(String, String)> = Vec::new();

    let charm = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut juju = Simulation::new(charm, binary()).unwrap();
    juju.environment.insert("KUBECONFIG".into(), kubeconfig.as_os_str().into());
    juju.set_option("log-level", "trace");
    let mut events: Vec<Event> =
        ["install", "config-changed", "update-status"].map(Event::hook).into();
    events.push(Event::action("audit", json!({})));
    events.extend(
        ["table", "json", "markdown"].map(|f| Event::action("get-report", json!({"format": f}))),
    );
    for event in &events {
        let outcome = juju.run(event);
        assert!(outcome.committed(), "{}", outcome.stderr);
        let of_event = outcome.traces().into_iter();
        left.extend(of_event.map(|trace| (format!("{event:?}: {}", trace.place), trace.text)));
    }
    let of_model = juju.traces().into_iter();
    left.extend(of_model.map(|trace| (trace.place, trace.text)));

    let snapshot = tempfile::tempdir().unwrap();
    for arguments in [
        vec![
            "collect",
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            snapshot.path().to_str().unwrap(),
        ],
        vec!["audit", "--kubeconfig", kubeconfig.to_str().unwrap(), "--format", "json"],
    ] {
        let output = run(&arguments);
        left.push((
            arguments.join(" "),
            format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        ));
    }
    for entry in fs::read_dir(snapshot.path()).unwrap() {
        let path = entry.unwrap().path();
        left.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
    }
    // The search itself must be able to find: the certificate, which is public, is there.
    let size: usize = left.iter().map(|(_, text)| text.len()).sum();
    assert!(size > 100_000, "{size} bytes were searched");
    for (place, text) in &left {
        for secret in &secrets {
            // A test that prints the secret would leak it itself.
            assert!(
                !text.contains(secret.as_str()),
                "{place} holds a secret of {} characters",
                secret.len()
            );
        }
    }
    assert!(
        Value::from(left.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>())
            .to_string()
            .contains("secrets.json")
    );
}

/// What is planted, in an option each.
const MARK: &str = "Pl4nt3d";

/// Options that hold a secret, as a user sets them: application, charm, option, value.
fn planted() -> Vec<(&'static str, &'static str, &'static str, String)> {
    let base64 = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{MARK}-ssl\n-----END PRIVATE KEY-----\n");
    let connectors = format!(
        "- type: oidc\n  id: idp\n  config: {{clientID: x, clientSecret: {MARK}-idp}}\n\
         - type: ldap\n  id: ad\n  config: {{bindDN: cn=x, bindPW: {MARK}-ldap}}\n"
    );
    vec![
        ("dex", "dex-auth", "static-password", format!("{MARK}-dex")),
        ("dex", "dex-auth", "connectors", connectors),
        ("minio", "minio", "access-key", format!("{MARK}-root")),
        ("minio", "minio", "secret-key", format!("{MARK}-minio")),
        ("minio", "minio", "ssl-key", base64(pem.clone())),
        ("oidc", "oidc-gatekeeper", "client-secret", format!("{MARK}-oidc")),
        ("oidc", "oidc-gatekeeper", "ca-bundle", pem),
        (
            "serving",
            "knative-serving",
            "https-proxy",
            format!("http://me:{MARK}-proxy@proxy.example"),
        ),
        ("theirs", "theirs", "api-token", format!("{MARK}-token")),
        ("theirs", "theirs", "colour", format!("{MARK}-colour")),
        ("theirs", "theirs", "settings", format!("{{\"db\": {{\"Password\": \"{MARK}-db\"}}}}")),
    ]
}

fn controller(uuid: &str) -> Controller {
    let mut state = State::new(Juju::V3_6, "admin-pw");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let model = state.add_model(uuid, "kubeflow");
    for (name, charm, option, value) in planted() {
        let known = model.applications.remove(name).unwrap_or(Application {
            charm: format!("ch:amd64/{charm}-1"),
            channel: "1.10/stable".into(),
            ..Application::default()
        });
        let application = known.with_option(option, "string", Some(&value));
        model.applications.insert(name.into(), application);
    }
    Controller::start(state).unwrap()
}

/// A policy that declares every such option, as no user should have set it.
fn policy() -> String {
    let mut options: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (name, _, option, _) in planted() {
        options.entry(name).or_default().insert(option, "");
    }
    json!({"options": options}).to_string()
}

/// All of a folder's files.
fn files(folder: &Path, left: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        left.push((path.display().to_string(), text));
    }
}

#[test]
fn secret_option_declared_by_the_policy_is_never_shown() {
    let sandbox = cluster(&World::stock("1.10"));
    let kubeconfig = sandbox.kubeconfig("admin");
    let mut left: Vec<(String, String)> = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let (policy_file, plan) = (folder.path().join("policy"), folder.path().join("plan"));
    let snapshot = folder.path().join("snapshot");
    fs::write(&policy_file, policy()).unwrap();
    let mut unit = ckf_test_support::rotation::unit(Juju::V3_6, "", controller);
    let store = ckf_test_support::client_store(unit.controller());

    // The operator's laptop.
    let mut run = |arguments: &[&str]| {
        let output = Command::new(binary())
            .args(arguments)
            .env("JUJU_DATA", store.path())
            .env("CKF_HARDENING_LOG", "trace")
            .env_remove("JUJU_DISPATCH_PATH")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        left.push((arguments.join(" "), text(&output.stderr)));
        left.push((arguments.join(" "), text(&output.stdout)));
        text(&output.stdout)
    };
    let (kubeconfig, policy_path) = (kubeconfig.to_str().unwrap(), policy_file.to_str().unwrap());
    let (snapshot_path, plan_path) = (snapshot.to_str().unwrap(), plan.to_str().unwrap());
    let of_cluster = ["--kubeconfig", kubeconfig, "--policy", policy_path];
    let formats = [
        "table",
        "json",
        "markdown",
        "html",
        "sarif",
        "junit",
        "openreports",
        "oscal",
        "oscal-plan",
        "ocsf",
        "gitlab",
        "defectdojo",
    ];
    for format in formats {
        let text = run(&[&["audit", "--format", format], &of_cluster[..]].concat());
        if format == "json" {
            let report: Value = serde_json::from_str(&text).unwrap();
            let control = |id: &str| ckf_test_support::control(&report, id).to_string();
            assert!(control("JUJU-04").contains("set, and not as declared"));
            let shown = control("CRED-14");
            for option in ["connectors", "ssl-key", "ca-bundle", "api-token", "settings"] {
                assert!(shown.contains(option), "{option}: {shown}");
            }
            assert!(!shown.contains("access-key"), "{shown}");
        }
    }
    let planned =
        run(&[&["plan", "declared-options", "--out", plan_path], &of_cluster[..]].concat());
    assert!(planned.contains("set it by hand"), "{planned}");
    run(&[&["apply", "declared-options", "--yes"], &of_cluster[..]].concat());
    run(&["collect", "--kubeconfig", kubeconfig, "--policy", policy_path, snapshot_path]);
    run(&["audit", "--from", snapshot_path, "--policy", policy_path, "--format", "json"]);
    run(&["policy", "check", policy_path, "--from", snapshot_path]);
    run(&["users"]);
    files(&snapshot, &mut left);
    left.push(("plan".into(), fs::read_to_string(&plan).unwrap()));

    // The charm, with its actions and what it hands to its agent.
    unit.environment.insert("KUBECONFIG".into(), kubeconfig.into());
    unit.set_option("log-level", "trace");
    unit.set_option("policy", policy());
    unit.set_option("enforce", "declared-options");
    let mut events: Vec<Event> =
        ["install", "config-changed", "update-status"].map(Event::hook).into();
    events.push(Event::action("audit", json!({})));
    events.push(Event::action("plan", json!({"remedies": ["declared-options"]})));
    events.push(Event::action("apply", json!({"remedies": ["declared-options"]})));
    events.extend(
        ["table", "json", "markdown", "html"]
            .map(|f| Event::action("get-report", json!({"format": f}))),
    );
    for event in &events {
        let outcome = unit.run(event);
        assert!(outcome.committed(), "{}", outcome.stderr);
        let of_event = outcome.traces().into_iter();
        left.extend(of_event.map(|trace| (format!("{event:?}: {}", trace.place), trace.text)));
    }
    left.extend(unit.traces().into_iter().map(|trace| (trace.place, trace.text)));
    let records =
        sandbox.kubectl(&["get", "configmaps,events,secrets", "-A", "-o", "json"]).unwrap();
    let records = String::from_utf8(records.stdout).unwrap();
    left.push(("the cluster".into(), records));

    // The agent, whose input comes from the charm.
    let juju: Value =
        serde_json::from_str(&fs::read_to_string(snapshot.join("juju.json")).unwrap()).unwrap();
    let agent_input = json!({"namespace": "kubeflow", "is-leader": false, "publishes-report": true,
        "options": {"policy": policy(), "log-level": "trace"}, "facts": {"juju": juju}});
    let agent = Agent::start(&sandbox, Some(&agent_input));
    for path in ["/", "/api/v1/report", "/metrics", "/api/v1/found", "/healthz"] {
        left.push((path.to_owned(), agent.get(path)));
    }
    left.push(("the agent's output".into(), agent.output()));

    let size: usize = left.iter().map(|(_, text)| text.len()).sum();
    assert!(size > 500_000, "{size} bytes were searched");
    let secrets: Vec<String> = planted().into_iter().map(|(.., value)| value).collect();
    for (place, text) in &left {
        assert!(!text.contains(MARK), "{place} holds what an option does");
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place} holds a secret");
        }
    }
}

/// A running agent.
struct Agent {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Agent {
    fn start(sandbox: &Sandbox, input: Option<&Value>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", kube_sandbox::free_port().unwrap());
        let input =
            input.map_or(json!({"namespace": "kubeflow", "publishes-report": true}), Value::clone);
        fs::write(folder.path().join("input.json"), input.to_string()).unwrap();
        let file = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
        let child = Command::new(binary())
            .args(["serve", "--listen", &address, "--input"])
            .arg(folder.path())
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .env("CKF_HARDENING_LOG", "trace")
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .unwrap();
        let agent = Self { child, address, folder };
        let until = Instant::now() + Duration::from_secs(90);
        while !agent.get("/api/v1/report").contains("\"controls\"") {
            assert!(Instant::now() < until, "{}", agent.output());
            std::thread::sleep(Duration::from_millis(100));
        }
        agent
    }

    fn get(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(&self.address) else {
            return String::new();
        };
        let host = &self.address;
        let mut text = String::new();
        let asked = write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")
            .and_then(|()| stream.read_to_string(&mut text).map(drop));
        asked.map_or(String::new(), |()| text)
    }

    fn output(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap();
        format!("{}{}", read("out"), read("err"))
    }

    /// Where in its memory a value is: the regions that hold it.
    fn holds(&self, value: &str) -> Vec<String> {
        let process = Path::new("/proc").join(self.child.id().to_string());
        let maps = fs::read_to_string(process.join("maps")).unwrap();
        let memory = fs::File::open(process.join("mem")).unwrap();
        let mut found = Vec::new();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            let (start, end) = range.split_once('-').unwrap();
            let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
            // What cannot be written was so when the program started.
            if !rights.starts_with("rw") || line.contains("[vv") {
                continue;
            }
            let mut bytes = vec![0; (number(end) - number(start)) as usize];
            if memory.read_exact_at(&mut bytes, number(start)).is_err() {
                continue;
            }
            let number =
                bytes.windows(value.len()).filter(|part| *part == value.as_bytes()).count();
            if number > 0 {
                found.push(format!("{number} in {line}"));
            }
        }
        found
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn agent_memory_after_an_audit_holds_no_secret() {
    let world = World::hardened("1.11");
    let secrets = secrets(&world);
    let sandbox = cluster(&world);
    let agent = Agent::start(&sandbox, None);
    // What it has read in the meantime is assessed, and let go.
    std::thread::sleep(Duration::from_secs(2));
    // The search itself must be able to find: what is assessed stays.
    assert!(!agent.holds("mlpipeline-minio-artifact").is_empty());
    for secret in &secrets {
        let found = agent.holds(secret);
        assert!(found.is_empty(), "a value of {} characters is there {found:?}", secret.len());
    }
}
