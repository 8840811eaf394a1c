//! The binary on a real API server that holds a Charmed Kubeflow.

use std::ffi::OsStr;
use std::fs;

use ckf_test_support::{audit, cluster, control, run, verdict};
use ckf_worlds::World;
use serde_json::{Value, json};

/// What a stock deployment fails, on an API server that is newer than its release supports.
const STOCK_FAILS: &[&str] = &[
    "AUTHZ-04", "AUTHZ-07", "AUTHZ-11", "CLOUD-02", "CRED-07", "CRED-11", "IMG-01", "IMG-02",
    "IMG-04", "IMG-05", "K8S-02", "NET-01", "NET-02", "NET-03", "NET-11", "OBS-05", "PSS-01",
    "PSS-03", "PSS-04", "PSS-05", "PSS-06", "TLS-01", "TLS-02", "UPG-05", "UPG-07", "UPG-08",
    "UPG-09",
];

fn failing(report: &Value) -> Vec<&str> {
    let controls = report["controls"].as_array().expect("a report has controls");
    let mut ids: Vec<&str> = controls
        .iter()
        .filter(|c| c["verdict"] == "fail")
        .filter_map(|c| c["id"].as_str())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn stock_deployment_fails_the_known_controls() {
    let sandbox = cluster(&World::stock("1.10"));
    let admin = sandbox.kubeconfig("admin");
    let live = audit(&["--kubeconfig".as_ref(), admin.as_ref()]);
    assert_eq!(failing(&live), STOCK_FAILS);
    assert_eq!(live["release"], "1.10");
    assert_eq!(live["problems"], json!([]));
    assert_eq!(live["cluster"]["distribution"], "Canonical Kubernetes");
    let clear = control(&live, "TLS-02")["findings"].as_array().unwrap();
    let clear: Vec<_> = clear.iter().map(|finding| &finding["object"]["name"]).collect();
    assert_eq!(clear, ["knative-ingress-gateway", "kubeflow-gateway"]);

    a_snapshot_gives_the_same_verdicts_and_bytes(admin.as_ref(), &live);
    a_waiver_waives_one_object_and_no_more(admin.as_ref());
    what_a_user_may_not_read_is_not_assessed(&sandbox);
    exit_statuses_tell_what_happened(admin.as_ref());
}

fn a_snapshot_gives_the_same_verdicts_and_bytes(admin: &OsStr, live: &Value) {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("snapshot");
    let output = run(&["collect".as_ref(), "--kubeconfig".as_ref(), admin, at.as_os_str()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for file in fs::read_dir(&at).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("Zq8rT2mWx5vB1nKcYp4sLd7hGf3jQa"), "a snapshot holds MinIO's key");
        assert!(!text.contains("an-invented-password"), "a snapshot holds a password");
    }
    let offline = audit(&["--from".as_ref(), at.as_os_str()]);
    let verdicts = |r: &Value| -> Vec<(Value, Value)> {
        r["controls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| (c["id"].clone(), c["verdict"].clone()))
            .collect()
    };
    assert_eq!(verdicts(&offline), verdicts(live));
    for format in ["json", "table", "markdown"] {
        let once = || {
            run(&[
                "audit".as_ref(),
                "--format".as_ref(),
                OsStr::new(format),
                "--from".as_ref(),
                at.as_os_str(),
            ])
            .stdout
        };
        assert_eq!(once(), once(), "{format}");
    }
}

fn a_waiver_waives_one_object_and_no_more(admin: &OsStr) {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.yaml");
    fs::write(&policy, "waivers:\n\
        - {control: PSS-01, object: {kind: Namespace, name: admin}, reason: moves in March, owner: ops, expires: 2099-12-31}\n\
        - {control: NET-02, object: {kind: Pod, name: katib-ui-0}, reason: moves in March, owner: ops, expires: 2099-12-31}\n\
        - {control: NET-01, reason: '', owner: ops, expires: 2099-12-31}\n\
        - {control: NET-03, reason: it was late, owner: ops, expires: 2020-12-31}\n").unwrap();
    let report = audit(&["--kubeconfig".as_ref(), admin, "--policy".as_ref(), policy.as_ref()]);
    assert_eq!(verdict(&report, "PSS-01"), "waived");
    assert_eq!(verdict(&report, "NET-02"), "fail");
    let open = control(&report, "NET-02")["findings"].to_string();
    assert!(!open.contains("katib-ui") && open.contains("jupyter-ui"), "{open}");
    assert_eq!(verdict(&report, "NET-01"), "fail");
    assert!(report["problems"][0].as_str().unwrap().contains("reason"), "{}", report["problems"]);
    assert_eq!(verdict(&report, "NET-03"), "fail");
    assert!(
        control(&report, "NET-03")["reason"].as_str().unwrap().contains("expired on 2020-12-31")
    );
}

fn what_a_user_may_not_read_is_not_assessed(sandbox: &kube_sandbox::Sandbox) {
    sandbox
        .kubectl_with(
            &[
                "create",
                "clusterrole",
                "reader",
                "--verb=list",
                "--resource=pods,services,deployments.apps,gateways.networking.istio.io",
            ],
            "",
        )
        .unwrap();
    sandbox
        .kubectl_with(
            &["create", "clusterrolebinding", "reader", "--clusterrole=reader", "--user=reader"],
            "",
        )
        .unwrap();
    let reader = sandbox.write_kubeconfig("reader", "readers").unwrap();
    let report = audit(&["--kubeconfig".as_ref(), reader.as_ref()]);
    assert_eq!(verdict(&report, "TLS-01"), "fail");
    for id in ["AUTHN-01", "PSS-01", "NET-01", "AUTHZ-09", "CRED-07"] {
        let reason = control(&report, id)["reason"].as_str().unwrap();
        assert_eq!(verdict(&report, id), "not-assessed", "{id}: {reason}");
        assert!(reason.contains("forbidden: "), "{id}: {reason}");
    }
    let nobody = sandbox.write_kubeconfig("nobody", "nobodies").unwrap();
    let output = run(&[
        "audit".as_ref(),
        "--fail-on".as_ref(),
        "never".as_ref(),
        "--kubeconfig".as_ref(),
        nobody.as_os_str(),
    ]);
    assert_eq!(output.status.code(), Some(3));
}

fn exit_statuses_tell_what_happened(admin: &OsStr) {
    let status = |more: &[&str]| {
        let mut all: Vec<&OsStr> = vec!["audit".as_ref(), "--kubeconfig".as_ref(), admin];
        all.extend(more.iter().map(OsStr::new));
        run(&all).status.code()
    };
    assert_eq!(status(&["--fail-on", "never"]), Some(0));
    assert_eq!(status(&["--fail-on", "critical"]), Some(1));
    assert_eq!(status(&["--context", "elsewhere"]), Some(2));
}

#[test]
fn hardened_deployment_passes() {
    let sandbox = cluster(&World::hardened("1.11"));
    let report = audit(&[
        "--external-hostname".as_ref(),
        ckf_worlds::HOST.as_ref(),
        "--kubeconfig".as_ref(),
        sandbox.kubeconfig("admin").as_ref(),
    ]);
    // The API server is newer than the release supports; the others need Charmed Kubeflow itself to change.
    let of_platform =
        ["CRED-11", "IMG-04", "IMG-05", "K8S-02", "UPG-05", "UPG-08", "UPG-09", "UPG-10"];
    assert_eq!(failing(&report), of_platform);
}

#[test]
fn missing_cluster_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("config");
    fs::write(&kubeconfig, "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
        users: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n").unwrap();
    let output = run(&["audit".as_ref(), "--kubeconfig".as_ref(), kubeconfig.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("error: ") && error.contains("127.0.0.1:1"), "{error}");
    assert!(output.stdout.is_empty());
}
