//! Remedies on a real API server with Istio's definitions: planned, applied, restored
//! when a user changed them, and undone; and istio-pilot's own objects stay its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use ckf_test_support::agent::patch_floor;
use ckf_test_support::{audit, binary, cluster, run, verdict};
use ckf_worlds::{World, object};
use juju_sim::{Event, Outcome, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// A platform that serves HTTPS and nothing more.
fn https() -> World {
    let mut world = World::hardened("1.10");
    for (kind, name) in
        [("EnvoyFilter", "ckf-hardening-tls-floor"), ("Gateway", "ckf-hardening-https-redirect")]
    {
        let is_it = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
        world.objects.retain(|object| !is_it(object));
    }
    world
}

/// What istio-pilot's objects are: their specs by kind and name.
fn istio(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let listed =
        sandbox.kubectl(&["get", "envoyfilters,gateways.networking.istio.io", "-A", "-o", "json"]);
    let listed: Value = serde_json::from_slice(&listed.unwrap().stdout).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let meta = &item["metadata"];
            let name = format!("{} {}", item["kind"].as_str().unwrap(), meta["name"].as_str().unwrap());
            (name, json!({"spec": item["spec"], "labels": meta["labels"], "generation": meta["generation"]}))
        })
        .collect()
}

fn ours(sandbox: &Sandbox) -> Vec<String> {
    let all = istio(sandbox).into_keys();
    all.filter(|name| name.contains("ckf-hardening")).collect()
}

const FLOOR: &str = "EnvoyFilter ckf-hardening-tls-floor";
const REDIRECT: &str = "Gateway ckf-hardening-https-redirect";

fn command(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let admin = sandbox.kubeconfig("admin");
    let mut all: Vec<&str> = arguments.to_vec();
    all.extend(["--kubeconfig", admin.to_str().unwrap()]);
    if ["apply", "undo"].contains(&arguments[0]) {
        all.push("--yes");
    }
    run(&all)
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// Sets the TLS floor to a version that the policy does not allow.
fn weaken(sandbox: &Sandbox) {
    let path = "/spec/configPatches/0/patch/value/transport_socket/typed_config/common_tls_context/tls_params/tls_minimum_protocol_version";
    patch_floor(sandbox, &json!([{"op": "replace", "path": path, "value": "TLSv1_0"}]));
}

#[test]
fn remedies_without_https_plan_nothing() {
    let sandbox = cluster(&World::stock("1.10"));
    let before = istio(&sandbox);
    let (code, text) = said(&command(&sandbox, &["plan", "tls-floor", "https-redirect", "hsts"]));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.matches("TLS-01").count(), 3, "{text}");
    let (code, _) = said(&command(&sandbox, &["apply"]));
    assert_eq!(code, Some(0));
    assert_eq!(istio(&sandbox), before);
}

