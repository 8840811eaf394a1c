//! What the product advises: no fix, page or demo tells anybody to break their platform, and what
//! the documents say is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ckf_hardening::catalog::{self, FixProof};
use ckf_hardening::facts::kubernetes::list_paths;
use ckf_test_support::{audit, cluster, control, run, verdict};
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use regex_lite::Regex;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Files below a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(name.to_str().unwrap(), ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(name);
        }
    }
    found.sort();
    found
}

#[test]
fn fix_that_is_shown_by_a_test_names_one_that_exists() {
    for control in catalog::controls() {
        let FixProof::Test { name, .. } = &control.fix_proof else {
            continue;
        };
        let (file, test) = name.split_once("::").expect("the loader checks it");
        let text = read(file);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let head = format!("fn {test}() {{");
        let at = lines.iter().position(|line| *line == head);
        let at = at.unwrap_or_else(|| panic!("{}: {file} has no test {test}", control.id));
        let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with('#'));
        let attributes: Vec<&&str> = attributes.collect();
        assert!(
            attributes.contains(&&"#[test]") && !attributes.iter().any(|a| a.contains("ignore")),
            "{}: {test} of {file} is no test that runs",
            control.id
        );
    }
}

/// Advice that breaks a platform.
struct Danger {
    /// What it looks like, in a text without line breaks.
    pattern: &'static str,
    /// What has to stand in the same passage, or the one before, for it to be harmless; there is no
    /// harmless way of saying it where there is nothing.
    unless: Option<&'static str>,
    /// What it breaks.
    breaks: &'static str,
    /// A passage that is refused.
    refused: &'static str,
}

const DANGERS: &[Danger] = &[
    Danger {
        pattern: r"pod-security\.kubernetes\.io/enforce=|security-policy=(baseline|restricted)",
        unless: Some("Istio CNI"),
        breaks: "without Istio CNI every pod of the mesh has istio-init with NET_ADMIN, and is refused",
        refused: "Run `kubectl label ns admin pod-security.kubernetes.io/enforce=baseline`.",
    },
    Danger {
        pattern: r"--reset [a-z,-]*(secret-key|static-password)|(secret-key|static-password)=(`|'|\s|$)",
        unless: None,
        breaks: "it brings back the first key or password that the charm made",
        refused: "`juju config minio --reset secret-key`",
    },
    Danger {
        pattern: r"(secret-key|static-password)=[^@\s`']",
        unless: None,
        breaks: "a secret in an argument is in the shell's history and in the list of processes",
        refused: "juju config dex-auth static-password=NEW",
    },
    Danger {
        pattern: r"integrate ((kfp|katib)-db(:certificates)? |\S+ (kfp|katib)-db:certificates)",
        unless: None,
        breaks: "MySQL requires TLS then, which kfp-api and katib-db-manager cannot speak",
        refused: "`juju integrate kfp-db:certificates self-signed-certificates`",
    },
    Danger {
        pattern: r"remove-relation [^`]*(ingress-auth|oidc-gatekeeper)|(?i)(remove|delete) the relation ingress-auth",
        unless: None,
        breaks: "without ingress-auth istio-pilot deletes login and keeps the gateway open",
        refused: "Remove the relation ingress-auth and add it again.",
    },
    Danger {
        pattern: r"delete envoyfilter istio-pilot-authn-filter",
        unless: None,
        breaks: "the gateway is open until istio-pilot's next event",
        refused: "kubectl delete envoyfilter istio-pilot-authn-filter",
    },
    Danger {
        pattern: r"delete authorizationpolicy ns-owner-access-istio",
        unless: None,
        breaks: "while a profile has no policy its sidecars admit everybody; the charmed one comes back at once",
        refused: "kubectl delete authorizationpolicy ns-owner-access-istio -n admin",
    },
    Danger {
        pattern: r"--reset public-url",
        unless: Some("issuer-url"),
        breaks: "Dex's issuer moves to an address inside the cluster",
        refused: "`juju config dex-auth --reset public-url`",
    },
    Danger {
        pattern: r"enable-password-db=false",
        unless: Some("log in by it"),
        breaks: "without a connector that works nobody can log in",
        refused: "juju config dex-auth enable-password-db=false",
    },
    Danger {
        pattern: r"static-username=",
        unless: None,
        breaks: "another name is another user, who has lost the profile",
        refused: "juju config dex-auth static-username=me@example.com",
    },
    Danger {
        pattern: r"delete profile ",
        unless: Some("volumes"),
        breaks: "it deletes the profile's namespace with everything in it",
        refused: "`kubectl delete profile NAME`",
    },
    Danger {
        pattern: r"instead of cluster-admin|clusterrolebinding[^.]*juju-credential",
        unless: None,
        breaks: "Juju cannot trust, deploy or refresh any more",
        refused: "Bind Juju's account to a role instead of cluster-admin.",
    },
    Danger {
        pattern: r"(edit|patch|delete|apply) gateway kubeflow-gateway|(edit|patch|delete)[^.]*knative-ingress-gateway",
        unless: None,
        breaks: "istio-pilot ends in an error at the conflict, and Knative's operator undoes it",
        refused: "kubectl patch gateway kubeflow-gateway",
    },
    Danger {
        pattern: r"juju config \S+ [^`]*[a-z]=-( |`|$)",
        unless: None,
        breaks: "Juju has no key=-: the option becomes a dash; it is key=@FILE",
        refused: "juju config ckf-hardening rotate=- <<'END'",
    },
    Danger {
        pattern: r"juju deploy grafana-agent",
        unless: None,
        breaks: "Grafana Agent is past its end of life",
        refused: "juju deploy grafana-agent-k8s --trust",
    },
    Danger {
        pattern: r"resolved --no-retry",
        unless: None,
        breaks: "a hook that is skipped leaves a workload half configured",
        refused: "juju resolved --no-retry minio/0",
    },
    Danger {
        pattern: r"mode: STRICT|mtls\.mode STRICT",
        unless: Some("on that one"),
        breaks: "kfp-ui, the culling of notebooks and Knative's activator reach no profile any more",
        refused: "Add a PeerAuthentication with mtls.mode STRICT to the profile.",
    },
    Danger {
        pattern: r"upload-sarif@v3",
        unless: None,
        breaks: "that version ends in December 2026",
        refused: "uses: github/codeql-action/upload-sarif@v3",
    },
];

