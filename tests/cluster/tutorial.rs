//! What the documents have a reader do, done on a real API server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ckf_test_support::documents::{read, yaml_with};
use ckf_test_support::{audit, cluster, control, run, verdict};
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

const ROLES: &str = "docs/how-to/gate-a-pipeline.md";

/// The blocks of commands of a page, each a script: what is indented.
fn blocks(page: &str) -> Vec<String> {
    let text = read(page);
    let mut blocks: Vec<String> = Vec::new();
    let (mut is_inside, mut is_output) = (false, false);
    for line in text.lines() {
        // Between fences is what a command prints.
        is_output ^= line.starts_with("```");
        if is_output {
            continue;
        }
        match line.strip_prefix("    ") {
            Some(line) if is_inside => {
                let last = blocks.last_mut().unwrap();
                last.push('\n');
                last.push_str(line);
            }
            Some(line) => blocks.push(line.to_owned()),
            None => {}
        }
        is_inside = line.starts_with("    ");
    }
    blocks
}

fn shell(script: &str, kubeconfig: &Path, folder: &Path) -> Output {
    let binary = ckf_test_support::binary();
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .env("KUBECONFIG", kubeconfig)
        .env("JUJU_DATA", "/nowhere")
        .env_remove("JUJU_DISPATCH_PATH")
        .output()
        .expect("sh runs")
}

#[test]
fn tutorial_works_literally_on_the_sandbox() {
    let sandbox = cluster(&World::stock("1.10"));
    let kubeconfig = sandbox.kubeconfig("admin");
    let folder = tempfile::tempdir().unwrap();
    let mut ran = Vec::new();
    for block in blocks("docs/tutorial.md") {
        // What the test has done already: it is built, and the sandbox runs.
        if block.starts_with("cargo ") || block.starts_with("export ") {
            continue;
        }
        let output = shell(&block, &kubeconfig, folder.path());
        let (shown, error) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        // 1 says that something is open, would change or can be done.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{block}: {error}");
        assert!(!shown.is_empty(), "{block} says nothing");
        ran.push((block, shown));
    }
    let shown = |command: &str| {
        let found = ran.iter().find(|(block, _)| block.contains(command));
        &found.unwrap_or_else(|| panic!("the tutorial has no {command}")).1
    };
    assert!(shown("audit").contains("NET-02"));
    assert!(shown("explain NET-02").contains("may break: "));
    let plan = shown("plan platform-network-policies");
    assert!(plan.contains("create NetworkPolicy") && !plan.contains("would cut"), "{plan}");
    let applied = shown("apply platform-network-policies");
    assert!(applied.contains("NET-02: fail -> pass"), "{applied}");
    assert!(shown("policy check").contains("1 waiver"));
    // All is as it was.
    let left = audit(&["--kubeconfig".as_ref(), kubeconfig.as_ref()]);
    assert_eq!(verdict(&left, "NET-02"), "fail");

    rights_of_the_docs_are_enough(&sandbox);
    what_is_not_there_is_said(&sandbox);
}

/// The roles of the page are all that an audit needs.
fn rights_of_the_docs_are_enough(sandbox: &Sandbox) {
    for role in yaml_with(ROLES, "kind: ClusterRole") {
        sandbox.kubectl_with(&["apply", "-f", "-"], &role.to_string()).unwrap();
    }
    let name = "ckf-hardening-audit";
    for binding in [
        &["create", "clusterrolebinding", name, "--clusterrole", name, "--user", "auditor"][..],
        &["create", "rolebinding", name, "-n", "kubeflow", "--role", name, "--user", "auditor"],
    ] {
        sandbox.kubectl_with(binding, "").unwrap();
    }
    let auditor = sandbox.write_kubeconfig("auditor", "auditors").unwrap();
    let by_auditor = audit(&["--kubeconfig".as_ref(), auditor.as_ref()]);
    assert_eq!(by_auditor["cluster"]["unknown"], json!([]));
    assert_eq!(control(&by_auditor, "NET-02")["verdict"], "fail");
}