#[test]
fn remedies_are_planned_applied_restored_and_undone() {
    let sandbox = cluster(&https());
    let before = istio(&sandbox);
    assert_eq!(ours(&sandbox), [""; 0]);
    let failing = |sandbox: &Sandbox| {
        let admin = sandbox.kubeconfig("admin");
        let report = audit(&["--kubeconfig".as_ref(), admin.as_ref()]);
        let controls = report["controls"].as_array().unwrap().iter();
        let fails = controls.filter(|control| control["verdict"] == "fail");
        let ids: Vec<String> = fails.map(|control| control["id"].to_string()).collect();
        (ids, report)
    };
    let (mut fails_before, _) = failing(&sandbox);
    // What Knative serves in clear is redirected.
    fails_before.retain(|id| !id.to_string().contains("TLS-02"));

    // A plan changes nothing.
    let (code, text) = said(&command(
        &sandbox,
        &["plan", "tls-floor", "https-redirect", "hsts", "--tls-min-version", "1.3"],
    ));
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "tls-floor: create EnvoyFilter kubeflow/ckf-hardening-tls-floor",
        "TLSv1_3",
        "https-redirect: create Gateway",
        "hsts: create EnvoyFilter",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(istio(&sandbox), before);

    let (code, text) = said(&command(&sandbox, &["apply"]));
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(ours(&sandbox), [FLOOR, REDIRECT]);
    assert_eq!(said(&command(&sandbox, &["plan"])), (Some(0), "no changes\n".into()));
    let (fails_after, report) = failing(&sandbox);
    assert_eq!(fails_after, fails_before, "our own objects are no finding");
    assert_eq!((verdict(&report, "TLS-10"), verdict(&report, "TLS-11")), ("pass", "pass"));

    what_somebody_changed_is_restored(&sandbox);
    istio_pilot_sees_no_conflict(&sandbox);

    let (code, text) = said(&command(&sandbox, &["undo", "tls-floor", "https-redirect", "hsts"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("hsts: skipped: not applied"), "{text}");
    let strip = |all: BTreeMap<String, Value>| -> Vec<(String, Value)> {
        all.into_iter().map(|(name, object)| (name, object["spec"].clone())).collect()
    };
    assert_eq!(strip(istio(&sandbox)), strip(before));

    what_is_not_ours_is_left_alone(&sandbox);
}

fn what_somebody_changed_is_restored(sandbox: &Sandbox) {
    let good = istio(sandbox)[FLOOR]["spec"].clone();
    weaken(sandbox);
    let (code, text) = said(&command(sandbox, &["plan"]));
    assert_eq!(code, Some(1));
    assert!(
        text.contains("restore EnvoyFilter") && text.contains("changed by kubectl-patch"),
        "{text}"
    );
    assert!(text.contains("tls_minimum_protocol_version: TLSv1_0 -> TLSv1_2"), "{text}");
    assert_eq!(said(&command(sandbox, &["apply"])).0, Some(0));
    assert_eq!(istio(sandbox)[FLOOR]["spec"], good);

    let gone = sandbox.kubectl(&[
        "delete",
        "gateways.networking.istio.io",
        "-n",
        "kubeflow",
        "ckf-hardening-https-redirect",
    ]);
    assert!(gone.unwrap().status.success());
    assert_eq!(said(&command(sandbox, &["apply"])).0, Some(0));
    assert_eq!(ours(sandbox), [FLOOR, REDIRECT]);

    // A stricter policy is a change of the charm's own.
    assert_eq!(said(&command(sandbox, &["apply", "--tls-min-version", "1.3"])).0, Some(0));
    assert!(istio(sandbox)[FLOOR]["spec"].to_string().contains("TLSv1_3"));
    assert_eq!(said(&command(sandbox, &["apply"])).0, Some(0));
    assert_eq!(istio(sandbox)[FLOOR]["spec"], good);
}

/// istio-pilot applies its objects server-side as `lightkube`, without force.
fn istio_pilot_sees_no_conflict(sandbox: &Sandbox) {
    let world = https();
    let its_own = world.objects.iter().filter(|object| {
        let kind = object["kind"].as_str().unwrap();
        let api = object["apiVersion"].as_str().unwrap();
        api.starts_with("networking.istio.io/")
            && ["Gateway", "EnvoyFilter", "VirtualService"].contains(&kind)
    });
    let its_own: Vec<Value> = its_own.cloned().collect();
    assert!(its_own.len() > 2);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": its_own}).to_string();
    let apply = ["apply", "--server-side", "--field-manager=lightkube", "-f", "-"];
    sandbox.kubectl_with(&apply, &list).expect("no conflict");
}

fn what_is_not_ours_is_left_alone(sandbox: &Sandbox) {
    let foreign = object(
        "networking.istio.io/v1alpha3",
        "EnvoyFilter",
        "kubeflow",
        "ckf-hardening-tls-floor",
        json!({"spec": {"workloadSelector": {"labels": {"some": "other"}}}}),
    );
    sandbox.loader().unwrap().load(&[foreign]).unwrap();
    let before = istio(sandbox);
    let (code, text) = said(&command(sandbox, &["apply", "tls-floor"]));
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("kubeflow/ckf-hardening-tls-floor exists and is not managed by this charm"),
        "{text}"
    );
    let (code, _) = said(&command(sandbox, &["undo", "tls-floor"]));
    assert_eq!(code, Some(0));
    assert_eq!(istio(sandbox), before);
}

fn charm(sandbox: &Sandbox, user: &str) -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    let kubeconfig = sandbox.kubeconfig(user).into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    unit
}

fn hook(unit: &mut Simulation, name: &str) -> Outcome {
    let outcome = unit.run(&Event::hook(name));
    assert!(outcome.committed(), "{outcome:?}");
    outcome
}

fn action(unit: &mut Simulation, name: &str, parameters: Value) -> juju_sim::ActionResult {
    let outcome = unit.run(&Event::action(name, parameters));
    assert!(outcome.committed(), "{outcome:?}");
    outcome.action.unwrap()
}

