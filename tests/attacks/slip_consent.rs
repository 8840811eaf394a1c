//! An operator's slip: a command in a script, an option or a policy that says more than was
//! meant, advice followed before its time.

use std::io::Write as _;
use std::process::{Command, Stdio};

use ckf_hardening::policy::Policy;
use ckf_hardening::remedies::{Consent, Remedy};
use ckf_worlds::{World, object};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::planned::{changes, findings, held_back, option, plan};
use ckf_test_support::cluster;

/// Runs a command line on a terminal of its own, with redirections as a shell writes them, and
/// an answer typed in. Returns the exit status and what was seen.
fn on_terminal(line: &str, answer: &str) -> (Option<i32>, String) {
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", line, "/dev/null"])
        .env_remove("JUJU_DISPATCH_PATH")
        .env("JUJU_DATA", "/nowhere")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script of util-linux runs");
    let mut typed = child.stdin.take().unwrap();
    // It may have ended without a question.
    let _ = typed.write_all(answer.as_bytes());
    let output = child.wait_with_output().unwrap();
    drop(typed);
    let seen = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&seen).into_owned())
}

fn filters(sandbox: &Sandbox) -> usize {
    let label = "app.kubernetes.io/managed-by=ckf-hardening";
    let arguments = ["get", "envoyfilters", "-A", "-l", label, "-o", "name"];
    let listed = sandbox.kubectl(&arguments).unwrap();
    String::from_utf8_lossy(&listed.stdout).lines().count()
}

#[test]
fn change_without_terminal_needs_yes_whatever_is_redirected() {
    let sandbox = cluster(&World::hardened("1.10"));
    let admin = sandbox.kubeconfig("admin");
    let binary = ckf_test_support::binary().display();
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let redirections =
        ["</dev/null".to_owned(), format!(">{}", seen.display()), format!("2>{}", seen.display())];
    let command =
        |what: &str, more: &str| format!("{binary} {what} --kubeconfig {} {more}", admin.display());
    let without_terminal = |what: &str, number: usize| {
        for chosen in 1..8_u8 {
            let more = redirections.iter().enumerate();
            let more = more.filter(|(at, _)| chosen & (1 << at) != 0);
            let more: Vec<&str> = more.map(|(_, text)| text.as_str()).collect();
            let more = more.join(" ");
            let (code, text) = on_terminal(&command(what, &more), "y\n");
            assert_eq!(code, Some(2), "{what} {more}: {text}");
            assert_eq!(filters(&sandbox), number, "{what} {more}");
            let said = std::fs::read_to_string(&seen).unwrap_or_default() + &text;
            assert!(said.contains("not a terminal: pass --yes"), "{what} {more}: {said}");
        }
    };
    without_terminal("apply tls-floor", 0);
    // At a terminal it is asked, and no is no.
    let (code, text) = on_terminal(&command("apply tls-floor", ""), "n\n");
    assert_eq!((code, filters(&sandbox)), (Some(0), 0), "{text}");
    assert!(text.contains("apply? [y/N]"), "{text}");
    let (code, text) = on_terminal(&command("apply tls-floor", ""), "y\n");
    assert_eq!((code, filters(&sandbox)), (Some(0), 1), "{text}");
    without_terminal("undo tls-floor", 1);
    without_terminal("undo --all", 1);
    let (code, text) = on_terminal(&command("undo tls-floor --yes", "</dev/null 2>/dev/null"), "");
    assert_eq!((code, filters(&sandbox)), (Some(0), 0), "{text}");
    // A report is written into the cluster only by the same word.
    let (code, text) = on_terminal(&command("audit --publish", "</dev/null"), "");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("pass --yes to publish"), "{text}");
}

