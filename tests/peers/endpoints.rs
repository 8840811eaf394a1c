//! Commands in documents that integrate this charm: the peer has the endpoint, of the same interface
//! and of the other side.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// An endpoint: name, side and interface.
type Endpoint = (&'static str, &'static str, &'static str);

/// Endpoints of peers, from their charmcraft.yaml or metadata.yaml.
const PEERS: [(&str, &[Endpoint]); 9] = [
    // opentelemetry-collector-k8s, 2a77867. It also takes logs and metrics by `receive-otlp`, which
    // would be a second way for the same data.
    (
        "opentelemetry-collector-k8s",
        &[
            ("metrics-endpoint", "requires", "prometheus_scrape"),
            ("grafana-dashboards-consumer", "requires", "grafana_dashboard"),
            ("receive-loki-logs", "provides", "loki_push_api"),
            ("receive-traces", "provides", "tracing"),
        ],
    ),
    // istio-operators, 48a7d11.
    (
        "istio-pilot",
        &[
            ("certificates", "requires", "tls-certificates"),
            ("ingress", "provides", "ingress"),
            ("gateway-info", "provides", "istio-gateway-info"),
        ],
    ),
    // istio-ingress-k8s, 06f8af3. It also has both ingress endpoints without login.
    (
        "istio-ingress-k8s",
        &[
            ("certificates", "requires", "tls-certificates"),
            ("ingress", "provides", "ingress"),
            ("istio-ingress-route", "provides", "istio_ingress_route"),
        ],
    ),
    // istio-beacon-k8s, 02ca3d7.
    ("istio-beacon-k8s", &[("service-mesh", "provides", "service_mesh")]),
    // kubeflow-dashboard, 0187163.
    ("kubeflow-dashboard", &[("links", "provides", "kubeflow_dashboard_links")]),
    // catalogue-k8s, 430b1b3.
    ("catalogue", &[("catalogue", "provides", "catalogue")]),
    // self-signed-certificates, 0d019cb.
    (
        "self-signed-certificates",
        &[
            ("certificates", "provides", "tls-certificates"),
            ("send-ca-cert", "provides", "certificate_transfer"),
        ],
    ),
    // prometheus-k8s, 432c227.
    ("prometheus", &[("receive-ca-cert", "requires", "certificate_transfer")]),
    // tempo-coordinator-k8s, 01fda0a.
    ("tempo", &[("tracing", "provides", "tracing")]),
];

/// Both ends of each command that integrates this charm.
fn commands(text: &str) -> Vec<(String, String)> {
    let after = text.split("juju integrate ").skip(1);
    let ends = after.filter_map(|rest| {
        let mut words = rest.split([' ', '\n', '`']).filter(|word| !word.is_empty());
        Some((words.next()?.to_owned(), words.next()?.trim_end_matches([',', '.']).to_owned()))
    });
    ends.filter(|(one, other)| [one, other].iter().any(|end| end.starts_with("ckf-hardening:")))
        .collect()
}

fn documents(folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, all);
        } else if path.extension().is_some_and(|end| end == "md" || end == "yaml") {
            all.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn command_that_integrates_a_peer_names_endpoints_of_one_interface() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["docs", "catalog"] {
        documents(&root.join(folder), &mut texts);
    }
    let metadata: Value = serde_yaml::from_str(include_str!("../../metadata.yaml")).unwrap();
    let mut checked = BTreeSet::new();
    for (one, other) in texts.iter().flat_map(|text| commands(text)) {
        let (own, peer) =
            if one.starts_with("ckf-hardening:") { (one, other) } else { (other, one) };
        let own = own.trim_start_matches("ckf-hardening:");
        let side = |side: &str| metadata[side][own]["interface"].as_str();
        let (theirs, interface) = match (side("provides"), side("requires")) {
            (Some(interface), _) => ("requires", interface),
            (_, Some(interface)) => ("provides", interface),
            _ => panic!("ckf-hardening has no endpoint {own}"),
        };
        let (application, endpoint) = peer.split_once(':').unwrap_or((&peer, ""));
        let (_, endpoints) = PEERS
            .iter()
            .find(|(name, _)| *name == application)
            .unwrap_or_else(|| panic!("no endpoints of {application} are known"));
        let fits = |known: &&(&str, &str, &str)| {
            (endpoint.is_empty() || known.0 == endpoint)
                && (known.1, known.2) == (theirs, interface)
        };
        // Juju chooses the endpoint only where there is one.
        assert_eq!(endpoints.iter().filter(fits).count(), 1, "{own} with {peer}");
        checked.insert((own.to_owned(), peer));
    }
    println!("{checked:?}");
    assert!(checked.len() > 10, "{checked:?}");
}
