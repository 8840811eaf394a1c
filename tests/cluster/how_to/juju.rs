//! Commands of Juju, as the guides have them: about the charm, they are done to the simulated one;
//! of others, names and flags are checked.

use std::collections::BTreeSet;
use std::path::Path;

use ckf_test_support::root;
use juju_sim::{Event, Simulation};
use serde_json::{Value, json};

/// Endpoints of other charms, with their interfaces, by the metadata of these charms.
const PEERS: [(&str, &str); 18] = [
    ("catalogue", "catalogue"),
    ("istio-beacon-k8s:service-mesh", "service_mesh"),
    ("istio-ingress-k8s:istio-ingress-route", "istio_ingress_route"),
    ("istio-pilot:certificates", "tls-certificates"),
    ("istio-pilot:ingress", "ingress"),
    ("kubeflow-dashboard:links", "kubeflow_dashboard_links"),
    ("opentelemetry-collector-k8s:grafana-dashboards-consumer", "grafana_dashboard"),
    ("opentelemetry-collector-k8s:metrics-endpoint", "prometheus_scrape"),
    ("opentelemetry-collector-k8s:receive-loki-logs", "loki_push_api"),
    ("prometheus:receive-ca-cert", "certificate_transfer"),
    ("self-signed-certificates:certificates", "tls-certificates"),
    ("self-signed-certificates:send-ca-cert", "certificate_transfer"),
    ("tempo:tracing", "tracing"),
    ("vault-k8s:vault-pki", "tls-certificates"),
    ("istio-ingress-k8s:certificates", "tls-certificates"),
    ("grafana-agent-k8s:metrics-endpoint", "prometheus_scrape"),
    ("grafana-agent-k8s:logging-provider", "loki_push_api"),
    ("grafana-agent-k8s:grafana-dashboards-consumer", "grafana_dashboard"),
];

/// Options of other charms that guides set.
const FOREIGN_OPTIONS: [&str; 4] = [
    "istio-pilot csr-domain-name",
    "dex-auth static-password",
    "minio secret-key",
    "dex-auth issuer-url",
];

/// Other commands, with the fewest words after them and the flags that guides use.
const COMMANDS: [(&str, usize, &[&str]); 16] = [
    ("add-secret", 2, &[]),
    ("add-user", 1, &[]),
    ("attach-resource", 2, &[]),
    ("grant", 2, &[]),
    ("grant-secret", 2, &[]),
    ("refresh", 1, &["--path", "--resource", "--trust"]),
    ("remove-application", 1, &[]),
    ("remove-secret", 1, &[]),
    ("remove-user", 1, &[]),
    ("show-controller", 0, &["--format"]),
    ("show-model", 1, &["--format"]),
    ("show-secret", 1, &["--reveal"]),
    ("show-unit", 1, &[]),
    ("status", 0, &["--format"]),
    ("switch", 1, &[]),
    ("trust", 1, &["--scope"]),
];

/// The charm in a simulated Juju, beside the API server of the guides.
pub struct Charm {
    unit: Simulation,
    metadata: Value,
    used: BTreeSet<String>,
}

impl Charm {
    pub fn new(kubeconfig: &Path) -> Self {
        let mut unit = Simulation::new(root(), ckf_test_support::binary()).unwrap();
        unit.environment.insert("KUBECONFIG".into(), kubeconfig.into());
        // Nothing outside of this machine is asked.
        unit.set_option("offline", true);
        for hook in ["install", "leader-elected", "config-changed", "start"] {
            assert!(unit.run(&Event::hook(hook)).committed(), "{hook}");
        }
        let metadata = serde_yaml::from_str(include_str!("../../../metadata.yaml")).unwrap();
        Self { unit, metadata, used: BTreeSet::new() }
    }

    /// Does a command to the charm, or checks it.
    pub fn check(&mut self, page: &str, words: &[String]) {
        let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let command = format!("{page}: juju {}", words.join(" "));
        match words.as_slice() {
            ["config", "ckf-hardening", settings @ ..] => self.configure(&command, settings),
            ["config", other, settings @ ..] => {
                let mut names = settings.iter().map(|s| s.split('=').next().unwrap());
                let is_known = |name| FOREIGN_OPTIONS.contains(&format!("{other} {name}").as_str());
                assert!(names.all(is_known), "{command}: no such option is known");
            }
            ["run", unit, action, rest @ ..] => {
                assert!(unit.starts_with("ckf-hardening/"), "{command}");
                self.run(&command, action, rest);
            }
            ["integrate" | "remove-relation", one, other] => self.integrate(&command, one, other),
            ["deploy", rest @ ..] => self.deploy(&command, rest),
            [name, rest @ ..] => {
                let known = COMMANDS.iter().find(|(known, ..)| known == name);
                let (_, least, flags) = known.unwrap_or_else(|| panic!("{command}: unknown"));
                let is_flag = |word: &&&str| word.starts_with("--");
                let mut used = rest.iter().filter(is_flag);
                assert!(used.all(|flag| flags.contains(flag)), "{command}: unknown flag");
                let plain = rest.iter().filter(|word| !is_flag(word)).count();
                assert!(plain >= *least, "{command}: too few arguments");
            }
            [] => panic!("{command}"),
        }
    }

