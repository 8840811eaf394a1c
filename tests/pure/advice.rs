//! What the product advises: no fix, page or demo advises a user to break their platform, and what
//! the documents say is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ckf_hardening::catalog::{self, FixProof};
use ckf_hardening::facts::kubernetes::list_paths;
use ckf_test_support::documents::{read, yaml_with};
use ckf_test_support::root;
use regex_lite::Regex;
use serde_json::Value;

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
fn fix_names_an_existing_test() {
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
        breaks: "while a profile has no policy its sidecars admit every client; the charmed one comes back at once",
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
        breaks: "without a connector that works no user can log in",
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
fn advice_in_catalogue_and_documents_is_harmless() {
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
fn number_of_controls_in_documents_matches_catalogue() {
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
