//! A stock deployment on a real API server, hardened by `apply` alone and undone again: it
//! ends as it began, object by object.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use ckf_test_support::dying::{Breaks, Way};
use ckf_test_support::objects::{differences, everything};
use ckf_test_support::rotation::{hook, unit};
use ckf_test_support::{audit, binary, client_store, cluster, control, verdict};
use ckf_worlds::{World, object};
use juju_sim::Juju;
use juju_sim::controller::{Application, Controller, State};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// Stock, with what people leave behind.
fn stock() -> World {
    let mut world = World::stock("1.10");
    let rbac = "rbac.authorization.k8s.io";
    world.objects.extend([
        object(
            "v1",
            "Secret",
            "admin",
            "old-token",
            json!({"type": "kubernetes.io/service-account-token",
                "metadata": {"annotations": {"kubernetes.io/service-account.name": "default-editor"}}}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "admin",
            "by-hand",
            json!({"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "admin"},
                "subjects": [{"apiGroup": rbac, "kind": "User", "name": "mallory@example.com"}]}),
        ),
        object(
            "security.istio.io/v1beta1",
            "AuthorizationPolicy",
            "admin",
            "open",
            json!({"spec": {"action": "ALLOW", "rules": [{}]}}),
        ),
    ]);
    world
}

/// A controller whose model is the platform.
fn controller(uuid: &str) -> Controller {
    let mut state = State::new(Juju::V3_6, "admin-pw");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let model = state.add_model(uuid, "kubeflow");
    model.users.insert("hardening".into(), "write".into());
    let mut add = |charm: &str, options: &[(&str, Option<&str>)]| {
        let mut application = Application {
            charm: format!("ch:amd64/{charm}-1"),
            channel: "1.10/stable".into(),
            ..Application::default()
        };
        for (name, value) in options {
            application = application.with_option(name, "string", *value);
        }
        model.applications.insert(charm.into(), application);
    };
    add("dex-auth", &[("connectors", Some("[{type: oidc}]")), ("enable-password-db", None)]);
    add("jupyter-ui", &[("secure-cookies", None), ("jupyter-images", Some("[mine]"))]);
    add("kubeflow-profiles", &[("security-policy", Some("privileged"))]);
    add("minio", &[]);
    add("grafana-agent-k8s", &[]);
    Controller::start(state).unwrap()
}

/// What a user set, and what is related.
fn model(controller: &Controller) -> Value {
    controller.state(|state| {
        let model = state.models.values().next().unwrap();
        let applications = model.applications.iter();
        applications
            .map(|(name, app)| {
                let set = app
                    .options
                    .iter()
                    .filter_map(|(option, known)| Some((option.clone(), known.set.clone()?)));
                let set: serde_json::Map<String, Value> = set.collect();
                let relations = app.relations.iter().filter(|(_, with)| !with.is_empty());
                let relations: BTreeMap<_, _> = relations.collect();
                (name.clone(), json!({"set": set, "relations": relations}))
            })
            .collect::<serde_json::Map<String, Value>>()
            .into()
    })
}

struct Operator<'a> {
    sandbox: &'a Sandbox,
    store: &'a std::path::Path,
}

impl Operator<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let changes = ["apply", "undo"].contains(&arguments[0]);
        Command::new(binary())
            .args(arguments)
            .args(changes.then_some("--yes"))
            .arg("--kubeconfig")
            .arg(self.sandbox.kubeconfig("admin"))
            .env("JUJU_DATA", self.store)
            .env_remove("JUJU_DISPATCH_PATH")
            .output()
            .unwrap()
    }

    fn says(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        text
    }
}

const REMOVALS: [&str; 5] = [
    "service-account-tokens",
    "foreign-role-bindings",
    "wildcard-policies",
    "password-database",
    "default-images",
];

