//! Slips of the operator: an option that is misspelt, a password that is not meant to change, a
//! user who is gone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_worlds::istio_pilot::IstioPilot;
use ckf_worlds::{HOST, World, object};
use jiff::{SignedDuration, Timestamp};
use juju_sim::controller::{Application, Certificate, Controller, State};
use juju_sim::{Event, Juju, Outcome, Relation, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use ckf_test_support::rotation::{LOGIN, age_ledger, entry, held, hook};
use ckf_test_support::{binary, cluster};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than the agent takes to act on its input.
const A_WHILE: Duration = Duration::from_secs(4);

const ENFORCED: &str = "tls-floor,https-redirect,profile-network-policies,\
    platform-network-policies,mutual-tls,pod-security-labels,foreign-role-bindings,\
    service-account-tokens";
/// What may be destroyed, were it not for the policy.
const DISRUPTION: &str = "foreign-role-bindings,service-account-tokens";
const POLICY: &str = "allow: {rolebindings: [admin/gitops-deployer]}\n\
    waivers:\n- {control: CRED-15, object: {kind: Secret, namespace: admin, name: ci-token}, \
    reason: the old CI, owner: platform@example.com, expires: 2099-01-01}\n";

/// A stock platform, with what the policy allows.
fn stock() -> World {
    let mut world = World::stock("1.10");
    let rbac = "rbac.authorization.k8s.io";
    world.objects.extend([
        object(
            "v1",
            "Secret",
            "admin",
            "ci-token",
            json!({"type": "kubernetes.io/service-account-token",
                "metadata": {"annotations": {"kubernetes.io/service-account.name": "default-editor"}}}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "admin",
            "gitops-deployer",
            json!({"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "admin"},
                "subjects": [{"apiGroup": rbac, "kind": "User", "name": "gitops@example.com"}]}),
        ),
    ]);
    world
}

/// What enforcing makes, edits and removes, as it is.
fn everything(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let kinds = "namespaces,secrets,configmaps,rolebindings,networkpolicies,envoyfilters,\
        gateways.networking.istio.io,authorizationpolicies,peerauthentications";
    let listed = sandbox.kubectl(&["get", kinds, "-A", "-o", "json"]).unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    let named = |item: &Value| {
        let meta = &item["metadata"];
        let name = format!("{} {}/{}", item["kind"], meta["namespace"], meta["name"]);
        (name, json!([meta["uid"], meta["resourceVersion"]]))
    };
    items.map(named).collect()
}

fn ours(sandbox: &Sandbox) -> usize {
    let names = everything(sandbox).into_keys();
    names.filter(|name| name.contains("\"ckf-hardening-")).count()
}

/// A controller with the platform's model.
fn controller(juju: Juju, model: &str, login: &str) -> Controller {
    let mut state = State::new(juju, "first-pw-of-the-charm");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    state.add_user("bot", "first-pw-of-the-bot");
    state.add_user("alice", "first-pw-of-alice");
    let of = |charm: &str| Application {
        charm: format!("ch:amd64/{charm}-1"),
        ..Application::default()
    };
    let dex = of("dex-auth")
        .with_option("static-username", "string", Some("user@example.com"))
        .with_option("static-password", "string", Some("first-pw-of-dex"));
    let minio = of("minio")
        .with_option("access-key", "string", Some("minio"))
        .with_option("mode", "string", Some("server"))
        .with_option("secret-key", "string", Some("first-pw-of-minio"));
    let hosted = state.add_model(model, "kubeflow");
    hosted.users.insert(login.into(), "admin".into());
    hosted.applications.insert("dex-auth".into(), dex);
    hosted.applications.insert("minio".into(), minio);
    Controller::start_with(state, Certificate::Good).unwrap()
}

fn unit(juju: Juju, plan: &str) -> Simulation {
    ckf_test_support::rotation::unit(juju, plan, |model| controller(juju, model, "hardening"))
}

/// What the controller knows that a slip must not change.
fn of_juju(unit: &Simulation) -> Vec<String> {
    unit.controller().state(|state| {
        let users = state.users.iter();
        let users = users.map(|(name, user)| {
            format!("{name} {:?} {:?} {}", user.password, user.secret_key, user.disabled)
        });
        let applications = state.models.values().flat_map(|model| &model.applications);
        let applications =
            applications.map(|(name, app)| format!("{name} {:?} {:?}", app.options, app.relations));
        users.chain(applications).collect()
    })
}

fn option(unit: &Simulation, application: &str, option: &str) -> String {
    unit.controller().state(|state| {
        let value = state.application(application).unwrap().option(option);
        value.unwrap().as_str().unwrap().to_owned()
    })
}

fn message(unit: &Simulation) -> String {
    let status = unit.model().status;
    format!("{}: {}", status.name, status.message)
}

fn settle(unit: &mut Simulation) {
    for _ in 0..4 {
        hook(unit, "update-status");
    }
}

fn rotate(unit: &mut Simulation, parameters: Value) -> Outcome {
    let outcome = unit.run(&Event::action("rotate-credentials", parameters));
    assert!(outcome.committed(), "{outcome:?}");
    outcome
}

fn refusal(outcome: &Outcome) -> &str {
    let failed = outcome.action.as_ref().unwrap().failed.as_deref();
    failed.unwrap_or_else(|| panic!("the action did not fail: {outcome:?}"))
}

/// Lets time go by; the events of Juju's clock happen, and the hooks that follow.
fn pass_days(unit: &mut Simulation, days: i64) {
    for event in unit.advance(SignedDuration::from_hours(24 * days)) {
        assert!(unit.run(&event).committed(), "{event:?}");
    }
    settle(unit);
}

/// Each option by which something is changed, with a slip in it.
const SLIPS: [(&str, &str); 12] = [
    ("enforce", "tls-floor,https-redirect,secure-cookie"),
    ("enforce", "none,tls-floor"),
    // What a newer version knows, after a downgrade.
    ("enforce", "tls-floor,https-redirect,a-remedy-of-tomorrow"),
    ("policy", "treshold: {}"),
    ("policy", "waivers: [{control: CRED-99, reason: r, owner: o, expires: 2099-01-01}]"),
    ("policy", "waivers: ["),
    ("rotate", "targets: [dex, minos]"),
    ("rotate", "targets: [juju-user/bot]\ndisable-idle: 2y"),
    ("profile", "stricter"),
    ("tls-min-version", "TLSv1.3"),
    ("tls-cipher-suites", "all"),
    ("external-hostname", "https://kubeflow.example.com"),
];

#[test]
fn invalid_option_changes_nothing() {
    let sandbox = cluster(&stock());
    let mut unit = unit(Juju::V4_0, "");
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    let good = [
        ("enforce", ENFORCED),
        ("policy", POLICY),
        ("rotate", "every: 30d\ntargets: [dex]"),
        ("profile", "baseline"),
        ("tls-min-version", "1.2"),
        ("tls-cipher-suites", ""),
        ("external-hostname", "kubeflow.example.com"),
    ];
    for (name, value) in good {
        unit.set_option(name, value);
    }
    hook(&mut unit, "config-changed");
    settle(&mut unit);
    // All that could be due is.
    age_ledger(&mut unit, 40);
    let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 300);
    unit.controller().change(|state| {
        let bot = state.users.get_mut("bot").unwrap();
        (bot.created, bot.last_connection) = (long_ago, Some(long_ago));
    });
    assert!(ours(&sandbox) >= 8, "{:?}", everything(&sandbox).into_keys());
    let before = (everything(&sandbox), of_juju(&unit), unit.model().secrets);
    for (name, slip) in SLIPS {
        unit.set_option(name, slip);
        for event in ["config-changed", "update-status"] {
            hook(&mut unit, event);
        }
        let after = (everything(&sandbox), of_juju(&unit), unit.model().secrets);
        assert!(before == after, "{name}={slip} changed something");
        let shown = message(&unit);
        let begins = shown.starts_with(&format!("blocked: option {name}: "));
        assert!(begins && shown.contains("stays as it is"), "{shown}");
        // Nor by a person's action, for which the options are what they are.
        for (action, parameters) in [("apply", json!({})), ("rotate-credentials", json!({}))] {
            let outcome = unit.run(&Event::action(action, parameters));
            assert!(refusal(&outcome).starts_with(&format!("option {name}: ")), "{outcome:?}");
        }
        let (_, value) = good.iter().find(|(known, _)| *known == name).unwrap();
        unit.set_option(name, *value);
    }
    // A secret that is revoked, one that is gone, and none at all.
    unit.change(|model| {
        let login = model.secrets.iter_mut().find(|secret| secret.id == LOGIN);
        login.unwrap().grants.clear();
    });
    hook(&mut unit, "config-changed");
    unit.set_option("juju-credentials", "secret:d3nkb2fmp25c76a0nowh");
    hook(&mut unit, "config-changed");
    unit.change(|model| drop(model.options.remove("juju-credentials")));
    hook(&mut unit, "config-changed");
    assert_eq!(before.0, everything(&sandbox));
    assert_eq!(before.1, of_juju(&unit));
    // When all is corrected, what is due is done.
    unit.set_option("juju-credentials", format!("secret:{LOGIN}"));
    ckf_test_support::rotation::give_login(&mut unit, "first-pw-of-the-charm");
    hook(&mut unit, "config-changed");
    settle(&mut unit);
    assert_ne!(before.1, of_juju(&unit), "Dex's password is due");
    assert_eq!(before.0, everything(&sandbox));
}

/// A running agent.
struct Agent<'a> {
    child: Child,
    folder: &'a Path,
}