fn pod(namespace: &str, name: &str, labels: Value, sidecar: bool) -> Value {
    let mut containers = vec![json!({"name": "main", "image": "docker.io/library/main:1"})];
    if sidecar {
        containers.push(json!({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24.2"}));
    }
    object(
        "v1",
        "Pod",
        namespace,
        name,
        json!({"metadata": {"labels": labels}, "spec": {"containers": containers},
            "status": {"phase": "Running"}}),
    )
}

/// A stock platform in which a model is served and a notebook runs, in a profile of its own.
fn serving() -> World {
    let mut world = World::stock("1.10");
    // What is made in a profile is of this test's own.
    let is_of_tenant = |name: &str| name.starts_with("nb1-") || name.starts_with("iris-");
    world
        .objects
        .retain(|o| o["kind"] != "Pod" || !is_of_tenant(o["metadata"]["name"].as_str().unwrap()));
    let release = ckf_worlds::release("1.10");
    let mut quiet = ckf_worlds::profile("quiet", "bob@example.com", &release);
    // Nothing runs in this one.
    quiet.retain(|o| !["Pod", "Deployment", "Service"].contains(&o["kind"].as_str().unwrap()));
    world.objects.extend(quiet);
    let revision = json!({"serving.knative.dev/revision": "model-00001", "app": "model"});
    world.objects.extend([
        pod("admin", "model-0", revision, true),
        pod("admin", "notebook-0", json!({"notebook-name": "notebook"}), true),
        pod("knative-serving", "autoscaler-0", json!({"app": "autoscaler"}), false),
    ]);
    world
}

#[test]
fn change_that_would_cut_flows_is_held_back_and_its_flows_are_named() {
    let world = serving();
    let remedy = [Remedy::MutualTls];
    let policy = Policy::default();
    let created = "mutual-tls: create PeerAuthentication quiet/ckf-hardening-mutual-tls";
    for consent in [option(&[]), Consent::of_person(&Default::default())] {
        let plan = plan(&world, &policy, &[], &remedy, &consent);
        assert_eq!(changes(&plan), [created]);
        let held: Vec<_> = held_back(&plan).into_iter().collect();
        assert_eq!(held, ["PeerAuthentication admin/ckf-hardening-mutual-tls"]);
        let said = format!("{plan}\n{}", plan.reach().join("\n"));
        for part in [
            "is held back: it would break:",
            "allow-disruption=mutual-tls",
            "risk high",
            "activator-6d4cf56db6-x2x9z, which has no sidecar, calls Pod admin/model-0",
            ", which has no sidecar, calls Pod admin/model-0",
            "jupyter-controller-0, which has no sidecar, calls Pod admin/notebook-0",
            "kfp-ui-0, which has no sidecar, calls Service admin/ml-pipeline-ui-artifact",
            "kfp-api-0, which has no sidecar, calls Service admin/ml-pipeline-visualizationserver",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(plan.held_back_line().unwrap().len() < 300);
    }
    let allowed = plan(&world, &policy, &[], &remedy, &option(&remedy));
    assert_eq!((allowed.changes.len(), allowed.held_back.len()), (2, 0));
    // Without a model the risk is what it is without one.
    let mut world = world;
    world.remove("Pod", "model-0");
    let plan = plan(&world, &policy, &[], &remedy, &option(&[]));
    assert!(plan.reach()[0].contains("risk medium"), "{:?}", plan.reach());
}

#[test]
fn remedy_for_one_profile_leaves_the_others() {
    let world = serving();
    let remedies = [
        Remedy::MutualTls,
        Remedy::ProfileNetworkPolicies,
        Remedy::PlatformNetworkPolicies,
        Remedy::PodSecurityLabels,
    ];
    let consent = option(&remedies).only_in(["quiet".to_owned()].into());
    let plan = plan(&world, &Policy::default(), &[], &remedies, &consent);
    let made = changes(&plan);
    assert_eq!(
        made,
        [
            "pod-security-labels: label Namespace quiet",
            "profile-network-policies: create NetworkPolicy quiet/ckf-hardening-profile",
            "mutual-tls: create PeerAuthentication quiet/ckf-hardening-mutual-tls",
        ]
    );
}

#[test]
fn deletion_by_an_option_waits_for_the_option_that_says_so() {
    let mut world = World::stock("1.10");
    world.objects.push(object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "admin",
        "by-hand",
        json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "User", "name": "eve@example.com"}]}),
    ));
    let remedy = [Remedy::ForeignRoleBindings];
    let policy = Policy::default();
    let unattended = plan(&world, &policy, &[], &remedy, &option(&[]));
    assert_eq!(changes(&unattended), [""; 0]);
    assert_eq!(held_back(&unattended).len(), 1);
    let line = unattended.held_back_line().unwrap();
    assert!(line.contains("allow-disruption=foreign-role-bindings"), "{line}");
    for consent in [option(&remedy), Consent::of_person(&Default::default())] {
        let agreed = plan(&world, &policy, &[], &remedy, &consent);
        assert_eq!(changes(&agreed), ["foreign-role-bindings: remove RoleBinding admin/by-hand"]);
    }
}

