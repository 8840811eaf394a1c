//! Faults in images.

use ckf_worlds::digest;
use serde_json::json;

use super::{Fault, add, fault, first_pod, image, vulnerability_report};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("IMG-01", "a tag that pins no revision", |c| {
        image(c, "docker.io/charmedkubeflow/training-operator:v1.9.0-stranger")
    })
    .also(&["IMG-09"]),
    fault("IMG-02", "latest", |c| image(c, "docker.io/charmedkubeflow/training-operator:latest"))
        .also(&["IMG-01", "IMG-09"]),
    fault("IMG-02", "no tag", |c| image(c, "docker.io/charmedkubeflow/training-operator"))
        .also(&["IMG-01", "IMG-09"]),
    fault("IMG-03", "another image of the same revision", |c| {
        let i = first_pod(c, "kubeflow", "kfp-viz");
        c.world.objects[i]["status"]["containerStatuses"][1]["imageID"] =
            format!("x@{}", digest("swapped")).into();
    })
    .also(&["IMG-07"]),
    fault("IMG-04", "a registry of a stranger", |c| {
        image(c, "registry.example.com/charmedkubeflow/training-operator:1.9.0-abc1234")
    })
    .also(&["IMG-09"]),
    fault("IMG-05", "as CKF makes it", |_| {}),
    fault("IMG-06", "an image as an option", |c| {
        c.set_option("jupyter-ui", "jupyter-images", "- mine:1")
    }),
    fault("IMG-07", "another digest runs", |c| {
        let i = first_pod(c, "kubeflow", "kfp-api-0");
        c.world.objects[i]["status"]["containerStatuses"][1]["imageID"] =
            format!("registry.jujucharms.com/charm/x/y@{}", digest("other")).into();
    })
    .also(&["IMG-03"]),
    fault("IMG-08", "pulls always", |c| {
        let i = first_pod(c, "kubeflow", "training-operator");
        c.world.objects[i]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
    }),
    fault("IMG-09", "not its template's", |c| {
        image(c, "docker.io/charmedkubeflow/training-operator:1.8.0-0d1e2f3")
    }),
    fault("IMG-10", "a tag that moved", |c| c.rock("training-operator").digest = digest("moved")),
    fault("IMG-11", "a charm behind its channel", |c| c.head("minio").revision += 1),
    fault("IMG-12", "Ubuntu 20.04", |c| {
        let packages = c.rock("training-operator").packages.as_mut();
        packages.unwrap().base = Some(("ubuntu".into(), "20.04".into()));
    }),
    fault("IMG-13", "a fix is out", |c| {
        let fixed = json!([{"vulnerabilityID": "CVE-2026-1", "resource": "libssl3", "severity": "CRITICAL",
            "installedVersion": "3.0.2-0ubuntu1.9", "fixedVersion": "3.0.2-0ubuntu1.19"}]);
        c.world.remove("VulnerabilityReport", "pod-dex");
        add(c, vulnerability_report(fixed));
    }),
    fault("IMG-14", "a notebook image that moves", |c| {
        let image = "- docker.io/charmedkubeflow/jupyter-scipy:latest";
        c.declare("jupyter-ui", "jupyter-images", image);
        c.set_option("jupyter-ui", "jupyter-images", image);
    }),
];