impl<'a> Agent<'a> {
    fn start(sandbox: &Sandbox, folder: &'a Path) -> Self {
        let address = format!("127.0.0.1:{}", kube_sandbox::free_port().unwrap());
        let child = Command::new(binary())
            .args(["serve", "--listen", &address, "--input"])
            .arg(folder)
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn write_input(&self, options: &Value) {
        write_input(self.folder, options);
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_input(folder: &Path, options: &Value) {
    let input = json!({"namespace": "kubeflow", "is-leader": true, "options": options});
    std::fs::write(folder.join("input.part"), input.to_string()).unwrap();
    std::fs::rename(folder.join("input.part"), folder.join("input.json")).unwrap();
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn agent_repairs_by_the_last_valid_options() {
    let sandbox = cluster(&stock());
    let folder = tempfile::tempdir().unwrap();
    let good = json!({"enforce": ENFORCED, "allow-disruption": DISRUPTION, "policy": POLICY});
    let slip = |name: &str, value: &str| {
        let mut options = good.clone();
        options[name] = value.into();
        options
    };
    write_input(folder.path(), &good);
    let agent = Agent::start(&sandbox, folder.path());
    until("what is enforced", || ours(&sandbox) >= 8);
    std::thread::sleep(A_WHILE);
    let before = everything(&sandbox);
    let policy = "networkpolicy/ckf-hardening-profile";
    let has_policy = || {
        let arguments = ["get", "-n", "admin", policy];
        sandbox.kubectl(&arguments).unwrap().status.success()
    };
    let delete = || {
        let arguments = ["delete", "-n", "admin", policy];
        assert!(sandbox.kubectl(&arguments).unwrap().status.success());
    };
    for (name, value) in [
        ("enforce", &*format!("{ENFORCED},secure-cookie")),
        ("policy", &*format!("{POLICY}treshold: {{}}\n")),
        ("tls-min-version", "TLSv1.3"),
        ("rotate", "targets: [minos]"),
    ] {
        agent.write_input(&slip(name, value));
        std::thread::sleep(A_WHILE);
        assert_eq!(everything(&sandbox), before, "{name}={value}");
    }
    // It has what it knew, and goes on with that.
    delete();
    until("the repair", has_policy);
    let before = everything(&sandbox);

    // One that has just begun knows of none, and changes nothing at all.
    drop(agent);
    let agent = Agent::start(&sandbox, folder.path());
    std::thread::sleep(A_WHILE);
    assert_eq!(everything(&sandbox), before);
    delete();
    std::thread::sleep(A_WHILE);
    assert!(!has_policy(), "it repaired by options that it does not understand");
    agent.write_input(&good);
    until("the repair", has_policy);
    assert_eq!(everything(&sandbox).len(), before.len());
}

#[test]
fn misspelt_time_disables_no_user() {
    for slip in ["2y", "365 dayz", "1000d", "180", "0d", "6m"] {
        let plan = format!("targets: [juju-user/bot]\ndisable-idle: {slip}");
        let mut unit = unit(Juju::V3_6, &plan);
        let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 100);
        unit.controller().change(|state| {
            let bot = state.users.get_mut("bot").unwrap();
            (bot.created, bot.last_connection) = (long_ago, Some(long_ago));
        });
        let before = of_juju(&unit);
        hook(&mut unit, "config-changed");
        settle(&mut unit);
        assert_eq!(of_juju(&unit), before, "{slip}");
        assert!(message(&unit).starts_with("blocked: option rotate: disable-idle: "));
    }
}

#[test]
fn credential_removed_from_the_plan_is_not_rotated() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        for (plan, every) in [("", 0), ("every: 365d\ntargets: [dex]", 365)] {
            let mut unit = unit(juju, "every: 30d\ntargets: [dex]");
            hook(&mut unit, "config-changed");
            settle(&mut unit);
            let first = option(&unit, "dex-auth", "static-password");
            assert_ne!(first, "first-pw-of-dex");
            unit.set_option("rotate", plan);
            hook(&mut unit, "config-changed");
            age_ledger(&mut unit, 32);
            pass_days(&mut unit, 32);
            assert_eq!(option(&unit, "dex-auth", "static-password"), first, "{juju:?} {plan:?}");
            let model = unit.model();
            let secret = model.secrets.iter().find(|s| s.label == "credential/dex");
            // An older Juju cannot change how often it reminds.
            let reminds = format!("{:?}", secret.unwrap().rotate);
            let wanted = match (juju, every) {
                (Juju::V3_6, _) => "Monthly",
                (Juju::V4_0, 0) => "Never",
                (Juju::V4_0, _) => "Yearly",
            };
            assert!(reminds.contains(wanted), "{juju:?} {plan:?}: {reminds}");
            if every > 0 {
                age_ledger(&mut unit, every);
                settle(&mut unit);
                assert_ne!(option(&unit, "dex-auth", "static-password"), first);
            }
        }
    }
}

#[test]
fn first_user_is_rotated_by_force_only() {
    let mut unit = ckf_test_support::rotation::unit(Juju::V3_6, "", |model| {
        controller(Juju::V3_6, model, "admin")
    });
    // The charm logs in as the user that Juju began with.
    unit.change(|model| {
        let login = model.secrets.iter_mut().find(|secret| secret.id == LOGIN);
        let content = login.unwrap().revisions.get_mut(&1).unwrap();
        content.insert("username".into(), STANDARD.encode("admin"));
    });
    let is_first = |unit: &Simulation| {
        let admin = unit.controller().state(|state| state.users["admin"].clone());
        admin.password.as_deref() == Some("first-pw-of-the-charm") && !admin.disabled
    };
    for parameters in [
        json!({"targets": ["own-login"]}),
        json!({"targets": ["own-login"], "dry-run": true}),
        json!({"targets": ["juju-user/admin"]}),
        json!({"users": ["admin"]}),
        json!({"users": ["admin"], "deliver": "registration"}),
    ] {
        let outcome = rotate(&mut unit, parameters.clone());
        let why = refusal(&outcome);
        let shown =
            why.contains("the controller's first user") || why.contains("rotate own-login instead");
        assert!(shown, "{parameters}: {why}");
    }
    // The option begins nothing, and says why.
    for plan in ["targets: [own-login]", "targets: [juju-user/admin]\ndisable-idle: 7d"] {
        unit.set_option("rotate", plan);
        hook(&mut unit, "config-changed");
        settle(&mut unit);
        let outcome = rotate(&mut unit, json!({}));
        assert!(outcome.action.as_ref().unwrap().failed.is_some(), "{outcome:?}");
        assert!(message(&unit).contains("the controller's first user"), "{}", message(&unit));
        assert!(is_first(&unit), "{plan}");
    }
    assert_eq!(unit.model().secrets.len(), 1, "a secret was made for it");

    unit.set_option("rotate", "");
    rotate(&mut unit, json!({"targets": ["own-login"], "force": true}));
    settle(&mut unit);
    let now = unit.controller().state(|state| state.users["admin"].password.clone());
    assert_eq!(held(&unit.model(), "own-login").get("password"), now.as_ref());
    assert!(!is_first(&unit));
    let status = unit.run(&Event::action("rotation-status", json!({})));
    let shown = status.results()["before-removal"].as_str().unwrap().to_owned();
    assert!(shown.contains("juju show-secret"), "{shown}");
}

#[test]
fn rotation_of_a_removed_user_or_application_can_be_abandoned() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut unit = unit(juju, "targets: [juju-user/bot, dex]");
        hook(&mut unit, "config-changed");
        for credential in ["juju-user/bot", "dex"] {
            assert_eq!(entry(&unit, credential)["stage"], "prepared");
        }
        let uuid = unit.model().uuid.clone();
        unit.controller().change(|state| {
            state.users.remove("bot");
            let model = state.models.get_mut(&uuid).unwrap();
            model.applications.remove("dex-auth");
        });
        settle(&mut unit);
        let ledger = unit.model().relations[0].application_data["rotation"].clone();
        assert!(ledger.contains("the user bot no longer exists"), "{ledger}");
        assert!(ledger.contains("of the charm dex-auth"), "{ledger}");
        assert!(!ledger.contains("superuser"), "it has that: {ledger}");

