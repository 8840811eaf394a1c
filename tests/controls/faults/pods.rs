//! Faults in pod security.

use serde_json::{Value, json};

use crate::case::Case;

use super::{Fault, fault, first_pod, set};

/// A security context of MinIO's container.
fn of_minio(c: &mut Case, security: Value) {
    let i = first_pod(c, "kubeflow", "minio-0");
    c.world.objects[i]["spec"]["containers"][1]["securityContext"] = security;
}

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
    })
    .also(&["NET-06"]),
    fault("PSS-07", "the whole of /proc", |c| of_minio(c, json!({"procMount": "Unmasked"}))),
    fault("PSS-07", "no seccomp", |c| {
        of_minio(c, json!({"seccompProfile": {"type": "Unconfined"}}))
    }),
    fault("PSS-07", "no AppArmor", |c| {
        of_minio(c, json!({"appArmorProfile": {"type": "Unconfined"}}))
    }),
    fault("PSS-07", "no AppArmor by annotation", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        let key = "container.apparmor.security.beta.kubernetes.io/minio";
        c.world.objects[i]["metadata"]["annotations"] = json!({ key: "unconfined" });
    }),
    fault("PSS-07", "a type of SELinux that is not confined", |c| {
        of_minio(c, json!({"seLinuxOptions": {"type": "spc_t"}}))
    }),
    fault("PSS-07", "a parameter of the node's kernel", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["securityContext"] =
            json!({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]});
    }),
    fault("PSS-07", "a port of the node", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["containers"][1]["ports"] =
            json!([{"containerPort": 9000, "hostPort": 9000}]);
    })
    .also(&["NET-06"]),
    fault("PSS-07", "a probe of another host", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["containers"][1]["livenessProbe"] =
            json!({"httpGet": {"port": 80, "host": "169.254.169.254"}});
    }),
    fault("PSS-07", "an image that is called like Istio's", |c| {
        let i = first_pod(c, "team-a", "ml-pipeline-ui-artifact");
        c.world.objects[i]["spec"]["initContainers"] = json!([{"name": "istio-init",
            "image": "docker.io/eve/proxyv2:1", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]);
    })
    .also(&["IMG-01", "IMG-04"]),
    fault("PSS-07", "a privileged ephemeral container", |c| {
        let i = first_pod(c, "team-a", "ml-pipeline-ui-artifact");
        c.world.objects[i]["spec"]["ephemeralContainers"] = json!([{"name": "debugger", "image": "busybox:1.37", "securityContext": {"privileged": true}}]);
    }).also(&["IMG-01", "IMG-04"]),
];