fn what_is_not_there_is_said(sandbox: &Sandbox) {
    let admin = sandbox.kubeconfig("admin");
    let admin = admin.to_str().unwrap();
    let shown = |arguments: &[&str]| {
        let output = run(&[arguments, &["--kubeconfig", admin]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), error, output.stdout)
    };
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("snapshot");
    for command in [
        &["audit"][..],
        &["collect", snapshot.to_str().unwrap()],
        &["access", "--who", "admin", "--to", "platform"],
    ] {
        let (status, error, printed) = shown(&[command, &["--namespace", "nope"]].concat());
        assert_eq!(status, Some(2), "{command:?}: {error}");
        assert_eq!(error, "error: no namespace nope; Charmed Kubeflow is in: kubeflow\n");
        assert!(printed.is_empty() && !snapshot.exists());
        let (status, error, _) = shown(&[command, &["--namespace", "default"]].concat());
        assert_eq!(status, Some(2), "{command:?}: {error}");
        assert!(error.contains("it is in: kubeflow"), "{error}");
    }
    for who in ["admn", "group/nobody", "account/admin/nobody", "profile/nobody"] {
        let (status, error, _) = shown(&["access", "--who", who, "--to", "profile/admin"]);
        assert!(error.contains("is not known"), "{who}: {error}");
        assert_ne!(status, Some(0), "{who}: a typo is no answer");
    }
    let (_, error, _) = shown(&["access", "--who", "admin", "--to", "profile/admin"]);
    assert!(!error.contains("not known"), "{error}");
    for command in ["audit", "access --who admin --to platform", "keys", "rocks --offline"] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--from", "snapshot", "--namespace", "x"]);
        let output = run(&arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command}: {error}");
        assert!(error.contains("cannot be used with"), "{command}: {error}");
    }
    // A login that the API server does not take, and a cluster with no managed object.
    let expired = folder.path().join("expired");
    let text = fs::read_to_string(admin).unwrap();
    let mut config: Value = serde_yaml::from_str(&text).unwrap();
    config["users"][0]["user"] = json!({"token": "has-expired"});
    fs::write(&expired, serde_yaml::to_string(&config).unwrap()).unwrap();
    let output = run(&["audit".as_ref(), "--kubeconfig".as_ref(), expired.as_os_str()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("401") && error.contains("log in again") && !error.contains("network"),
        "{error}"
    );
    let nobody = sandbox.write_kubeconfig("nobody", "nobodies").unwrap();
    let partial = folder.path().join("partial");
    let arguments =
        ["collect".as_ref(), "--kubeconfig".as_ref(), nobody.as_os_str(), partial.as_os_str()];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(3), "most kinds are forbidden");
}

#[test]
fn pod_security_labels_refuse_only_what_enforce_says() {
    let sandbox = Sandbox::start().unwrap();
    let empty =
        ["audit", "--kubeconfig", sandbox.kubeconfig("admin").to_str().unwrap()].map(str::to_owned);
    let output = run(&empty);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.starts_with("error: no Charmed Kubeflow in this cluster"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");

    let namespace = |name: &str, labels: Value| {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        sandbox.kubectl_with(&["apply", "-f", "-"], &object.to_string()).unwrap();
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}});
        sandbox.kubectl_with(&["apply", "-f", "-"], &account.to_string()).unwrap();
    };
    namespace(
        "noted",
        json!({"pod-security.kubernetes.io/audit": "restricted", "pod-security.kubernetes.io/warn": "restricted"}),
    );
    namespace("enforced", json!({"pod-security.kubernetes.io/enforce": "baseline"}));
    // As Istio injects it: with its plugin on there is no istio-init.
    let pod = |namespace: &str, has_init: bool| {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "notebook-0", "namespace": namespace},
            "spec": {"automountServiceAccountToken": false,
                "containers": [{"name": "notebook", "image": "notebook"}, {"name": "istio-proxy", "image": "proxyv2"}]}});
        if has_init {
            let capabilities = json!({"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]});
            pod["spec"]["initContainers"] = json!([{"name": "istio-init", "image": "proxyv2",
                "securityContext": {"capabilities": capabilities, "runAsUser": 0}}]);
        }
        let apply = ["apply", "--dry-run=server", "-f", "-"];
        sandbox.kubectl_with(&apply, &pod.to_string()).map_err(|e| format!("{e:#}"))
    };
    for has_init in [true, false] {
        assert_eq!(pod("noted", has_init).err(), None, "audit and warn refuse nothing");
    }
    let refused = pod("enforced", true).unwrap_err();
    assert!(refused.contains("NET_ADMIN") && refused.contains("baseline"), "{refused}");
    assert_eq!(pod("enforced", false).err(), None, "with Istio CNI it is taken");
}

#[test]
fn gateway_taken_back_for_istio_pilot_is_applied_without_conflict() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.install_istio_definitions().unwrap();
    sandbox.wait_for_definitions().unwrap();
    let gateway = |port: u16, protocol: &str| {
        let server =
            json!({"hosts": ["*"], "port": {"name": "web", "number": port, "protocol": protocol}});
        json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
            "metadata": {"name": "kubeflow-gateway", "namespace": "default"},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]}})
    };
    let apply = |manager: &str, force: bool, object: &Value| {
        let manager = format!("--field-manager={manager}");
        let mut arguments = vec!["apply", "--server-side", &manager, "-f", "-"];
        arguments.extend(force.then_some("--force-conflicts"));
        let done = sandbox.kubectl_with(&arguments, &object.to_string());
        done.map_err(|e| format!("{e:#}"))
    };
    let own = gateway(8080, "HTTP");
    apply("lightkube", false, &own).unwrap();
    apply("alice", true, &gateway(8081, "HTTP")).unwrap();
    let conflict = apply("lightkube", false, &own).unwrap_err();
    assert!(conflict.contains("conflict"), "{conflict}");
    // The fix of TLS-13.
    apply("lightkube", true, &own).unwrap();
    apply("lightkube", false, &own).unwrap();
    // istio-pilot may change its servers again, as when HTTPS is switched on.
    apply("lightkube", false, &gateway(8443, "TCP")).unwrap();
}