        // By name.
        let outcome = rotate(&mut unit, json!({"abandon": "juju-user/bot"}));
        let status = outcome.results()["status"].as_str().unwrap();
        assert!(status.contains("begins again when it is due"), "{status}");
        let again = rotate(&mut unit, json!({"abandon": "juju-user/bot"}));
        assert!(refusal(&again).contains("under way"), "{again:?}");
        // By the option.
        unit.set_option("rotate", "");
        hook(&mut unit, "config-changed");
        settle(&mut unit);
        assert!(!message(&unit).contains("rotation of"), "{}", message(&unit));
        for credential in ["juju-user/bot", "dex"] {
            let held = held(&unit.model(), credential);
            assert_eq!(held.get("password"), None, "{credential}");
            assert!(entry(&unit, credential).is_null(), "{}", entry(&unit, credential));
        }
    }
}

#[test]
fn valid_password_is_kept_when_its_rotation_is_abandoned() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut unit = unit(juju, "targets: [juju-user/bot, own-login, dex]");
        hook(&mut unit, "config-changed");
        // Hooks died after the values were set, and before that was written down.
        let next =
            |unit: &Simulation, name: &str| held(&unit.model(), name)["next-password"].clone();
        let (bot, own, dex) =
            (next(&unit, "juju-user/bot"), next(&unit, "own-login"), next(&unit, "dex"));
        unit.controller().change(|state| {
            state.users.get_mut("bot").unwrap().password = Some(bot.clone());
            state.users.get_mut("hardening").unwrap().password = Some(own.clone());
            let options = &mut state.application_mut("dex-auth").unwrap().options;
            options.get_mut("static-password").unwrap().set = Some(dex.clone().into());
        });
        unit.set_option("rotate", "");
        hook(&mut unit, "config-changed");
        settle(&mut unit);
        for (credential, value) in [("juju-user/bot", &bot), ("own-login", &own), ("dex", &dex)] {
            let held = held(&unit.model(), credential);
            assert_eq!(held.get("password"), Some(value), "{juju:?} {credential}");
            assert_eq!(entry(&unit, credential)["stage"], "settled");
        }

        // Where it cannot be seen what holds, nothing is dropped.
        unit.set_option("rotate", "targets: [dex]");
        age_ledger(&mut unit, 100);
        hook(&mut unit, "config-changed");
        assert_eq!(entry(&unit, "dex")["stage"], "prepared");
        let prepared = next(&unit, "dex");
        unit.controller().behave(juju_sim::controller::Wire::Garbage);
        unit.set_option("rotate", "");
        hook(&mut unit, "config-changed");
        assert_eq!(entry(&unit, "dex")["stage"], "settled");
        assert_eq!(next(&unit, "dex"), prepared);
    }
}

