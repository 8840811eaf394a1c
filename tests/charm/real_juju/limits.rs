//! A platform of some hundred tenants on which every write is refused: whatever there is to say,
//! Juju takes it.

use ckf_test_support::results::{parts, whole};
use juju_sim::{Event, Juju, Outcome, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{committed, fire, hook, unit};

const PROFILES: usize = 400;
/// Longest argument that the kernel passes on.
const LONGEST_ARGUMENT: usize = 131_072;

/// Has the API server refuse every NetworkPolicy.
fn refuse(sandbox: &Sandbox) {
    let name = json!({"name": "no-network-policies"});
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": name,
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["networking.k8s.io"], "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"], "resources": ["networkpolicies"]}]},
            "validations": [{"expression": "false", "message": "network policies of profiles need an owner ".repeat(5)}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": name,
        "spec": {"policyName": "no-network-policies", "validationActions": ["Deny"]},
    });
    sandbox.loader().unwrap().load(&[policy, binding]).unwrap();
    let probe = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "probe", "namespace": "default"}, "spec": {"podSelector": {}},
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), probe.to_string()).unwrap();
    super::until("the policy", || {
        let path = file.path().to_str().unwrap();
        let tried = sandbox.kubectl(&["create", "--dry-run=server", "-f", path]).unwrap();
        !tried.status.success()
    });
}

/// What Juju would have to refuse.
fn within_limits(unit: &Simulation, outcome: &Outcome) {
    for call in &outcome.calls {
        for argument in &call.arguments {
            assert!(argument.len() < LONGEST_ARGUMENT, "{}", call.tool);
        }
    }
    let model = unit.model();
    assert!(model.state.values().all(|value| value.len() < 65_536));
    let message = model.status.message;
    assert!(message.chars().count() <= 300 && !message.contains('\n'), "{message}");
}

fn action(unit: &mut Simulation, name: &str, parameters: Value) -> Outcome {
    let outcome = unit.run(&Event::action(name, parameters));
    committed(&outcome);
    within_limits(unit, &outcome);
    outcome
}

/// The lines of a result for people.
fn lines(outcome: &Outcome, key: &str) -> String {
    parts(&outcome.action.as_ref().unwrap().results, key).join("\n")
}

#[test]
fn hooks_and_actions_with_every_write_refused_succeed_and_report_all() {
    let sandbox =
        ckf_test_support::cluster(&ckf_worlds::World::large("1.10", 2 * PROFILES, PROFILES));
    refuse(&sandbox);
    let mut unit = unit(Juju::V4_0, 0, 1, &sandbox.kubeconfig("admin"));
    unit.set_option("enforce", "profile-network-policies");
    // What blocks is what is refused.
    unit.set_option("block-on", "never");
    for name in ["config-changed", "update-status"] {
        let outcome = hook(&mut unit, name);
        within_limits(&unit, &outcome);
    }
    let status = unit.model().status;
    assert_eq!(status.name, "blocked");
    let shown: String = status.message.chars().take(120).collect();
    assert!(shown.starts_with("enforce: ") && shown.contains("NetworkPolicy"), "{shown}");

    let planned = action(&mut unit, "plan", json!({}));
    let changes: usize = planned.results()["changes"].as_str().unwrap().parse().unwrap();
    assert!(changes > PROFILES, "{changes}");
    let plan = lines(&planned, "plan");
    let named = plan.lines().filter(|line| line.starts_with("profile-network-policies: create"));
    assert_eq!(named.count(), changes);

    // What was tried is reported, and that it was refused.
    let applied = action(&mut unit, "apply", json!({"remedies": "profile-network-policies"}));
    let failed = applied.action.as_ref().unwrap().failed.as_ref().unwrap();
    assert!(failed.contains("more") && failed.len() < 2100, "{failed}");
    assert!(lines(&applied, "plan").contains("user-00399"));

    for format in ["json", "sarif", "openreports", "policyreport", "oscal", "defectdojo"] {
        let outcome = action(&mut unit, "get-report", json!({"format": format}));
        let text = outcome.results()["report"].as_str().unwrap();
        let report: Value =
            serde_json::from_str(text).unwrap_or_else(|why| panic!("{format}: {why}"));
        assert!(text.contains("omitted for lack of space"), "{format}: {}", text.len());
        assert!(report.is_object());
        let outcome = action(&mut unit, "get-report", json!({"format": format, "complete": true}));
        let text = whole(&outcome.action.as_ref().unwrap().results, "report").unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        assert!(report.is_object() && text.contains("user-00399"), "{format}");
    }
    for (format, end) in [("junit", "</testsuites>\n"), ("html", "</html>\n")] {
        let outcome = action(&mut unit, "get-report", json!({"format": format}));
        let text = outcome.results()["report"].as_str().unwrap();
        assert!(text.ends_with(end), "{format}");
    }
    for (name, parameters) in [
        ("get-report", json!({})),
        ("get-report", json!({"format": "markdown"})),
        ("audit", json!({})),
        ("check-rocks", json!({})),
        ("check-rocks", json!({"format": "json"})),
        ("rotation-status", json!({})),
    ] {
        let outcome = action(&mut unit, name, parameters);
        assert_eq!(outcome.action.unwrap().failed, None, "{name}");
    }

    let delete = ["delete", "validatingadmissionpolicybinding", "no-network-policies"];
    assert!(sandbox.kubectl(&delete).unwrap().status.success());
    super::until("what was refused", || {
        let outcome = hook(&mut unit, "update-status");
        within_limits(&unit, &outcome);
        unit.model().status.name != "blocked"
    });
    let undone = fire(&mut unit, &Event::action("undo", json!({"remedies": "mutual-tls"})));
    assert_eq!(undone.results()["changes"], "0");
}
