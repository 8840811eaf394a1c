//! The images of a platform as the charm sees them, beside a real API server, a real
//! registry, Charmhub and a controller: what ran is on record, and what is swapped is found.

use std::collections::BTreeMap;

use ckf_test_support::rotation::hook;
use ckf_worlds::World;
use juju_sim::controller::{Application, Certificate, Controller, DeployedResource, State};
use juju_sim::{Event, Juju, Outcome, Simulation};
use kube_sandbox::Sandbox;
use registry_sandbox::{Answer, Front, Image, Registry};
use serde_json::{Value, json};

const ROCK: &str = "charmedkubeflow/training-operator";
const TAG: &str = "1.9.3-9e9ea13";

fn controller(juju: Juju, model: &str) -> Controller {
    let mut state = State::new(juju, "admin-pw-of-the-controller");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let dex = Application {
        charm: "ch:amd64/dex-auth-612".into(),
        channel: "2.41/stable".into(),
        resources: BTreeMap::from([(
            "oci-image".to_owned(),
            DeployedResource { revision: Some(10), ..DeployedResource::default() },
        )]),
        ..Application::default()
    };
    let hosted = state.add_model(model, "kubeflow");
    hosted.users.insert("hardening".into(), "write".into());
    hosted.applications.insert("dex-auth".into(), dex);
    Controller::start_with(state, Certificate::Good).unwrap()
}

/// Charmhub has a newer revision of every charm.
fn charmhub() -> Front {
    Front::start("", |request| {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let results = asked["actions"].as_array().unwrap().iter().map(|action| {
            json!({"instance-key": action["instance-key"], "result": "install", "error": null,
                "charm": {"revision": 650, "resources": [{"name": "oci-image", "revision": 12}]}})
        });
        let answer = json!({"error-list": [], "results": results.collect::<Vec<_>>()});
        Answer::With(200, vec![], answer.to_string().into_bytes())
    })
    .unwrap()
}

/// The node runs this digest in the container of a pod.
fn runs(sandbox: &Sandbox, pod: &str, container: &str, image: Option<&str>, digest: &str) {
    let kubectl = |arguments: &[&str]| {
        let output = sandbox.kubectl(arguments).unwrap();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {why}");
        output.stdout
    };
    let of_pod = ["-n", "kubeflow", "pod", pod];
    let patch = |kind: &str, patch: Value, more: &[&str]| {
        let (kind, patch) = (format!("--type={kind}"), patch.to_string());
        kubectl(&[&["patch"], &of_pod[..], &[&kind, "-p", &patch], more].concat());
    };
    if let Some(image) = image {
        let containers = json!([{"name": container, "image": image}]);
        patch("strategic", json!({"spec": {"containers": containers}}), &[]);
    }
    let found = kubectl(&[&["get"], &of_pod[..], &["-o", "json"]].concat());
    let mut found: Value = serde_json::from_slice(&found).unwrap();
    let statuses = found["status"]["containerStatuses"].as_array_mut().unwrap();
    let own = statuses.iter_mut().find(|status| status["name"] == container);
    own.unwrap()["imageID"] = format!("x@{digest}").into();
    let statuses = found["status"]["containerStatuses"].take();
    let status = json!({"status": {"containerStatuses": statuses}});
    patch("merge", status, &["--subresource=status"]);
}

fn check(unit: &mut Simulation, parameters: Value) -> Outcome {
    let outcome = unit.run(&Event::action("check-rocks", parameters));
    assert!(outcome.committed(), "{outcome:?}");
    outcome
}

fn images(unit: &mut Simulation, parameters: Value) -> Value {
    let mut all = json!({"format": "json"});
    all.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
    let outcome = check(unit, all);
    serde_json::from_str(outcome.results()["rocks"].as_str().unwrap()).unwrap()
}

fn states(report: &Value, application: &str) -> Vec<String> {
    let rows = report["images"].as_array().unwrap().iter();
    let of_it = rows.filter(|row| row["application"] == application);
    let states = of_it.flat_map(|row| row["states"].as_array().unwrap());
    states.map(|state| state["state"].as_str().unwrap().to_owned()).collect()
}