#[test]
fn cloud_account_key_is_not_rotated() {
    for mode in ["gateway", "a-mode-of-tomorrow"] {
        let mut unit = unit(Juju::V3_6, "targets: [minio]");
        unit.controller().change(|state| {
            let options = &mut state.application_mut("minio").unwrap().options;
            options.get_mut("mode").unwrap().set = Some(mode.into());
        });
        hook(&mut unit, "config-changed");
        settle(&mut unit);
        assert_eq!(option(&unit, "minio", "secret-key"), "first-pw-of-minio");
        let shown = message(&unit);
        assert!(
            shown.contains(mode) && shown.contains("make all stored data inaccessible"),
            "{shown}"
        );
        for parameters in [
            json!({"targets": ["minio"]}),
            json!({"targets": ["minio"], "force": true}),
            json!({"targets": ["minio"], "dry-run": true}),
        ] {
            let outcome = rotate(&mut unit, parameters);
            assert!(refusal(&outcome).contains(mode), "{outcome:?}");
        }
        assert_eq!(unit.model().secrets.len(), 1, "a secret was made for it");
    }
    // It became a gateway after its key was prepared.
    let mut unit = unit(Juju::V3_6, "targets: [minio]");
    hook(&mut unit, "config-changed");
    assert_eq!(entry(&unit, "minio")["stage"], "prepared");
    unit.controller().change(|state| {
        let options = &mut state.application_mut("minio").unwrap().options;
        options.get_mut("mode").unwrap().set = Some("gateway".into());
    });
    settle(&mut unit);
    assert_eq!(option(&unit, "minio", "secret-key"), "first-pw-of-minio");
}

