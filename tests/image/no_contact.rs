//! With `offline`, no host outside is asked: attempts are counted at a listener that stands for
//! registries, Charmhub, Prometheus and proxies, and at a name server, where there is no route out.

use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};

use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_test_support::agent::Agent;
use ckf_test_support::binary;
use ckf_test_support::rotation::hook;
use ckf_worlds::World;
use juju_sim::{Event, Juju};
use serde_json::json;

use super::air_gap::again_cut_off;

/// What was attempted since it was last taken.
#[derive(Clone, Default)]
struct Attempts(Arc<Mutex<Vec<String>>>);

impl Attempts {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Counts connections; returns where.
    fn at_a_port(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let attempts = self.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                attempts.note(format!("connection {:?}", connection.map(drop)));
            }
        });
        at
    }

    /// Counts names that are looked up. No answer is sent.
    fn at_the_name_server(&self) {
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        let attempts = self.clone();
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, _)) = socket.recv_from(&mut packet) {
                attempts.note(format!("name {}", packet[..length].escape_ascii()));
            }
        });
    }
}

const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "JUJU_CHARM_HTTPS_PROXY",
    "JUJU_CHARM_HTTP_PROXY",
    "https_proxy",
];

#[test]
fn offline_hooks_actions_agent_and_commands_ask_no_host() {
    let name = "no_contact::offline_hooks_actions_agent_and_commands_ask_no_host";
    if again_cut_off(name) {
        return;
    }
    let sandbox = ckf_test_support::cluster(&World::stock("1.11"));
    let mut unit = ckf_test_support::rotation::unit(Juju::V3_6, "", |model| {
        let release = ckf_worlds::release("1.11");
        ckf_test_support::deployment::controller(&release, model)
    });
    let attempts = Attempts::default();
    attempts.at_the_name_server();
    let at = attempts.at_a_port();
    let proxies = PROXIES.map(|name| (name, format!("http://{at}")));
    let kubeconfig = sandbox.kubeconfig("admin");
    unit.environment.insert("KUBECONFIG".into(), kubeconfig.clone().into_os_string());
    for (name, value) in &proxies {
        unit.environment.insert((*name).into(), value.into());
    }
    unit.set_option("registry-mirrors", format!("docker.io={at}/hub"));
    unit.set_option("charmhub-url", "https://charmhub.invalid");
    for (prometheus, offline) in [
        (format!("http://{at}"), true),
        ("https://cos.invalid".into(), true),
        (format!("http://{at}"), false),
    ] {
        unit.set_option("prometheus-url", prometheus);
        unit.set_option("offline", offline);
        for event in ["config-changed", "update-status", "upgrade-charm"] {
            hook(&mut unit, event);
        }
        for action in ["audit", "check-rocks", "get-report", "plan", "rotation-status"] {
            let outcome = unit.run(&Event::action(action, json!({})));
            assert!(outcome.committed(), "{outcome:?}");
        }
        let seen = attempts.take();
        match offline {
            true => assert_eq!(seen, Vec::<String>::new()),
            // The listener does count.
            false => assert!(!seen.is_empty()),
        }
    }

    // Commands and the agent ask nothing unless a flag says so.
    let directory = tempfile::tempdir().unwrap();
    let from = directory.path().join("snapshot").display().to_string();
    let about = About {
        collected_at: "2026-12-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &World::stock("1.11").objects);
    snapshot::write(&facts, directory.path().join("snapshot").as_path()).unwrap();
    let kubeconfig = kubeconfig.display().to_string();
    let data = directory.path().join("data.json").display().to_string();
    for arguments in [
        vec!["bundle-data", &data],
        vec!["audit", "--kubeconfig", &kubeconfig, "--fail-on=never", "--data", &data],
        vec!["audit", "--from", &from, "--fail-on=never", "--data", &data],
        vec!["collect", "--kubeconfig", &kubeconfig, &format!("{from}-2")],
        vec!["rocks", "--kubeconfig", &kubeconfig, "--offline"],
        vec!["upgrade-plan", "--kubeconfig", &kubeconfig, "--data", &data, "--to", "latest"],
        vec!["entrances", "--kubeconfig", &kubeconfig],
        vec!["keys", "--from", &from, "--logins"],
    ] {
        let mut command = Command::new(binary());
        let output = command.args(&arguments).envs(proxies.clone()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code().is_some_and(|code| code != 2), "{arguments:?}: {said}");
        assert_eq!(attempts.take(), Vec::<String>::new(), "{arguments:?}");
    }
    let input =
        json!({"namespace": "kubeflow", "leads": true, "options": {"enforce": "tls-floor"}});
    let agent = Agent::start_with_environment(&sandbox, &input, &proxies);
    assert!(!agent.report()["controls"].as_array().unwrap().is_empty());
    drop(agent);
    assert_eq!(attempts.take(), Vec::<String>::new());
}
