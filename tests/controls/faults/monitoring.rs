//! Faults in monitoring.

use ckf_hardening::facts::telemetry::{FullQueue, Loss};
use ckf_hardening::policy::Profile;
use serde_json::json;

use super::{Fault, add, fault, first_pod, set};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("OBS-01", "no metrics", |c| {
        c.app("dex-auth").relations.remove("metrics-endpoint");
    }),
    fault("OBS-02", "no dashboards", |c| {
        c.app("dex-auth").relations.remove("grafana-dashboard");
    }),
    fault("OBS-03", "no logs", |c| {
        c.app("dex-auth").relations.remove("logging");
    }),
    fault("OBS-04", "Prometheus in the model", |c| {
        let mut set = c.world.get("Pod", "minio-0").clone();
        set["metadata"]["name"] = "prometheus-k8s-0".into();
        set["metadata"]["labels"]["app.kubernetes.io/name"] = "prometheus-k8s".into();
        add(c, set);
    }),
    fault("OBS-04", "Grafana in the cluster of the platform, by the profile strict", |c| {
        c.policy.profile = Profile::Strict;
        let mut set = c.world.get("Pod", "minio-0").clone();
        set["metadata"]["name"] = "grafana-0".into();
        set["metadata"]["namespace"] = "cos".into();
        set["metadata"]["labels"] = json!({"app.kubernetes.io/name": "grafana-k8s"});
        add(c, set);
    })
    .also(&["AUTHN-08", "JUJU-11", "JUJU-12"]),
    fault("OBS-05", "an agent past its end beside the collector", |c| {
        let mut pod = c.world.get("Pod", "opentelemetry-collector-k8s-0").clone();
        pod["metadata"]["name"] = "grafana-agent-k8s-0".into();
        pod["metadata"]["labels"]["app.kubernetes.io/name"] = "grafana-agent-k8s".into();
        pod["spec"]["containers"][1]["name"] = "agent".into();
        add(c, pod);
    }),
    fault("OBS-05", "not ready", |c| {
        let i = first_pod(c, "kubeflow", "opentelemetry-collector-k8s-0");
        c.world.objects[i]["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    }),
    fault("OBS-08", "no metrics of an application", |c| {
        c.telemetry.scraped.remove("dex-auth");
    }),
    fault("OBS-08", "a scrape that fails", |c| {
        c.telemetry.scraped.insert("dex-auth".into(), [("dex-auth/0".into(), false)].into());
    }),
    fault("OBS-08", "no metrics at all", |c| c.telemetry.scraped.clear()),
    fault("OBS-09", "a delivery that failed", |c| {
        c.telemetry.losses.push(Loss {
            application: "opentelemetry-collector-k8s".into(),
            unit: "opentelemetry-collector-k8s/0".into(),
            exporter: "loki/0".into(),
            counter: "otelcol_exporter_send_failed_log_records".into(),
        });
    }),
    fault("OBS-09", "a full queue", |c| {
        c.telemetry.full.push(FullQueue {
            application: "opentelemetry-collector-k8s".into(),
            unit: "opentelemetry-collector-k8s/0".into(),
            exporter: "loki/0".into(),
        });
    }),
    fault("OBS-06", "no access log", |c| {
        set(c, "ConfigMap", "istio", "/data/mesh", "rootNamespace: kubeflow\n".into())
    }),
];