#[test]
fn profile_secret_does_not_delay_the_platforms_key() {
    let sandbox = Sandbox::start().expect("the API server starts");
    let loader = sandbox.loader().expect("admin can log in");
    let load = |objects: &[Value]| loader.load(objects).expect("the objects load");
    let owner = |name: &str| format!("{name}@example.com");
    let namespace = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name,
            "annotations": {"owner": owner(name)}, "ownerReferences": [ckf_worlds::owned_by(name)]}})
    };
    let profile = |name: &str| {
        json!({"apiVersion": "kubeflow.org/v1", "kind": "Profile", "metadata": {"name": name},
            "spec": {"owner": {"kind": "User", "name": owner(name)}}})
    };
    let copy = |namespace: &str, name: &str, field: &str, key: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": name, "namespace": namespace},
            "data": {field: STANDARD.encode(key)}})
    };
    let artifact = "mlpipeline-minio-artifact";
    // What the platform's charms do; mallory keeps writing something else.
    let spread = |key: &str| {
        load(&[
            copy("kubeflow", artifact, "secretkey", key),
            copy("kubeflow", "kfp-profile-controller-minio-credentials", "MINIO_SECRET_KEY", key),
            copy("alice", artifact, "secretkey", key),
            copy("mallory", artifact, "secretkey", "whatever"),
        ]);
    };
    let pod = |namespace: &str| {
        let key = json!({"name": artifact, "key": "secretkey"});
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "ml-pipeline-ui-artifact", "namespace": namespace,
                "labels": {"app": "ml-pipeline-ui-artifact"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x",
                    "uid": "5b3a1a57-53e1-4c1b-9d7e-3b8a9d4d8f10", "controller": true}]},
            "spec": {"containers": [{"name": "main", "image": "rock:1",
                "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": key}}]}]}})
    };
    load(&World::definitions());
    sandbox.wait_for_definitions().expect("the definitions establish");
    load(&[
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}}),
        profile("alice"),
        profile("mallory"),
        namespace("alice"),
        namespace("mallory"),
    ]);
    spread("first-pw-of-minio");
    load(&[pod("alice"), pod("mallory")]);
    let mut unit = unit(Juju::V3_6, "every: 24h\ntargets: [minio]");
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    let key = |unit: &Simulation| option(unit, "minio", "secret-key");
    let step = |unit: &mut Simulation| {
        // Each try waits for its time, which is let go by.
        unit.change(|model| {
            let bag = &mut model.relations[0].application_data;
            if let Some(text) = bag.get("rotation") {
                let mut ledger: Value = serde_json::from_str(text).unwrap();
                if !ledger["minio"]["failure"].is_null() {
                    ledger["minio"]["failure"]["again"] = "2026-01-01T00:00:00Z".into();
                }
                bag.insert("rotation".into(), ledger.to_string());
            }
        });
        hook(unit, "update-status");
    };
    hook(&mut unit, "config-changed");
    step(&mut unit);
    let first = key(&unit);
    assert_ne!(first, "first-pw-of-minio");
    spread(&first);
    step(&mut unit);
    // The others follow at once, mallory is waited for and named.
    let waiting = entry(&unit, "minio");
    let why = waiting["failure"]["why"].as_str().unwrap();
    assert!(why.contains("mallory/mlpipeline-minio-artifact") && !why.contains("alice/"), "{why}");
    let has_pod = |namespace: &str| {
        let arguments = ["get", "pod", "-n", namespace, "ml-pipeline-ui-artifact", "-o", "json"];
        let pod = sandbox.kubectl(&arguments).unwrap();
        let pod: Value = serde_json::from_slice(&pod.stdout).unwrap_or_default();
        pod["metadata"]["name"].is_string() && pod["metadata"]["deletionTimestamp"].is_null()
    };
    assert!(!has_pod("alice"), "the pod of a profile that has the key is created again");
    assert!(has_pod("mallory"));
    for _ in 0..4 {
        step(&mut unit);
    }
    assert_eq!(entry(&unit, "minio")["stage"], "settled");
    let log = unit.model().log;
    let shown = log.iter().any(|line| line.message.contains("mallory/mlpipeline-minio-artifact"));
    assert!(shown, "{log:?}");

    // Nor does it keep the next one away, by the plan or by hand, settled or not.
    for by_hand in [false, true] {
        let before = key(&unit);
        match by_hand {
            true => drop(rotate(&mut unit, json!({"targets": ["minio"]}))),
            false => age_ledger(&mut unit, 2),
        }
        for _ in 0..3 {
            step(&mut unit);
            spread(&key(&unit));
        }
        assert_ne!(key(&unit), before);
        let now = entry(&unit, "minio");
        assert!(now["stage"] == "published" && now["failure"].is_object(), "{now}");
    }
}