#[test]
fn saved_plan_is_applied_by_its_own_policy() {
    let sandbox = cluster(&stock());
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator { sandbox: &sandbox, store: folder.path() };
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (policy, kept) = (path("policy.yaml"), path("plan.json"));
    let waiver = "waivers: [{control: AUTHZ-06, reason: known, owner: me, expires: 2099-01-31}]\n";
    std::fs::write(&policy, waiver).unwrap();
    let remedies = ["plan", "foreign-role-bindings", "pod-security-labels"];
    let asked = [&remedies[..], &["--policy", &policy, "--out", &kept]].concat();
    let plan = operator.says(1, &asked);
    assert!(!plan.contains("by-hand"), "{plan}");

    let both = operator.says(2, &["apply", "--plan", &kept, "--policy", &policy]);
    assert!(both.contains("cannot be used with"), "{both}");
    // By then the file may say something else.
    std::fs::write(&policy, "").unwrap();
    let shown = operator.says(0, &["apply", "--plan", &kept]);
    assert!(shown.contains("PSS-04: fail -> pass"), "{shown}");
    let waived = sandbox.kubectl(&["get", "rolebinding", "-n", "admin", "by-hand"]);
    assert!(waived.unwrap().status.success());
}

#[test]
fn stock_deployment_hardened_by_apply_and_undone_is_as_before() {
    let sandbox = cluster(&stock());
    let controller = controller("62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e");
    let store = client_store(&controller);
    let operator = Operator { sandbox: &sandbox, store: store.path() };
    let report = || {
        let admin = sandbox.kubeconfig("admin");
        audit(&["--kubeconfig".as_ref(), admin.as_ref()])
    };
    let (before, model_before) = (everything(&sandbox), model(&controller));
    let stock = report();
    let fixed =
        ["PSS-04", "PSS-05", "NET-01", "NET-02", "NET-03", "CRED-15", "AUTHZ-06", "AUTHZ-07"];
    for id in fixed {
        assert_eq!(verdict(&stock, id), "fail", "{id}");
    }

    // A plan changes nothing, and shows what may break.
    let kept = store.path().join("plan.json");
    let kept = kept.to_str().unwrap();
    // What would stop flows of today is not in it, unless that is agreed to.
    let careful = operator.says(1, &["plan", "--all"]);
    for part in [
        "mutual-tls: PeerAuthentication admin/ckf-hardening-mutual-tls is held back",
        "left out by --all",
        "foreign-role-bindings",
    ] {
        assert!(careful.contains(part), "{part}: {careful}");
    }
    let all = ["plan", "--all", "--allow-disruption", "--out", kept];
    let plan = operator.says(1, &all);
    for part in [
        "mutual-tls: create PeerAuthentication admin/ckf-hardening-mutual-tls",
        "profile-network-policies: create NetworkPolicy admin/ckf-hardening-profile",
        "platform-network-policies: create NetworkPolicy kubeflow/ckf-hardening-jupyter-ui",
        "pod-security-labels: label Namespace admin",
        "  metadata.labels.pod-security.kubernetes.io/warn: (unset) -> restricted",
        "profile-security-policy: skipped: PSS-03 fails",
        "secure-cookies: skipped: without HTTPS the web apps would be unusable",
        "cos-relations: integrate minio:metrics-endpoint grafana-agent-k8s:metrics-endpoint",
        "mutual-tls: risk high: pods outside the mesh",
        "mutual-tls: would break:",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    for name in REMOVALS {
        let change = format!("{name}: ");
        assert!(!plan.contains(&change), "{name} is applied by its name only: {plan}");
    }
    assert_eq!(differences(&before, &everything(&sandbox)), [""; 0]);

    let shown = operator.says(0, &["apply", "--plan", kept]);
    assert!(shown.contains("NET-01: fail -> pass"), "{shown}");
    let shown = operator.says(0, &[&["apply"][..], &REMOVALS].concat());
    assert!(shown.contains("remove RoleBinding admin/by-hand"), "{shown}");
    assert!(shown.contains("AUTHZ-06: fail -> pass"), "{shown}");
    let hardened = report();
    for id in fixed {
        let now = control(&hardened, id);
        assert_eq!(verdict(&hardened, id), "pass", "{id}: {now}");
    }
    let now = model(&controller);
    assert_eq!(now["dex-auth"]["set"]["enable-password-db"], "false");
    assert_eq!(now["jupyter-ui"]["set"], json!({}), "its images are the charm's");
    assert_eq!(now["minio"]["relations"]["metrics-endpoint"], json!(["grafana-agent-k8s"]));

    // Nothing is left to do, and a plan of before says so.
    assert!(operator.says(0, &["plan", "--all"]).contains("skipped: "));
    let refused = operator.says(2, &["apply", "--plan", kept]);
    assert!(refused.contains("plan again"), "{refused}");

    let shown = operator.says(0, &["undo", "--all"]);
    assert!(shown.contains("revert RoleBinding admin/by-hand"), "{shown}");
    let after = everything(&sandbox);
    assert_eq!(differences(&before, &after), [""; 0]);
    assert_eq!(model(&controller), model_before);
    assert_eq!(operator.says(0, &["undo", "--all"]), "no changes\n");
}

#[test]
fn undo_leaves_what_another_changed_meanwhile() {
    let sandbox = cluster(&stock());
    let store = tempfile::tempdir().unwrap();
    let operator = Operator { sandbox: &sandbox, store: store.path() };
    operator.says(0, &["apply", "pod-security-labels", "foreign-role-bindings"]);
    let label = "pod-security.kubernetes.io/warn";
    let set = |value: &str| {
        let value = format!("{label}={value}");
        let output = sandbox.kubectl(&["label", "--overwrite", "namespace", "admin", &value]);
        assert!(output.unwrap().status.success());
    };
    // It drifts, is fixed, and the first value is the one that undo goes back to.
    set("privileged");
    let plan = operator.says(1, &["plan", "pod-security-labels"]);
    assert!(plan.contains(&format!("{label}: privileged -> restricted")), "{plan}");
    operator.says(0, &["apply", "pod-security-labels"]);
    // A user decides otherwise for good, and makes the binding again.
    set("baseline");
    let rbac = "rbac.authorization.k8s.io";
    sandbox
        .loader()
        .unwrap()
        .load(&[object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "admin",
            "by-hand",
            json!({"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": "mallory@example.com"}]}),
        )])
        .unwrap();
    let shown = operator.says(0, &["undo", "--all"]);
    assert!(
        shown.contains("pod-security.kubernetes.io/warn was set to baseline meanwhile"),
        "{shown}"
    );
    assert!(shown.contains("it was created again meanwhile"), "{shown}");
    let now = everything(&sandbox);
    let labels = &now["Namespace /admin"]["metadata"]["labels"];
    assert_eq!(labels[label], "baseline");
    assert_eq!(labels["pod-security.kubernetes.io/audit"], Value::Null);
    assert_eq!(now["RoleBinding admin/by-hand"]["roleRef"]["name"], "view");
    let records = now.keys().filter(|name| name.contains("ckf-hardening-"));
    assert_eq!(records.count(), 0, "{now:?}");
}