/// Taking an application of the platform away takes its definitions, and with them all objects of
/// their kinds.
fn removes_an_application(passage: &str) -> Option<String> {
    let of_platform: BTreeSet<&str> = catalog::releases()
        .iter()
        .flat_map(|release| release.applications.keys())
        .map(String::as_str)
        .collect();
    let removal = Regex::new(r"remove-application (?:--\S+ )*([a-z0-9-]+)").unwrap();
    let mut removed = removal.captures_iter(passage).map(|found| found[1].to_owned());
    removed.find(|name| of_platform.contains(name.as_str()))
}

/// What is dangerous in a text, each with why.
fn dangers(text: &str) -> Vec<String> {
    let passages: Vec<String> = text
        .split("\n\n")
        .map(|passage| passage.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let mut found = Vec::new();
    for (i, passage) in passages.iter().enumerate() {
        let before = i.checked_sub(1).map_or("", |i| passages[i].as_str());
        let is_qualified = |unless: &str| passage.contains(unless) || before.contains(unless);
        for danger in DANGERS {
            let pattern = Regex::new(danger.pattern).unwrap();
            if pattern.is_match(passage) && !danger.unless.is_some_and(&is_qualified) {
                found.push(format!("{passage:?}: {}", danger.breaks));
            }
        }
        if let Some(name) = removes_an_application(passage) {
            found.push(format!("{passage:?}: it removes {name}"));
        }
    }
    found
}

#[test]
fn dangerous_advice_is_recognised() {
    for danger in DANGERS {
        let found = dangers(danger.refused);
        assert!(
            found.iter().any(|why| why.ends_with(danger.breaks)),
            "{:?} is let through",
            danger.refused
        );
        let Some(unless) = danger.unless else {
            continue;
        };
        let qualified = format!("{} {unless}", danger.refused);
        let still = dangers(&qualified);
        assert!(!still.iter().any(|why| why.ends_with(danger.breaks)), "{still:?}");
    }
    assert_eq!(dangers("juju remove-application kserve-controller").len(), 1);
    for harmless in [
        "juju remove-application ckf-hardening",
        "juju config minio secret-key=@FILE",
        "juju integrate ckf-hardening:gateway-certificates istio-pilot:certificates",
        "juju config oidc-gatekeeper --reset skip-auth-urls",
    ] {
        assert_eq!(dangers(harmless), [""; 0], "{harmless}");
    }
}

#[test]
fn nothing_that_is_advised_is_dangerous() {
    for control in catalog::controls() {
        for text in [&control.fix, &control.kept, &control.waive] {
            assert_eq!(dangers(text), [""; 0], "{}", control.id);
        }
    }
    let mut texts = vec!["README.md".into(), "terraform/README.md".into()];
    // The pages of controls hold what a fix may break too; their fixes are read above.
    let pages = files("docs", ".md").into_iter();
    texts.extend(pages.filter(|path| !path.starts_with("docs/reference/controls")));
    texts.extend(files("xtask/src/demo", ".rs"));
    texts.push("xtask/src/demo.rs".into());
    texts.extend(files("catalog/alerts", ".yaml"));
    assert!(texts.len() > 40, "{texts:?}");
    for path in texts {
        let text = read(path.to_str().unwrap());
        assert_eq!(dangers(&text), [""; 0], "{}", path.display());
    }
}

#[test]
fn numbers_of_controls_in_documents_are_the_catalogues() {
    let number = Regex::new(r"\b([0-9]+) controls\b").unwrap();
    let all = catalog::controls().len().to_string();
    let mut documents = files("docs", ".md");
    documents.extend(
        ["README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/overview.svg"].map(PathBuf::from),
    );
    for path in documents {
        let name = path.to_str().unwrap();
        let text = read(name);
        let said: Vec<&str> =
            number.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
        assert!(said.iter().all(|said| *said == all), "{name} says {said:?} of {all} controls");
        if name == "docs/overview.svg" {
            assert_eq!(said.len(), 1, "the overview says how many there are");
        }
    }
}

/// The documents of the first YAML block of a page that has one of these.
fn yaml_with(page: &str, kind: &str) -> Vec<Value> {
    let text = read(page);
    let mut blocks = text.split("```yaml\n").skip(1);
    let mut blocks = blocks.by_ref().map(|rest| rest.split("```").next().unwrap_or_default());
    let block = blocks.find(|block| block.contains(kind));
    let block = block.unwrap_or_else(|| panic!("{page} has no {kind}"));
    block.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect()
}

const ROLES: &str = "docs/how-to/gate-a-pipeline.md";

#[test]
fn role_of_the_docs_lists_the_kinds_that_an_audit_reads() {
    let roles = yaml_with(ROLES, "kind: ClusterRole");
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut listed = BTreeSet::new();
    for rule in roles[0]["rules"].as_array().unwrap() {
        if texts(&rule["verbs"]) != ["list"] {
            continue;
        }
        for group in texts(&rule["apiGroups"]) {
            let resources = texts(&rule["resources"]).into_iter();
            listed.extend(resources.map(|resource| (group.clone(), resource)));
        }
    }
    let read: BTreeSet<(String, String)> = list_paths()
        .iter()
        .map(|path| {
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            match parts[..] {
                ["api", _, resource] => (String::new(), resource.to_owned()),
                ["apis", group, _, resource] => (group.to_owned(), resource.to_owned()),
                _ => panic!("{path}"),
            }
        })
        .collect();
    assert_eq!(listed, read);
}

/// The blocks of commands of a page, each a script.
fn blocks(page: &str) -> Vec<String> {
    let text = read(page);
    let mut blocks: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
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
    let binary = Path::new(env!("CARGO_BIN_EXE_ckf-hardening"));
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
        let (told, error) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        // 1 says that something is open, would change or can be done.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{block}: {error}");
        assert!(!told.is_empty(), "{block} says nothing");
        ran.push((block, told));
    }
    let told = |command: &str| {
        let found = ran.iter().find(|(block, _)| block.contains(command));
        &found.unwrap_or_else(|| panic!("the tutorial has no {command}")).1
    };
    assert!(told("audit").contains("NET-02"));
    assert!(told("explain NET-02").contains("may break: "));
    let plan = told("plan platform-network-policies");
    assert!(plan.contains("create NetworkPolicy") && !plan.contains("would cut"), "{plan}");
    let applied = told("apply platform-network-policies");
    assert!(applied.contains("NET-02: fail -> pass"), "{applied}");
    assert!(told("policy check").contains("1 waiver"));
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
    let told = |arguments: &[&str]| {
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
        let (status, error, printed) = told(&[command, &["--namespace", "nope"]].concat());
        assert_eq!(status, Some(2), "{command:?}: {error}");
        assert_eq!(error, "error: no namespace nope; Charmed Kubeflow was found in: kubeflow\n");
        assert!(printed.is_empty() && !snapshot.exists());
        let (status, error, _) = told(&[command, &["--namespace", "default"]].concat());
        assert_eq!(status, Some(2), "{command:?}: {error}");
        assert!(error.contains("found in: kubeflow"), "{error}");
    }
    for who in ["admn", "group/nobody", "account/admin/nobody", "profile/nobody"] {
        let (status, error, _) = told(&["access", "--who", who, "--to", "profile/admin"]);
        assert!(error.contains("is not known"), "{who}: {error}");
        assert_ne!(status, Some(0), "{who}: a typo is no answer");
    }
    let (_, error, _) = told(&["access", "--who", "admin", "--to", "profile/admin"]);
    assert!(!error.contains("not known"), "{error}");
    for command in ["audit", "access --who admin --to platform", "keys", "rocks --offline"] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--from", "snapshot", "--namespace", "x"]);
        let output = run(&arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command}: {error}");
        assert!(error.contains("cannot be used with"), "{command}: {error}");
    }
    // A login that the API server does not take, and a cluster with nothing of ours.
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
    apply("somebody", true, &gateway(8081, "HTTP")).unwrap();
    let conflict = apply("lightkube", false, &own).unwrap_err();
    assert!(conflict.contains("conflict"), "{conflict}");
    // The fix of TLS-13.
    apply("lightkube", true, &own).unwrap();
    apply("lightkube", false, &own).unwrap();
    // istio-pilot may change its servers again, as when HTTPS is switched on.
    apply("lightkube", false, &gateway(8443, "TCP")).unwrap();
}