#[test]
fn missing_grant_is_named() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let sandbox = cluster(&World::stock("1.10"));
        let mut unit = unit(juju, "targets: [dex]");
        let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
        unit.environment.insert("KUBECONFIG".into(), kubeconfig);
        let uuid = unit.model().uuid.clone();
        let grant = |unit: &Simulation, access: Option<&str>| {
            unit.controller().change(|state| {
                let model = state.models.get_mut(&uuid).unwrap();
                model.users.remove("hardening");
                let access = access.map(|access| ("hardening".to_owned(), access.to_owned()));
                model.users.extend(access);
            });
        };
        // A superuser, which is not enough.
        grant(&unit, None);
        hook(&mut unit, "config-changed");
        let shown = message(&unit);
        assert!(shown.contains("juju grant hardening read kubeflow"), "{shown}");
        assert!(shown.contains("juju grant hardening write kubeflow"), "{shown}");
        // Enough to see, and not to set.
        grant(&unit, Some("read"));
        rotate(&mut unit, json!({"targets": ["dex"]}));
        settle(&mut unit);
        let shown = message(&unit);
        assert!(shown.contains("juju grant hardening write kubeflow"), "{shown}");
        assert!(!shown.contains("read kubeflow"), "{shown}");
        assert_eq!(option(&unit, "dex-auth", "static-password"), "first-pw-of-dex");
        grant(&unit, Some("write"));
        rotate(&mut unit, json!({"targets": ["dex"]}));
        settle(&mut unit);
        assert_ne!(option(&unit, "dex-auth", "static-password"), "first-pw-of-dex");
        assert!(!message(&unit).contains("juju grant"), "{}", message(&unit));
    }
}

