//! Bad input: an error that names the thing, what is wrong and what is
//! expected; the rest goes on, and nothing panics.

use std::fs;
use std::path::Path;

use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::known::{Known, Unknown};
use ckf_hardening::facts::{About, Facts, certificate::Certificate};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_test_support::run;
use ckf_worlds::World;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What the command line says when it cannot run.
fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
    assert!(!error.contains("panicked"), "{error}");
    error
}

#[test]
fn bad_arguments_are_refused_with_reason() {
    for (arguments, expected) in [
        (&["audit", "--release", "1.6"][..], "1.10, 1.11, latest"),
        (&["audit", "--fail-on", "awful"], "critical"),
        (&["audit", "--format", "pdf"], "table, json, markdown"),
        (&["audit", "--external-hostname", "https://x"], "not a host name"),
        (&["audit", "--from", "a", "--kubeconfig", "b"], "cannot be used with"),
        (&["audit", "--from", "a", "--prometheus", "http://b"], "cannot be used with"),
        (&["audit", "--bundle", "a", "--prometheus", "http://b"], "cannot be used with"),
        (&["audit", "--contexts", "a", "--prometheus", "http://b"], "cannot be used with"),
        (&["audit", "--all-contexts", "--prometheus", "http://b"], "cannot be used with"),
        (&["audit", "--bundle", "a", "--as", "b"], "--as <USER>"),
        (&["keys", "--from", "a", "--as", "b"], "--as <USER>"),
        (&["rocks", "--from", "a", "--as", "b"], "--as <USER>"),
        (&["access", "--from", "a", "--namespace", "b"], "--namespace <NAME>"),
        (&["policy", "check", "a", "--from", "b", "--context", "c"], "cannot be used with"),
        (&["audit", "--policy", "/nowhere/policy.yaml"], "/nowhere/policy.yaml"),
        (&["explain", "TLS-99"], "TLS-99"),
        (&["explain"], "<"),
        (&["harden"], "harden"),
        (&["collect"], "<"),
    ] {
        let error = refused(arguments);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn requirement_that_fails_is_a_finding_where_config_maps_cannot_be_read() {
    let mut world = World::hardened("1.10");
    let results = json!([{"id": "1.2.1", "name": "anonymous-auth", "totalFail": 1}]);
    world.objects.push(json!({
        "apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "ClusterComplianceReport",
        "metadata": {"name": "k8s-cis-1.23"},
        "spec": {"compliance": {"id": "k8s-cis-1.23", "title": "CIS", "version": "1.23"}},
        "status": {"summaryReport": {"controlCheck": results},
            "updateTimestamp": "2026-10-31T00:00:00Z"},
    }));
    let mut facts = Facts::from_objects(About::default(), &world.objects);
    facts.about.collected_at = "2026-11-01T00:00:00Z".parse().unwrap();
    facts.config_maps = Known::Unknown(Unknown::NotCollected);
    let report = Report::audit(&facts, &Policy::default(), Some("1.10"), Vec::new());
    let control = report.controls.iter().find(|control| control.id == "K8S-01").unwrap();
    assert_eq!(control.verdict, Verdict::Fail, "{control:?}");
}

#[test]
fn bad_kubeconfigs_are_refused_with_reason() {
    let cluster = "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'";
    let rest = "users: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\ncurrent-context: c\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let named = path.to_str().unwrap();
    for (text, expected) in [
        ("", "context"),
        ("{", "kubeconfig"),
        ("clusters: 7\n", "kubeconfig"),
        ("\u{1}\u{2}", "kubeconfig"),
        (&format!("{cluster}}}}}]\n"), "context"),
        (
            &format!("{cluster}, certificate-authority: /nowhere/ca.crt}}}}]\n{rest}"),
            "/nowhere/ca.crt",
        ),
        (&format!("{cluster}, certificate-authority-data: '%%%'}}}}]\n{rest}"), "kubeconfig"),
        (
            &format!("{cluster}, certificate-authority-data: aGVsbG8=}}}}]\n{rest}"),
            "no certificate in PEM",
        ),
        (
            "clusters: [{name: c, cluster: {server: 'not an address'}}]\nusers: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\ncurrent-context: c\n",
            "kubeconfig",
        ),
        (&format!("{cluster}}}}}]\n{}", rest.replace("cluster: c,", "cluster: d,")), "cluster"),
        (
            &format!(
                "{cluster}}}}}]\n{}",
                rest.replace("current-context: c", "current-context: d")
            ),
            "context",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let error = refused(&["audit", "--kubeconfig", named]);
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    let error = refused(&["audit", "--kubeconfig", "/nowhere/config"]);
    assert!(error.contains("/nowhere/config"), "{error}");
    let error = refused(&["audit", "--kubeconfig", directory.path().to_str().unwrap()]);
    assert!(error.contains(directory.path().to_str().unwrap()), "{error}");
}

fn facts(objects: &[Value]) -> Facts {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    Facts::from_objects(about, objects)
}

fn snapshot(directory: &Path) {
    ckf_hardening::facts::snapshot::write(&facts(&World::stock("1.10").objects), directory)
        .unwrap();
}

#[test]
fn damaged_snapshot_file_is_a_problem_and_the_rest_is_assessed() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().to_str().unwrap();
    for (text, expected) in [
        (None, "about.json"),
        (Some(""), "about.json"),
        (Some("{}"), "collected-at"),
        (Some("[7]"), "about.json"),
    ] {
        if let Some(text) = text {
            fs::write(directory.path().join("about.json"), text).unwrap();
        }
        let error = refused(&["audit", "--from", at]);
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    snapshot(directory.path());
    for (file, text) in [
        ("gateways.json", ""),
        ("gateways.json", "{\"known\": 7}"),
        ("gateways.json", "{\"known\": {\"installed\": true, \"items\": [{\"spec\": 7}]}}"),
        ("gateways.json", "{\"perhaps\": {}}"),
        ("gateways.json", "\u{0}"),
        ("secrets.json", "{\"known\""),
        ("pods.json", "[]"),
        ("version.json", "{\"known\": 7}"),
    ] {
        let path = directory.path().join(file);
        let before = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let output = run(&["audit", "--format", "json", "--from", at]);
        fs::write(&path, before).unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let problem = report["problems"][0].as_str().unwrap_or_default();
        assert!(problem.contains(file), "{file} {text:?}: {}", report["problems"]);
        let fails = report["summary"]["fail"].as_u64().unwrap();
        assert!(fails > 0, "the rest is assessed without {file}");
    }
    let report = |text: &str| {
        fs::write(directory.path().join("gateways.json"), text).unwrap();
        let output = run(&["audit", "--format", "json", "--from", at]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(ckf_test_support::verdict(&report("{"), "TLS-01"), "not-assessed");
}

#[test]
fn malformed_object_is_not_assessed_and_the_rest_is_assessed() {
    for (kind, name, field, value) in [
        ("Gateway", "kubeflow-gateway", "spec", json!("none")),
        ("Gateway", "kubeflow-gateway", "spec", json!({"servers": {"0": "HTTP"}})),
        ("Gateway", "kubeflow-gateway", "spec", json!({"servers": [{"port": {"number": 70000}}]})),
        ("VirtualService", "katib-ui", "spec", json!({"http": 7})),
        ("EnvoyFilter", "istio-pilot-authn-filter", "spec", json!({"configPatches": "all"})),
        ("AuthorizationPolicy", "ns-owner-access-istio", "spec", json!({"rules": [7]})),
        ("Pod", "minio-0", "spec", json!({"containers": "minio"})),
        ("StatefulSet", "minio", "spec", json!("none")),
        ("Namespace", "admin", "metadata", json!({"name": "admin", "labels": ["a"]})),
        ("Service", "minio", "spec", json!({"ports": [{"port": "many"}]})),
        ("Secret", "mlpipeline-minio-artifact", "data", json!({"accesskey": "%%%"})),
        ("RoleBinding", "namespaceAdmin", "subjects", json!("ada")),
        ("ClusterRoleBinding", "juju-credential-0a1b2c3d", "roleRef", json!(7)),
        ("Profile", "admin", "spec", json!({"owner": "ada"})),
        ("MutatingWebhookConfiguration", "katib.kubeflow.org", "webhooks", json!({"name": "x"})),
    ] {
        let mut world = World::stock("1.10");
        world.get(kind, name)[field] = value.clone();
        let facts = facts(&world.objects);
        let unread = serde_json::to_string(&facts).unwrap();
        assert!(unread.contains("\"unread\""), "{kind} {name} {field}={value} was read");
        let report = Report::audit(&facts, &Policy::default(), None, Vec::new());
        assert!(report.summary.fail > 0, "the rest is assessed");
        let is_reported = report.controls.iter().any(|c| {
            c.verdict == Verdict::NotAssessed && c.reason.contains("could not be understood")
        });
        assert!(
            is_reported
                || report
                    .controls
                    .iter()
                    .any(|c| c.verdict == Verdict::Fail && c.reason.contains(name)),
            "nothing names {kind} {name}"
        );
        assert!(!unread.contains("%%%"), "a secret's value is shown");
    }
}

#[test]
fn malformed_certificate_is_an_error() {
    let good = ckf_worlds::tls("kubeflow.example.com", 2035).certificate;
    let middle = good.len() / 2;
    for text in [
        String::new(),
        "hello".into(),
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".into(),
        "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n".into(),
        "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n".into(),
        good.replace("CERTIFICATE", "PUBLIC KEY"),
        good[..middle].to_owned(),
        good.replace("MII", "MIA"),
    ] {
        assert!(
            Certificate::from_pem(text.as_bytes()).is_err(),
            "{text:?} is read as a certificate"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn malformed_object_never_panics_an_audit(kind in prop::sample::select(KINDS), spec in any_json()) {
        let mut world = Vec::new();
        let (version, kind) = kind;
        world.push(json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "kubeflow"},
            "spec": spec, "data": spec, "rules": spec, "subjects": spec, "webhooks": spec, "status": spec}));
        Report::audit(&facts(&world), &Policy::default(), None, Vec::new());
    }
}

const KINDS: &[(&str, &str)] = &[
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "Secret"),
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "ConfigMap"),
    ("apps/v1", "Deployment"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.istio.io/v1", "Gateway"),
    ("networking.istio.io/v1", "VirtualService"),
    ("networking.istio.io/v1alpha3", "EnvoyFilter"),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    ("kubeflow.org/v1", "Profile"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
];

/// JSON of the names that objects have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(
            &[
                "",
                "*",
                "HTTP",
                "HTTPS",
                "SIMPLE",
                "kubeflow",
                "x",
                "%%%",
                "aGVsbG8=",
                "a@sha256:0",
                ":::",
                "ALLOW"
            ][..]
        )
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        let names = prop::sample::select(
            &[
                "servers",
                "port",
                "number",
                "protocol",
                "tls",
                "mode",
                "selector",
                "rules",
                "from",
                "source",
                "principals",
                "containers",
                "image",
                "name",
                "securityContext",
                "configPatches",
                "patch",
                "value",
                "match",
                "http",
                "owner",
                "tls.crt",
                "tls.key",
                "podSelector",
                "ingress",
                "clientConfig",
                "caBundle",
                "listeners",
                "template",
                "spec",
            ][..],
        );
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}
