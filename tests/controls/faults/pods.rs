//! Faults in pod security.

use serde_json::json;

use super::{Fault, fault, first_pod, set};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("PSS-01", "privileged", |c| {
        set(
            c,
            "Namespace",
            "team-a",
            "/metadata/labels/pod-security.kubernetes.io~1enforce",
            "privileged".into(),
        )
    }),
    fault("PSS-01", "only a version is pinned", |c| {
        let labels =
            c.world.get("Namespace", "team-a")["metadata"]["labels"].as_object_mut().unwrap();
        labels.remove("pod-security.kubernetes.io/enforce");
        labels.insert("pod-security.kubernetes.io/enforce-version".into(), "v1.32".into());
    }),
    fault("PSS-02", "privileged for new profiles", |c| {
        c.set_option("kubeflow-profiles", "security-policy", "privileged")
    }),
    fault("PSS-03", "no CNI", |c| {
        c.world.objects.retain(|o| {
            !o["metadata"]["name"].as_str().unwrap_or_default().starts_with("istio-cni-node")
        })
    }),
    fault("PSS-04", "no warning", |c| {
        c.world.get("Namespace", "team-a")["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("pod-security.kubernetes.io/warn");
    }),
    fault("PSS-05", "no audit", |c| {
        c.world.get("Namespace", "kubeflow")["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("pod-security.kubernetes.io/audit");
    }),
    fault("PSS-06", "root", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["containers"][0]["securityContext"] = json!({"runAsUser": 0});
    }),
    fault("PSS-07", "privileged", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["containers"][1]["securityContext"] =
            json!({"privileged": true});
    }),
    fault("PSS-07", "the host's network", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["hostNetwork"] = true.into();
    }),
    fault("PSS-07", "a privileged ephemeral container", |c| {
        let i = first_pod(c, "team-a", "ml-pipeline-ui-artifact");
        c.world.objects[i]["spec"]["ephemeralContainers"] = json!([{"name": "debugger", "image": "busybox:1.37", "securityContext": {"privileged": true}}]);
    }).also(&["IMG-01", "IMG-04"]),
];
