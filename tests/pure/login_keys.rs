//! Keys that are changed by hand: each is listed with owner, age where something shows it, and steps.

use std::collections::BTreeMap;

use ckf_hardening::controls::Context;
use ckf_hardening::facts::juju::{Application, ControllerSettings, Juju, Setting};
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::login_keys::{LoginKeys, login_keys};
use ckf_hardening::policy::Policy;
use ckf_worlds::{World, base64, object};
use serde_json::json;

fn listed(facts: &Facts, policy: &str) -> LoginKeys {
    let (policy, problems) = Policy::parse(policy);
    assert!(problems.is_empty(), "{problems:?}");
    login_keys(&Context::new(facts, &policy, None))
}

fn facts() -> Facts {
    let mut world = World::stock("1.10");
    let secret = |namespace: &str, name: &str, kind: &str, key: &str| {
        let body = json!({"type": kind, "data": {key: base64("invented")}});
        object("v1", "Secret", namespace, name, body)
    };
    world.objects.extend([
        secret("kubeflow", "pull", "kubernetes.io/dockerconfigjson", ".dockerconfigjson"),
        secret("kubeflow", "mlflow-s3", "Opaque", "AWS_SECRET_ACCESS_KEY"),
        secret("kubeflow", "robot", "kubernetes.io/service-account-token", "token"),
        secret("velero", "cloud-credentials", "Opaque", "cloud"),
        secret("elsewhere", "robot", "kubernetes.io/service-account-token", "token"),
    ]);
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let mut facts = Facts::from_objects(about, &world.objects);
    let connectors = Setting { set: true, secret: true, ..Setting::default() };
    let app = |name: &str, options| Application {
        name: name.into(),
        charm: name.into(),
        options,
        ..Application::default()
    };
    facts.juju = Known::Known(Juju {
        applications: Known::Known(vec![
            app("dex-auth", BTreeMap::from([("connectors".into(), connectors)])),
            app("oidc-gatekeeper", BTreeMap::new()),
        ]),
        controller: Known::Known(ControllerSettings {
            authority_ends: Some("2027-06-01T00:00:00Z".parse().unwrap()),
            ..ControllerSettings::default()
        }),
        ..Juju::default()
    });
    facts
}

#[test]
fn each_key_is_listed_with_its_owner_and_steps() {
    let attested = "attestations: [{control: CRED-05, reason: r, owner: o, date: 2026-05-01}]";
    let all = listed(&facts(), attested);
    assert!(all.unknown.is_empty(), "{:?}", all.unknown);
    let names: Vec<&str> = all.keys.iter().map(|key| key.key.as_str()).collect();
    for expected in [
        "dex-auth's connectors",
        "client secret of oidc-gatekeeper",
        "sessions of oidc-gatekeeper",
        "Juju's controller, until 2027-06-01",
        "kubeflow/pull, a registry's password",
        "kubeflow/mlflow-s3, an S3 key",
        "kubeflow/robot, a token",
        "velero/cloud-credentials, S3 key of Velero",
    ] {
        assert!(names.iter().any(|name| name.contains(expected)), "{expected}: {names:#?}");
    }
    assert!(!names.iter().any(|name| name.contains("elsewhere")), "{names:#?}");
    assert!(all.keys.iter().all(|key| !key.steps.is_empty() && !key.owner.is_empty()));
    // The nearest date first, and what nothing dates last.
    let dates: Vec<Option<String>> =
        all.keys.iter().map(|key| key.next.map(|date| date.to_string())).collect();
    let dated: Vec<&String> = dates.iter().flatten().collect();
    assert!(dated.is_sorted() && dates.iter().skip(dated.len()).all(Option::is_none), "{dates:?}");
    let gatekeeper = all.keys.iter().find(|key| key.key.starts_with("client secret of")).unwrap();
    assert_eq!(gatekeeper.next.unwrap().to_string(), "2027-05-01");
}

#[test]
fn unreadable_key_is_reported() {
    let mut without = facts();
    without.juju = Known::default();
    let all = listed(&without, "");
    assert_eq!(all.unknown, ["needs Juju credentials"]);
    assert!(all.keys.iter().any(|key| key.key.contains("mlflow-s3")));
}