#[test]
fn invalid_option_removes_no_certificate() {
    let mut unit = unit(Juju::V3_6, "");
    unit.set_option("external-hostname", HOST);
    let mut relation = Relation::new(9, "gateway-certificates", "istio-pilot", 1);
    let pilot = IstioPilot::at(HOST);
    relation.remote_units.insert("istio-pilot/0".into(), pilot.databag());
    let changed = Event::relation(&relation, "changed", None);
    unit.change(|model| model.relations.push(relation));
    assert!(unit.run(&changed).committed());
    let issued = |unit: &Simulation| unit.model().relation(9).unwrap().application_data.clone();
    let before = issued(&unit);
    assert!(before["certificates"].contains("BEGIN CERTIFICATE"), "{before:?}");
    for (name, slip) in [
        ("external-hostname", "https://kubeflow.example.com"),
        ("policy", "certificates: {days: 9000000}"),
        ("policy", "certificate: {}"),
    ] {
        unit.set_option(name, slip);
        hook(&mut unit, "config-changed");
        assert!(unit.run(&changed).committed());
        assert_eq!(issued(&unit), before, "{name}={slip}");
        let shown = message(&unit);
        assert!(shown.starts_with(&format!("blocked: option {name}: ")), "{shown}");
        unit.set_option(name, if name == "policy" { "" } else { HOST });
    }
}