#[test]
fn charm_enforces_its_option_and_reverts_on_removal() {
    let sandbox = cluster(&stock());
    let mut unit = unit(Juju::V3_6, "", controller);
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    let (before, model_before) = (everything(&sandbox), model(unit.controller()));
    unit.set_option(
        "enforce",
        "mutual-tls,pod-security-labels,foreign-role-bindings,password-database,cos-relations",
    );
    // No user watches, so nothing is deleted, and no flow is stopped, until the option says so.
    hook(&mut unit, "config-changed");
    let now = everything(&sandbox);
    assert!(!now.contains_key("PeerAuthentication admin/ckf-hardening-mutual-tls"));
    assert!(now.contains_key("RoleBinding admin/by-hand"));
    assert_eq!(model(unit.controller())["dex-auth"]["set"], model_before["dex-auth"]["set"]);
    let message = unit.model().status.message;
    assert!(message.contains("is held back"), "{message}");
    assert!(message.contains("allow-disruption="), "{message}");
    unit.set_option("allow-disruption", "mutual-tls,foreign-role-bindings,password-database");
    hook(&mut unit, "config-changed");
    assert!(!unit.model().status.message.contains("held back"));
    let now = everything(&sandbox);
    assert!(now.contains_key("PeerAuthentication admin/ckf-hardening-mutual-tls"));
    assert!(!now.contains_key("RoleBinding admin/by-hand"));
    let set = &model(unit.controller())["dex-auth"]["set"];
    assert_eq!(set["enable-password-db"], "false");

    // An editor of the profile deletes the policy; it is there again.
    let delete = ["delete", "peerauthentication", "-n", "admin", "ckf-hardening-mutual-tls"];
    assert!(sandbox.kubectl(&delete).unwrap().status.success());
    hook(&mut unit, "update-status");
    assert_eq!(differences(&now, &everything(&sandbox)), [""; 0]);

    // What is taken out of the option goes, and the rest stays.
    unit.set_option("enforce", "mutual-tls,cos-relations");
    hook(&mut unit, "config-changed");
    let now = everything(&sandbox);
    assert!(now.contains_key("RoleBinding admin/by-hand"));
    assert_eq!(now["Namespace /admin"], before["Namespace /admin"]);
    assert_eq!(model(unit.controller())["dex-auth"], {
        let mut dex = model_before["dex-auth"].clone();
        dex["relations"] = model(unit.controller())["dex-auth"]["relations"].clone();
        dex
    });

    hook(&mut unit, "stop");
    hook(&mut unit, "remove");
    assert_eq!(differences(&before, &everything(&sandbox)), [""; 0]);
    assert_eq!(model(unit.controller()), model_before);
}