#[test]
fn waived_finding_is_left_alone_by_every_remedy() {
    let text = |of: &str| {
        let waiver = |(id, object): (&str, &str)| {
            format!(
                "- {{control: {id}, object: {object}, reason: known, owner: me, expires: 2099-01-31}}\n"
            )
        };
        let all = [
            ("NET-01", of),
            ("NET-02", "{}"),
            ("NET-03", of),
            ("TLS-10", "{}"),
            ("TLS-11", "{}"),
            ("TLS-20", "{}"),
            ("TLS-21", "{}"),
            ("PSS-04", of),
            ("PSS-05", "{}"),
        ];
        format!("waivers:\n{}", all.map(waiver).concat())
    };
    let remedies = [
        Remedy::TlsFloor,
        Remedy::HttpsRedirect,
        Remedy::Hsts,
        Remedy::PodSecurityLabels,
        Remedy::ProfileNetworkPolicies,
        Remedy::PlatformNetworkPolicies,
        Remedy::MutualTls,
    ];
    // It serves HTTPS, and nothing else is fixed.
    let mut world = serving();
    let hardened = World::hardened("1.10");
    for (kind, name) in
        [("Gateway", "kubeflow-gateway"), ("Secret", "kubeflow-gateway-gateway-secret")]
    {
        let object = hardened.clone().get(kind, name).clone();
        world.objects.retain(|o| o["kind"] != kind || o["metadata"]["name"] != name);
        world.objects.push(object);
    }
    let planned = |text: &str| {
        let (policy, problems) = Policy::parse(text);
        assert_eq!(problems, []);
        changes(&plan(&world, &policy, &[], &remedies, &option(&remedies)))
    };
    let all = planned("");
    assert_eq!(all.len(), 3 + 3 + 2 + 7 + 2, "{all:#?}");
    assert_eq!(planned(&text("{}")), [""; 0]);
    // For one profile: the other is fixed.
    let rest = planned(&text("{kind: Namespace, name: admin}"));
    assert_eq!(
        rest,
        [
            "pod-security-labels: label Namespace quiet",
            "profile-network-policies: create NetworkPolicy quiet/ckf-hardening-profile",
            "mutual-tls: create PeerAuthentication quiet/ckf-hardening-mutual-tls",
        ]
    );
}

#[test]
fn policy_that_a_controller_makes_again_is_not_deleted() {
    let mut world = World::stock("1.10");
    let wildcard = |name: &str, rule: Value, owners: Value| {
        object(
            "security.istio.io/v1",
            "AuthorizationPolicy",
            "admin",
            name,
            json!({"metadata": {"ownerReferences": owners}, "spec": {"rules": [rule]}}),
        )
    };
    let any_user = json!({"when": [{"key": "request.headers[kubeflow-userid]", "values": ["*"]}]});
    let namespace = json!([{"apiVersion": "v1", "kind": "Namespace", "name": "admin", "controller": true, "uid": "u"}]);
    world.objects.extend([
        wildcard("of-some-controller", any_user, namespace),
        wildcard("by-hand", json!({}), json!([])),
    ]);
    let consent = Consent::of_person(&Default::default());
    let remedy = [Remedy::WildcardPolicies];
    let plan = plan(&world, &Policy::default(), &[], &remedy, &consent);
    assert_eq!(changes(&plan), ["wildcard-policies: remove AuthorizationPolicy admin/by-hand"]);
    let said = plan.to_string();
    for part in [
        "ns-owner-access-istio-charmed is created by kfp-profile-controller, which would recreate it",
        "of-some-controller is created by the controller of Namespace admin",
        "profile-network-policies",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The words are true of what is there.
    let found = findings(&world, "AUTHZ-07");
    let of = |name: &str| found.iter().find(|finding| finding.contains(name)).unwrap();
    let charmed = of("ns-owner-access-istio-charmed");
    assert!(
        charmed.contains("any value of request.headers[kubeflow-userid], from any client"),
        "{charmed}"
    );
    assert!(!charmed.contains("empty rule"), "{charmed}");
    assert!(of("by-hand").contains("an empty rule"), "{found:?}");
}

#[test]
fn pod_security_is_not_enforced_before_istio_cni() {
    let world = World::stock("1.10");
    let remedies = [Remedy::PodSecurityLabels];
    let planned = plan(&world, &Policy::default(), &[], &remedies, &option(&remedies));
    assert!(!planned.to_string().contains("pod-security.kubernetes.io/enforce: "), "{planned}");
    let shown = findings(&world, "PSS-01");
    assert!(shown[0].contains("could start no pod"), "{shown:?}");
    // A user who follows the advice too early learns at once what it does.
    let mut shut = world.clone();
    shut.get("Namespace", "admin")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] =
        "baseline".into();
    let shown = findings(&shut, "PSS-03").join("\n");
    assert!(shown.contains("can start no pod of the mesh"), "{shown}");
    // With the plugin it is enforced, but not where a pod runs that would be refused next time.
    let mut world = World::hardened("1.10");
    let labels = &mut world.get("Namespace", "team-a")["metadata"]["labels"];
    labels["pod-security.kubernetes.io/enforce"] = "privileged".into();
    let enforced = |world: &World| {
        changes(&plan(world, &Policy::default(), &[], &remedies, &option(&[]))).len()
    };
    assert_eq!(enforced(&world), 1);
    let mut notebook = pod("team-a", "notebook-0", json!({}), true);
    notebook["spec"]["volumes"] = json!([{"name": "host", "hostPath": {"path": "/data"}}]);
    world.objects.push(notebook);
    assert_eq!(enforced(&world), 0);
}