    /// Sets options, as Juju takes them, and has the charm take them.
    fn configure(&mut self, command: &str, settings: &[&str]) {
        for setting in settings {
            let (name, value) = setting.split_once('=').expect("NAME=VALUE");
            let charm = self.unit.charm();
            let kind = charm.check_option(name, &json!("")).is_ok();
            // Of the reader's own: a file that the guide shows, or an id that Juju prints.
            if value.starts_with('@') {
                assert!(kind, "{command}: {name} takes no text");
                continue;
            }
            if value == "secret:ID" {
                let id = json!("secret:d3nkb2fmp25c76a0tls1");
                charm.check_option(name, &id).unwrap_or_else(|e| panic!("{command}: {e}"));
                continue;
            }
            let value = match kind {
                true => json!(value),
                false => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
            };
            if let Err(error) = charm.check_option(name, &value) {
                panic!("{command}: {error}");
            }
            // What it names is not there.
            if name != "charmhub-url" {
                self.unit.set_option(name, value);
            }
        }
        let outcome = self.unit.run(&Event::hook("config-changed"));
        assert!(outcome.committed(), "{command}: {}", outcome.stderr);
        let status = self.unit.model().status;
        for wrong in ["invalid", "unknown", "option "] {
            assert!(!status.message.contains(wrong), "{command}: {status:?}");
        }
    }

    /// Runs an action. It may fail for what is not there, but not for how it was asked.
    fn run(&mut self, command: &str, action: &str, rest: &[&str]) {
        let mut parameters = serde_json::Map::new();
        for word in rest.iter().filter(|word| !word.starts_with("--")) {
            let (name, value) = word.split_once('=').expect("NAME=VALUE");
            // As Juju reads what is typed.
            let value: Value = serde_yaml::from_str(value).unwrap();
            parameters.insert(name.to_owned(), value);
        }
        let known = self.unit.charm().action_parameters(action, &parameters, juju_sim::Juju::V3_6);
        if let Err(error) = known {
            panic!("{command}: {error}");
        }
        let outcome = self.unit.run(&Event::action(action, Value::Object(parameters)));
        assert!(outcome.committed(), "{command}: {}", outcome.stderr);
    }

    fn integrate(&mut self, command: &str, one: &str, other: &str) {
        let endpoint = one.strip_prefix("ckf-hardening:").expect("the charm is named first");
        let sides =
            ["provides", "requires"].map(|side| &self.metadata[side][endpoint]["interface"]);
        let interface = sides.into_iter().find_map(Value::as_str);
        let interface = interface.unwrap_or_else(|| panic!("{command}: no endpoint {endpoint}"));
        let peer = PEERS.iter().find(|(peer, _)| *peer == other);
        let (_, of_peer) = peer.unwrap_or_else(|| panic!("{command}: {other} is not known"));
        assert_eq!(interface, *of_peer, "{command}");
        self.used.insert(endpoint.to_owned());
    }

    fn deploy(&self, command: &str, words: &[&str]) {
        let (what, rest) = words.split_first().expect("a charm");
        if let Some(file) = what.strip_suffix(".charm") {
            assert!(file.ends_with("ckf-hardening_ubuntu-24.04-amd64"), "{command}");
            let resource = rest.iter().position(|word| *word == "--resource");
            let resource = rest[resource.expect("the image is a resource") + 1];
            let name = resource.split('=').next().unwrap();
            assert!(self.metadata["resources"][name].is_object(), "{command}: no resource {name}");
        }
        let known = ["--trust", "--resource", "--channel", "--config"];
        let mut flags = rest.iter().filter(|word| word.starts_with("--"));
        assert!(flags.all(|flag| known.contains(flag)), "{command}: unknown flag");
    }

    /// Endpoints that no guide integrates.
    pub fn unused(&self) -> Vec<String> {
        let all =
            ["provides", "requires"].iter().filter_map(|side| self.metadata[*side].as_object());
        let all = all.flat_map(|endpoints| endpoints.keys().cloned());
        all.filter(|endpoint| !self.used.contains(endpoint) && endpoint != "gateway-info").collect()
    }
}