#[test]
fn apply_killed_at_any_change_is_reverted_by_undo() {
    let sandbox = cluster(&stock());
    let before = everything(&sandbox);
    let store = tempfile::tempdir().unwrap();
    let operator = Operator { sandbox: &sandbox, store: store.path() };
    let way = Way::open(&sandbox);
    let over = |file: &std::path::Path, arguments: &[&str]| {
        Command::new(binary())
            .args(arguments)
            .arg("--yes")
            .arg("--kubeconfig")
            .arg(file)
            .env("JUJU_DATA", store.path())
            .output()
            .unwrap()
    };
    let remedies = [
        "apply",
        "pod-security-labels",
        "mutual-tls",
        "foreign-role-bindings",
        "service-account-tokens",
        "--allow-disruption",
    ];
    // How many changes there are, when none is broken.
    let (whole, count) = way.breaking(usize::MAX, Breaks::Before);
    let output = over(whole.path(), &remedies);
    assert!(output.status.success(), "{output:?}");
    let hardened = everything(&sandbox);
    let changes = count.load(std::sync::atomic::Ordering::SeqCst);
    let (undoing, count) = way.breaking(usize::MAX, Breaks::Before);
    assert!(over(undoing.path(), &["undo", "--all"]).status.success());
    let undone = count.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(differences(&before, &everything(&sandbox)), [""; 0]);
    assert!(changes >= 9 && undone >= 9, "{changes} and {undone}");

    for how in [Breaks::Before, Breaks::After] {
        for at in 1..=changes {
            let (file, _) = way.breaking(at, how);
            let output = over(file.path(), &remedies);
            assert_eq!(output.status.code(), Some(2), "{how:?} {at}: {output:?}");
            // Going on ends where it would have ended.
            if at % 3 == 0 {
                operator.says(0, &remedies);
                assert_eq!(differences(&hardened, &everything(&sandbox)), [""; 0], "{how:?} {at}");
            }
            operator.says(0, &["undo", "--all"]);
            assert_eq!(differences(&before, &everything(&sandbox)), [""; 0], "{how:?} {at}");
        }
        for at in 1..=undone {
            operator.says(0, &remedies);
            let (file, _) = way.breaking(at, how);
            let output = over(file.path(), &["undo", "--all"]);
            assert_eq!(output.status.code(), Some(2), "undo {how:?} {at}: {output:?}");
            operator.says(0, &["undo", "--all"]);
            assert_eq!(differences(&before, &everything(&sandbox)), [""; 0], "undo {how:?} {at}");
        }
    }
    println!("{changes} changes and {undone} back, each broken before and after");
}
