//! Several clusters in one run: contexts of a kubeconfig, side by side.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ckf_test_support::{binary, cluster};
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// A kubeconfig whose contexts lead to the clusters of these kubeconfigs, by name.
fn merged(folder: &Path, contexts: &[(&str, &Path)]) -> std::path::PathBuf {
    let (mut clusters, mut users, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (name, path) in contexts {
        let one: Value = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        clusters.push(json!({"name": name, "cluster": one["clusters"][0]["cluster"]}));
        users.push(json!({"name": name, "user": one["users"][0]["user"]}));
        named.push(json!({"name": name, "context": {"cluster": name, "user": name}}));
    }
    let whole = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": contexts[0].0,
        "clusters": clusters, "users": users, "contexts": named,
    });
    let path = folder.join("kubeconfig");
    fs::write(&path, whole.to_string()).unwrap();
    path
}

fn audit(kubeconfig: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("audit").arg("--kubeconfig").arg(kubeconfig).args(arguments);
    command.env("JUJU_DATA", "/nowhere").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fleet(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

#[test]
fn contexts_are_audited_side_by_side() {
    let stock = cluster(&World::stock("1.10"));
    let empty = Sandbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let of_gone = json!({
        "clusters": [{"cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"user": {"token": "t"}}],
    });
    fs::write(&gone, of_gone.to_string()).unwrap();
    let admin = stock.kubeconfig("admin");
    let contexts = [
        ("prod-eu", admin.as_path()),
        ("staging-eu", admin.as_path()),
        ("other", &empty.kubeconfig("admin")),
    ];
    let kubeconfig = merged(folder.path(), &contexts);

    let output = audit(&kubeconfig, &["--contexts", "staging-eu,prod-eu,staging-eu", "-f", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let both = fleet(&output);
    assert_eq!(both["schema"], "ckf-hardening/fleet/v1");
    let clusters = both["clusters"].as_array().unwrap();
    let names: Vec<&str> = clusters.iter().map(|one| one["context"].as_str().unwrap()).collect();
    assert_eq!(names, ["staging-eu", "prod-eu"]);
    // A cluster's report is the one that it has alone.
    for one in clusters {
        let name = one["context"].as_str().unwrap();
        let alone = audit(&kubeconfig, &["--context", name, "-f", "json"]);
        let alone: Value = serde_json::from_slice(&alone.stdout).unwrap();
        for part in ["controls", "score", "summary"] {
            assert_eq!(one["report"][part], alone[part], "{name}: {part}");
        }
        assert_eq!(one["report"]["cluster"]["context"], name);
    }

    let all = audit(&kubeconfig, &["--all-contexts", "--parallel", "1"]);
    assert_eq!(all.status.code(), Some(1), "{}", text(&all.stderr));
    let table = text(&all.stdout);
    assert!(table.starts_with("3 contexts: 2 audited, 2 with open findings, 1 without Charmed"));
    assert!(table.contains("other") && table.contains("no Charmed Kubeflow in this cluster"));
    let row = table.lines().find(|row| row.starts_with("critical  TLS-01")).expect(&table);
    assert_eq!(row.matches("FAIL").count(), 2, "{table}");

    redacted_reports_name_no_context(&kubeconfig);
    what_cannot_be_done_for_several_is_refused(&kubeconfig);
    the_worst_status_is_that_of_the_run(&folder, &contexts, &gone);
}

fn the_worst_status_is_that_of_the_run(
    folder: &tempfile::TempDir,
    contexts: &[(&str, &Path)],
    gone: &Path,
) {
    let contexts = [contexts, &[("gone", gone)]].concat();
    let kubeconfig = merged(folder.path(), &contexts);
    for (arguments, expected) in [
        (&["--contexts", "prod-eu", "--fail-on", "never"][..], 0),
        (&["--contexts", "prod-eu"], 1),
        (&["--contexts", "prod-eu,gone"], 2),
        // Who names a cluster expects the platform in it.
        (&["--contexts", "prod-eu,other"], 2),
        (&["--all-contexts"], 2),
    ] {
        let output = audit(&kubeconfig, arguments);
        assert_eq!(output.status.code(), Some(expected), "{arguments:?} {}", text(&output.stdout));
    }
    let output = audit(&kubeconfig, &["--contexts", "gone,prod-eu", "-f", "json"]);
    let clusters = fleet(&output);
    assert_eq!(clusters["clusters"][0]["outcome"], "failed");
    let problem = clusters["clusters"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("https://127.0.0.1:1"), "{problem}");
    assert_eq!(clusters["clusters"][1]["outcome"], "audited");
}

fn redacted_reports_name_no_context(kubeconfig: &Path) {
    for format in ["json", "html"] {
        let output =
            audit(kubeconfig, &["--all-contexts", "--redact", "-q", "-o", &format!("{format}=-")]);
        let text = text(&output.stdout);
        for name in ["prod-eu", "staging-eu", "127.0.0.1"] {
            assert!(!text.contains(name), "{format}: {name}");
        }
        assert!(text.contains("TLS-01"), "{format}: {text}");
    }
}

fn what_cannot_be_done_for_several_is_refused(kubeconfig: &Path) {
    for (arguments, message) in [
        (&["--contexts", "prod-ue"][..], "did you mean prod-eu?; contexts are: prod-eu"),
        (&["--contexts", "prod-eu", "-f", "sarif"], "sarif has one cluster only"),
        (&["--contexts", "prod-eu", "--watch"], "cannot be used with"),
        (&["--contexts", "prod-eu", "--controller", "c"], "cannot be used with"),
        (&["--all-contexts", "--contexts", "prod-eu"], "cannot be used with"),
        (&["--contexts", "prod-eu,staging-eu", "-c", "TLS-99"], "no control TLS-99"),
    ] {
        let output = audit(kubeconfig, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {said}");
        assert!(said.contains(message) && said.matches("error:").count() == 1, "{said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