#[test]
fn charm_enforces_the_remedies_of_its_option() {
    let sandbox = cluster(&https());
    let before = istio(&sandbox);
    let mut unit = charm(&sandbox, "admin");
    hook(&mut unit, "config-changed");
    assert_eq!(ours(&sandbox), [FLOOR, REDIRECT]);
    let good = istio(&sandbox);

    // Found and fixed by the next event.
    let quiet = hook(&mut unit, "update-status");
    weaken(&sandbox);
    let repairs = hook(&mut unit, "update-status");
    assert!(repairs.calls.len() > quiet.calls.len(), "{repairs:?}");
    assert_eq!(istio(&sandbox)[FLOOR]["spec"], good[FLOOR]["spec"]);

    let refused = action(&mut unit, "undo", json!({"remedies": ["tls-floor"]})).failed;
    assert!(refused.unwrap().contains("option enforce"));
    let planned = action(&mut unit, "plan", json!({"remedies": ["hsts"]}));
    assert!(planned.results["plan"].as_str().unwrap().contains("hsts: create EnvoyFilter"));
    assert_eq!(planned.results["changes"], "1");
    assert!(action(&mut unit, "apply", json!({"remedies": ["hsts"]})).failed.is_none());
    assert_eq!(ours(&sandbox).len(), 3);
    assert_eq!(action(&mut unit, "enforce-tls", json!({})).results["changes"], "0");

    // What a person applied stays, what the option had kept goes.
    unit.set_option("enforce", "tls-floor");
    hook(&mut unit, "config-changed");
    assert_eq!(ours(&sandbox), ["EnvoyFilter ckf-hardening-hsts", FLOOR]);
    assert!(action(&mut unit, "undo", json!({"remedies": ["hsts"]})).failed.is_none());
    assert_eq!(ours(&sandbox), [FLOOR]);

    // Another platform has a charm of its own, and what that made is left alone.
    let theirs = |sandbox: &Sandbox| {
        let found = sandbox.kubectl(&["get", "envoyfilter", "-n", "elsewhere", "of-another-charm"]);
        found.unwrap().status.success()
    };
    let labels = json!({"app.kubernetes.io/managed-by": "ckf-hardening", "ckf-hardening/remedy": "tls-floor", "ckf-hardening/kept": "true"});
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}});
    let mut filter = object(
        "networking.istio.io/v1alpha3",
        "EnvoyFilter",
        "elsewhere",
        "of-another-charm",
        json!({"spec": {}}),
    );
    filter["metadata"]["labels"] = labels;
    sandbox.loader().unwrap().load(&[namespace, filter]).unwrap();
    hook(&mut unit, "update-status");
    assert!(theirs(&sandbox));

    // One of two units goes: the other keeps it. The last takes it along.
    let goal = |status: &str| juju_sim::GoalStatus {
        status: status.into(),
        since: "2026-11-24 12:00:00Z".into(),
    };
    unit.change(|model| {
        let units = [("ckf-hardening/0", "dying"), ("ckf-hardening/1", "active")];
        let units = units.map(|(name, status)| (name.to_owned(), goal(status)));
        model.goal = Some(juju_sim::Goal { units: units.into(), relations: BTreeMap::new() });
    });
    hook(&mut unit, "remove");
    assert_eq!(ours(&sandbox), [FLOOR]);
    unit.change(|model| {
        model.goal.as_mut().unwrap().units.retain(|name, _| name == "ckf-hardening/0")
    });
    hook(&mut unit, "remove");
    assert!(theirs(&sandbox));
    let gone = sandbox.kubectl(&["delete", "envoyfilter", "-n", "elsewhere", "of-another-charm"]);
    assert!(gone.unwrap().status.success());
    let specs = |all: BTreeMap<String, Value>| -> Vec<Value> {
        all.into_values().map(|o| o["spec"].clone()).collect()
    };
    assert_eq!(specs(istio(&sandbox)), specs(before));

    forbidden_change_is_reported(&sandbox);
    when_https_ends_the_redirect_goes(&sandbox);
}

fn forbidden_change_is_reported(sandbox: &Sandbox) {
    sandbox.write_kubeconfig("viewer", "viewers").unwrap();
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "viewer"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "create"]}]});
    let mut binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "viewer"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}]});
    binding["roleRef"] =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "viewer"});
    sandbox.loader().unwrap().load(&[role, binding]).unwrap();
    let mut unit = charm(sandbox, "viewer");
    hook(&mut unit, "config-changed");
    let message = unit.model().status.message;
    assert!(message.contains("enforce:") && message.contains("forbidden"), "{message}");
    assert_eq!(ours(sandbox), [""; 0]);
    unit.set_option("enforce", "none");
    hook(&mut unit, "config-changed");
    let message = unit.model().status.message;
    assert!(!message.contains("enforce:"), "{message}");
}

fn when_https_ends_the_redirect_goes(sandbox: &Sandbox) {
    let mut unit = charm(sandbox, "admin");
    hook(&mut unit, "config-changed");
    assert_eq!(ours(sandbox), [FLOOR, REDIRECT]);
    let clear = World::stock("1.10").get("Gateway", "kubeflow-gateway").clone();
    sandbox.loader().unwrap().load(&[clear]).unwrap();
    unit.set_option("tls-min-version", "1.3");
    hook(&mut unit, "config-changed");
    assert_eq!(ours(sandbox), [""; 0]);
}
