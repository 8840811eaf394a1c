//! Faults in upgrades.

use ckf_hardening::facts::advisory::AdvisoryTable;
use ckf_hardening::policy::Tables;
use serde_json::{Value, json};

use super::{Fault, add, fault, first_pod};
use crate::case::Case;

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("UPG-01", "a newer revision of a charm", |c| {
        c.app("minio").can_upgrade_to = Some("ch:amd64/minio-9".into())
    }),
    fault("UPG-02", "a release that is not numbered", |c| c.release = Some("latest"))
        .also(&["UPG-03"]),
    fault("UPG-03", "an edge channel", |c| c.app("minio").channel = "latest/edge".into()),
    fault("UPG-04", "an old gateway", |c| {
        let i = first_pod(c, "kubeflow", "istio-ingressgateway-workload");
        c.world.objects[i]["spec"]["containers"][0]["image"] =
            "docker.io/istio/proxyv2:1.20.0".into();
    })
    .also(&["IMG-01", "IMG-09"]),
    fault("UPG-04", "a gateway ahead of istiod", |c| {
        let i = first_pod(c, "kubeflow", "istio-ingressgateway-workload");
        c.world.objects[i]["spec"]["containers"][0]["image"] =
            "docker.io/istio/proxyv2:1.25.0".into();
    })
    .also(&["IMG-01", "IMG-09"]),
    fault("UPG-05", "too old", |c| c.version = "v1.20.0".into()).also(&["K8S-02", "UPG-06"]),
    fault("UPG-06", "past the end of every vendor", |c| c.version = "v1.33.4".into()),
    fault("UPG-06", "the same version without the vendor that keeps it", |c| {
        let labels = json!({"kubernetes.io/hostname": "node-0"});
        c.world.get("Node", "node-0")["metadata"]["labels"] = labels;
    }),
    fault("UPG-06", "a node past the end of every vendor", |c| second_node(c, "v1.31.2"))
        .also(&["UPG-13"]),
    fault("UPG-13", "one pod of the gateway for two nodes", |c| second_node(c, "v1.32.4")),
    fault("UPG-07", "a controller without a fix", |c| c.juju.server_version = "3.6.20".into()),
    fault("UPG-07", "an agent without fixes", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["initContainers"][0]["image"] =
            "docker.io/jujusolutions/jujud-operator:3.6.0".into();
    })
    .also(&["IMG-09"]),
    fault("UPG-08", "an Istio that is older still", |c| {
        let i = first_pod(c, "kubeflow", "istiod");
        c.world.objects[i]["spec"]["containers"][0]["image"] =
            "docker.io/istio/pilot:1.24.2".into();
    })
    .also(&["IMG-09", "UPG-03", "UPG-04"]),
    fault("UPG-09", "a table past its review", |c| {
        c.policy.tables = table(json!([]), "2026-10-31");
    }),
    fault("UPG-09", "a severe vulnerability of the gateway's proxy", |c| {
        c.policy.tables = table(advisory("istio/proxyv2", "HIGH"), "2027-12-31");
    }),
    fault("UPG-09", "one whose severity is not known", |c| {
        c.policy.tables = table(advisory("istio/proxyv2", ""), "2027-12-31");
    }),
    fault("UPG-10", "a lesser vulnerability of an image that the channel identifies", |c| {
        c.policy.tables = table(advisory("/workflow-controller", "MEDIUM"), "2027-12-31");
    }),
    fault("UPG-11", "a schedule that is paused", |c| {
        c.world.get("Schedule", "daily")["spec"]["paused"] = true.into();
    }),
    fault("UPG-11", "backups that fail", |c| {
        c.world.get("Backup", "daily-1")["status"]["phase"] = "PartiallyFailed".into();
    }),
    fault("UPG-11", "a backup of long ago", |c| {
        let status = &mut c.world.get("Backup", "daily-1")["status"];
        status["completionTimestamp"] = "2026-10-01T00:00:00Z".into();
    }),
    fault("UPG-11", "backups without the platform", |c| {
        c.world.get("Backup", "daily-1")["spec"]["includedNamespaces"] = json!(["other"]);
    }),
    fault("UPG-12", "a database without a store for backups", |c| {
        c.app("kfp-db").relations.remove("s3-parameters");
    }),
];

/// An advisory on each version of an image.
pub fn advisory(image: &str, severity: &str) -> Value {
    json!([{"id": "GHSA-test", "summary": "A test.", "database_specific": {"severity": severity},
        "affected": [{"package": {"ecosystem": "Go", "name": "p"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
            "ecosystem_specific": {"images": [image]}}]}])
}

/// A second node, with a kubelet of this version.
pub fn second_node(case: &mut Case, kubelet: &str) {
    let mut node = case.world.get("Node", "node-0").clone();
    node["metadata"]["name"] = "node-1".into();
    node["status"]["nodeInfo"]["kubeletVersion"] = kubelet.into();
    add(case, node);
}

/// Tables with these advisories.
pub fn table(advisories: Value, review_by: &str) -> Tables {
    let table = json!({"reviewed": "2026-10-01", "review-by": review_by, "sources": [],
        "covers": {"p": []}, "advisories": advisories});
    Tables::default().with_advisories(AdvisoryTable::parse(&table.to_string()).unwrap())
}
