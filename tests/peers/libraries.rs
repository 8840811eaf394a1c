//! Our databags, as the peers' own libraries read them: PyPI's packages under ops.testing.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ckf_test_support::binary;
use juju_sim::{Event, Relation, Simulation};
use serde_json::{Value, json};

const HOST: &str = "kubeflow.example.com";

/// A charm with its library; see `peer.py`.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub fn start(charm: &str) -> Self {
        Self::start_with(charm, "")
    }

    /// With the URL at which it receives something.
    pub fn start_with(charm: &str, receiver: &str) -> Self {
        let programs = test_programs::python::programs(
            "peers",
            &[
                "ops==3.9.0",
                "ops-scenario==8.9.0",
                "charmlibs-interfaces-tls-certificates==1.12.0",
                "charmlibs-interfaces-certificate-transfer==1.1.0",
                "charmlibs-interfaces-tracing==1.0.0",
                "charmlibs-interfaces-istio-ingress-route==1.0.2",
                "charmlibs-interfaces-service-mesh==1.0.2",
                "cryptography",
                "pydantic",
            ],
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/peer.py");
        let mut child = Command::new(programs.unwrap().join("python"))
            .arg(script)
            .arg(charm)
            .env("RECEIVER", receiver)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Has it read what we wrote; returns what its library made of it, and its databags.
    pub fn reads(&mut self, relation: &Relation) -> Value {
        let wrote = json!({"application": relation.application_data, "unit": relation.unit_data});
        writeln!(self.input, "{wrote}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("the library took it")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn unit() -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    unit.environment.insert("KUBECONFIG".into(), "/nowhere".into());
    unit.set_option("external-hostname", HOST);
    unit
}

fn strings(databag: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(databag.clone()).unwrap()
}

/// Has the unit see what the peer of a relation said, and returns the relation after it.
pub fn hears(unit: &mut Simulation, id: u32, endpoint: &str, said: &Value) -> Relation {
    unit.change(|model| {
        if model.relation(id).is_none() {
            model.relations.push(Relation::new(id, endpoint, "peer", 1));
        }
        let relation = model.relations.iter_mut().find(|known| known.id == id).unwrap();
        relation.remote_application_data = strings(&said["application"]);
        relation.remote_units.insert("peer/0".into(), strings(&said["unit"]));
    });
    let model = unit.model();
    let outcome = unit.run(&Event::relation(model.relation(id).unwrap(), "changed", None));
    assert!(outcome.committed(), "{outcome:?}");
    unit.model().relation(id).unwrap().clone()
}

#[test]
fn gateway_with_library_version_4_accepts_the_certificate() {
    for charm in ["Requirer", "ApplicationRequirer"] {
        let mut unit = unit();
        let mut peer = Peer::start(charm);
        let asked = peer.reads(&Relation::default());
        let answered = hears(&mut unit, 1, "gateway-certificates", &asked);
        let took = peer.reads(&answered);
        assert_eq!(took["certificates"].as_array().unwrap().len(), 1, "{took}");
        assert_eq!(took["chains"][0].as_array().unwrap().len(), 2, "{took}");
        let events = took["events"].as_array().unwrap();
        assert!(events.contains(&json!("CertificateAvailableEvent")), "{took}");
        // It asks for nothing else, and is answered with nothing else.
        assert_eq!(hears(&mut unit, 1, "gateway-certificates", &took), answered);
    }
}

#[test]
fn authority_with_library_version_4_signs_the_passed_request() {
    let mut unit = unit();
    let mut gateway = Peer::start("Requirer");
    let mut authority = Peer::start("Provider");
    hears(&mut unit, 2, "certificates", &authority.reads(&Relation::default()));
    let asked = gateway.reads(&Relation::default());
    hears(&mut unit, 1, "gateway-certificates", &asked);
    let model = unit.model();
    let signed = authority.reads(model.relation(2).unwrap());
    assert_eq!(signed["requests"].as_array().unwrap().len(), 1, "{signed}");
    hears(&mut unit, 2, "certificates", &signed);
    let model = unit.model();
    let took = gateway.reads(model.relation(1).unwrap());
    assert_eq!(took["certificates"].as_array().unwrap().len(), 1, "{took}");
    assert_eq!(took["chains"][0][1], signed["ca"], "{took}");
}

#[test]
fn refusal_is_read_by_the_library_and_the_librarys_refusal_by_us() {
    let mut unit = unit();
    let mut gateway = Peer::start("AuthorityRequirer");
    let asked = gateway.reads(&Relation::default());
    let took = gateway.reads(&hears(&mut unit, 1, "gateway-certificates", &asked));
    assert_eq!(took["certificates"], json!([]));
    assert_eq!(took["errors"][0]["name"], "OTHER", "{took}");
    let why = took["errors"][0]["message"].as_str().unwrap();
    assert!(why.contains("requests a CA certificate"), "{why}");
    assert_eq!(took["capabilities"]["supports_ca_certificates"], false);
    let events = took["events"].as_array().unwrap();
    assert!(events.contains(&json!("CertificateDeniedEvent")), "{took}");

    let mut unit = self::unit();
    let mut gateway = Peer::start("Requirer");
    let mut authority = Peer::start("Denier");
    hears(&mut unit, 2, "certificates", &authority.reads(&Relation::default()));
    let asked = gateway.reads(&Relation::default());
    hears(&mut unit, 1, "gateway-certificates", &asked);
    let denied = authority.reads(unit.model().relation(2).unwrap());
    hears(&mut unit, 2, "certificates", &denied);
    let part = "peer refuses the certificate request of peer/0: DOMAIN_NOT_ALLOWED: ACME does not sign this";
    let message = unit.model().status.message.clone();
    assert!(message.contains(part), "{message}");
    let took = gateway.reads(unit.model().relation(1).unwrap());
    assert_eq!(took["errors"][0]["message"], "ACME does not sign this", "{took}");
}

#[test]
fn library_of_version_1_reads_our_authority() {
    let mut unit = unit();
    let asked = Peer::start("Requirer").reads(&Relation::default());
    let answered = hears(&mut unit, 1, "gateway-certificates", &asked);
    let entries: Value = serde_json::from_str(&answered.application_data["certificates"]).unwrap();
    let mut truster = Peer::start("Truster");
    let said = truster.reads(&Relation::default());
    let shown = hears(&mut unit, 3, "send-ca-cert", &said);
    assert!(shown.unit_data.is_empty(), "it speaks version 1");
    let took = truster.reads(&shown);
    assert_eq!(took["certificates"], json!([entries[0]["ca"]]));
}

#[test]
fn gateway_of_the_ambient_mesh_routes_to_the_report_page() {
    let mut unit = unit();
    let mut ingress = Peer::start("Ingress");
    let first = ingress.reads(&Relation::default());
    assert_eq!(first["config"], Value::Null, "we asked for nothing yet");
    let asked = hears(&mut unit, 1, "istio-ingress-route", &first);
    let took = ingress.reads(&asked);
    let events = took["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event.as_str().unwrap().ends_with("ReadyEvent")), "{took}");
    let config = &took["config"];
    assert_eq!(config["model"], "kubeflow", "{took}");
    let route = &config["http_routes"][0];
    assert_eq!(config["listeners"], json!([route["listener"]]), "{took}");
    assert_eq!(route["backends"], json!([{"service": "ckf-hardening", "port": 8090}]), "{took}");
    assert_eq!(route["matches"][0]["path"], json!({"type": "PathPrefix", "value": "/hardening"}));
    let rewrite = json!({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}});
    assert_eq!(route["filters"][0]["urlRewrite"], rewrite, "{took}");

    // Links lead there once the gateway has answered, and to nothing before.
    unit.change(|model| {
        model.relations.push(Relation::new(2, "dashboard-links", "kubeflow-dashboard", 1));
    });
    let links = |unit: &mut Simulation| {
        let model = unit.model();
        let event = Event::relation(model.relation(2).unwrap(), "changed", None);
        assert!(unit.run(&event).committed());
        let data = unit.model().relation(2).unwrap().application_data["dashboard_links"].clone();
        serde_json::from_str::<Value>(&data).unwrap()
    };
    assert_eq!(links(&mut unit), json!([]));
    let message = unit.model().status.message.clone();
    assert!(message.contains("peer has made no route to the report page yet"), "{message}");
    let later = hears(&mut unit, 1, "istio-ingress-route", &took);
    assert_eq!(later.application_data, asked.application_data, "it asks for no more");
    assert_eq!(links(&mut unit)[0]["link"], "/hardening/");

    let taken = Peer::start("TakenIngress").reads(&asked);
    hears(&mut unit, 1, "istio-ingress-route", &taken);
    assert_eq!(links(&mut unit), json!([]), "another application has the route");
}

#[test]
fn only_the_leader_asks_for_a_route() {
    let mut unit = unit();
    unit.change(|model| model.leader = false);
    let said = json!({"application": {}, "unit": {}});
    let relation = hears(&mut unit, 1, "istio-ingress-route", &said);
    assert_eq!(relation.application_data, BTreeMap::new());
}

#[test]
fn mesh_admits_scrapers_of_the_model_only() {
    let mut unit = unit();
    let mut beacon = Peer::start("Beacon");
    let said = beacon.reads(&Relation::default());
    let took = beacon.reads(&hears(&mut unit, 1, "service-mesh", &said));
    assert_eq!(took["policies"], json!([]), "no application scrapes yet");
    unit.change(|model| {
        model.relations.push(Relation::new(2, "metrics-endpoint", "collector", 1));
        let mut elsewhere = Relation::new(3, "metrics-endpoint", "prometheus", 1);
        elsewhere.remote_model = Some("0a9c0a7e-0000-4000-8000-000000000001".into());
        model.relations.push(elsewhere);
    });
    let took = beacon.reads(&hears(&mut unit, 1, "service-mesh", &took));
    let policies = took["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1, "an application of another model has an identity there: {took}");
    let policy = &policies[0];
    assert_eq!(policy["source_app_name"], "collector", "{took}");
    assert_eq!(policy["source_namespace"], "kubeflow", "{took}");
    assert_eq!(policy["target_app_name"], "ckf-hardening", "{took}");
    assert_eq!(policy["target_type"], "unit", "a scraper asks each unit by its address");
    assert_eq!(policy["endpoints"][0]["ports"], json!([8090]), "{took}");
}