fn verdict(unit: &mut Simulation, id: &str) -> (String, String) {
    hook(unit, "config-changed");
    let outcome = unit.run(&Event::action("audit", json!({})));
    assert!(outcome.committed(), "{outcome:?}");
    let outcome = unit.run(&Event::action("get-report", json!({"format": "json"})));
    let report: Value =
        serde_json::from_str(outcome.results()["report"].as_str().unwrap()).unwrap();
    let control = ckf_test_support::control(&report, id);
    let text = |field: &str| control[field].as_str().unwrap().to_owned();
    (text("verdict"), text("reason"))
}

#[test]
fn swapped_image_is_a_finding_until_accepted_or_refreshed() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let (registry, charmhub) = (Registry::start().unwrap(), charmhub());
    let digest = registry.push(ROCK, TAG, &Image::default().file("a", "a")).unwrap();
    let pods = sandbox.kubectl(&["get", "pods", "-n", "kubeflow", "-o", "name"]).unwrap();
    let pods = String::from_utf8(pods.stdout).unwrap();
    let training = pods.lines().find(|name| name.contains("training-operator-6d")).unwrap();
    let training = training.strip_prefix("pod/").unwrap();
    runs(&sandbox, training, "training-operator", None, &digest);

    let mut unit =
        ckf_test_support::rotation::unit(Juju::V3_6, "", |model| controller(Juju::V3_6, model));
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    unit.set_option("offline", false);
    let mirrors = format!("docker.io={0}, ghcr.io={0}, registry.k8s.io={0}", registry.address());
    unit.set_option("registry-mirrors", mirrors);
    unit.set_option("charmhub-url", format!("http://{}", charmhub.address()));

    // The first audit asks, and the next ones of the day do not.
    hook(&mut unit, "config-changed");
    unit.set_option("audit-interval", "5m");
    hook(&mut unit, "config-changed");
    assert_eq!(charmhub.seen().len(), 1);
    let report = images(&mut unit, json!({}));
    assert_eq!(charmhub.seen().len(), 2);
    assert_eq!(
        report["advice"],
        json!(["juju refresh dex-auth --channel 2.41/stable --revision 650"])
    );
    assert_eq!(states(&report, "training-operator"), [""; 0]);
    assert_eq!(states(&report, "dex-auth"), [""; 0]);
    let table = check(&mut unit, json!({}));
    assert_eq!(table.results()["unexpected"], "0");
    // A cell of eighty columns is broken between words.
    let rocks = table.results()["rocks"].as_str().unwrap();
    assert!(rocks.contains("newer: charm") && rocks.contains("revision 650"), "{rocks}");

    // A user swaps Dex's image, and moves the tag of another one.
    let other = format!("sha256:{}", "9".repeat(64));
    let image = format!("registry.jujucharms.com/charm/x/oci-image@{other}");
    runs(&sandbox, "dex-auth-0", "dex", Some(&image), &other);
    registry.push(ROCK, TAG, &Image::default().file("a", "b")).unwrap();
    let report = images(&mut unit, json!({}));
    assert_eq!(states(&report, "dex-auth"), ["swapped"]);
    assert_eq!(states(&report, "training-operator"), ["moved"]);
    let (swapped, why) = verdict(&mut unit, "IMG-03");
    assert_eq!(swapped, "fail", "{why}");
    assert!(
        why.starts_with(&format!("Pod kubeflow/dex-auth-0: container dex is {other}")),
        "{why}"
    );
    assert_eq!(verdict(&mut unit, "IMG-10").0, "fail");
    assert_eq!(verdict(&mut unit, "IMG-11").0, "fail");

    // It stays until a user accepts it, or Juju that it was refreshed.
    assert_eq!(states(&images(&mut unit, json!({})), "dex-auth"), ["swapped"]);
    assert_eq!(states(&images(&mut unit, json!({"accept": true})), "dex-auth"), [""; 0]);
    assert_eq!(states(&images(&mut unit, json!({})), "dex-auth"), [""; 0]);
    let third = format!("sha256:{}", "8".repeat(64));
    let image = format!("registry.jujucharms.com/charm/x/oci-image@{third}");
    runs(&sandbox, "dex-auth-0", "dex", Some(&image), &third);
    unit.controller().change(|state| {
        state.application_mut("dex-auth").unwrap().charm = "ch:amd64/dex-auth-650".into();
    });
    assert_eq!(states(&images(&mut unit, json!({})), "dex-auth"), [""; 0]);
}
