//! A tenant who makes objects that the expressions of a policy's own controls take long for.

use std::time::{Duration, Instant};

use ckf_worlds::World;
use serde_json::json;

use ckf_test_support::agent::{Agent, kubectl, until};

const POLICY: &str = "
controls:
  - id: ORG-01
    title: Keys are unique
    severity: low
    why: w
    fix: f
    apiVersion: v1
    kind: ConfigMap
    expression: \"!has(object.data) || object.data.all(k, object.data.exists_one(j, j == k))\"
";

#[test]
fn config_map_of_twenty_thousand_keys_delays_nothing() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let data: serde_json::Map<_, _> =
        (0..20_000).map(|n| (format!("key-{n}"), json!(""))).collect();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"namespace": "admin", "name": "wide"}, "data": data});
    sandbox.kubectl_with(&["create", "-f", "-"], &map.to_string()).unwrap();
    let options = json!({"enforce": "profile-network-policies", "policy": POLICY});
    let input = json!({"namespace": "kubeflow", "is-leader": true, "options": options});
    let agent = Agent::start(&sandbox, &input);
    let policy = || {
        let get = ["get", "networkpolicy", "-n", "admin", "ckf-hardening-profile"];
        sandbox.kubectl(&get).unwrap().status.success()
    };
    until("the NetworkPolicy", policy);
    // However often it is evaluated meanwhile.
    let mut longest = Duration::ZERO;
    for round in 0..4 {
        let mut input = input.clone();
        input["options"]["policy"] = POLICY.replace("unique", &format!("unique {round}")).into();
        agent.write_input(&input);
        kubectl(&sandbox, &["delete", "networkpolicy", "-n", "admin", "ckf-hardening-profile"]);
        let deleted = Instant::now();
        until("the NetworkPolicy again", || {
            let asked = Instant::now();
            assert_eq!(agent.get("/healthz").2, "ok\n");
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
            policy()
        });
        longest = longest.max(deleted.elapsed());
    }
    eprintln!("repaired within {longest:?}");
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    until("the reason", || {
        let report = agent.report();
        let controls = report["controls"].as_array().unwrap();
        let own = controls.iter().find(|control| control["id"] == "ORG-01");
        own.is_some_and(|own| {
            own["verdict"] == "not-assessed"
                && own["reason"].as_str().unwrap().contains("admin/wide: evaluating it takes more")
        })
    });
    assert_eq!(ckf_test_support::verdict(&agent.report(), "PSS-01"), "fail");

    // The command line, as a hook, has the same bound.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    std::fs::write(&file, POLICY).unwrap();
    let kubeconfig = sandbox.kubeconfig("admin");
    let started = Instant::now();
    let report = ckf_test_support::audit(&[
        "--policy".as_ref(),
        file.as_ref(),
        "--kubeconfig".as_ref(),
        kubeconfig.as_ref(),
    ]);
    eprintln!("audited within {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(ckf_test_support::verdict(&report, "ORG-01"), "not-assessed");
}
