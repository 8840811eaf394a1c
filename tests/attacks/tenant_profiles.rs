//! A tenant: may have a Profile of any name made, and may write NetworkPolicies, Istio's
//! policies, Gateways, VirtualServices and Services in the own namespace.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ckf_hardening::policy::Policy;
use ckf_hardening::remedies::{Consent, Remedy};
use ckf_worlds::{World, object};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::planned::{changes, findings, held_back, made, option, plan};
use ckf_test_support::{audit, binary, cluster, control, run, verdict};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The agent of a unit that leads.
struct Agent {
    child: Child,
    /// What the charm passed to it; gone with it.
    _folder: tempfile::TempDir,
}

impl Agent {
    fn start(sandbox: &Sandbox, options: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let input = json!({"namespace": "kubeflow", "is-leader": true, "options": options});
        std::fs::write(folder.path().join("input.json"), input.to_string()).unwrap();
        let address = format!("127.0.0.1:{}", kube_sandbox::free_port().unwrap());
        let child = Command::new(binary())
            .args(["serve", "--listen", &address, "--input"])
            .arg(folder.path())
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .env_remove("JUJU_DISPATCH_PATH")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, _folder: folder }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn get(sandbox: &Sandbox, kind: &str, namespace: &str, name: &str) -> Option<Value> {
    let arguments = ["get", kind, "-n", namespace, name, "-o", "json"];
    let output = sandbox.kubectl(&arguments).unwrap();
    let found = output.status.success();
    found.then(|| serde_json::from_slice(&output.stdout).unwrap())
}

/// Everything of a kind that carries our label, by namespace.
fn ours(sandbox: &Sandbox, kind: &str) -> Vec<String> {
    let label = "app.kubernetes.io/managed-by=ckf-hardening";
    let arguments = ["get", kind, "-A", "-l", label, "-o", "json"];
    let listed = sandbox.kubectl(&arguments).unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    items.map(|item| item["metadata"]["namespace"].as_str().unwrap().to_owned()).collect()
}

fn profile_of(name: &str, status: Value) -> Value {
    object(
        "kubeflow.org/v1",
        "Profile",
        "",
        name,
        json!({"spec": {"owner": {"kind": "User", "name": "mallory"}}, "status": status}),
    )
}

fn namespace(name: &str, metadata: Value) -> Value {
    object("v1", "Namespace", "", name, json!({"metadata": metadata}))
}

const EVERYTHING: &str =
    "profile-network-policies,mutual-tls,pod-security-labels,foreign-role-bindings";

#[test]
fn profile_named_like_a_foreign_namespace_changes_nothing_there() {
    let mut world = World::stock("1.10");
    let failed = json!({"conditions": [{"type": "Failed", "status": "",
        "message": "namespace already exist, but not owned by profile creator mallory"}]});
    let rejected = ["kube-system", "kubeflow", "knative-serving", "cos", "elsewhere", "default"];
    let half = ["annotated", "owned-by-another"];
    world.objects.extend([
        namespace("cos", json!({"labels": {"model.juju.is/name": "cos"}})),
        namespace("elsewhere", json!({})),
        namespace("annotated", json!({"annotations": {"owner": "mallory"}})),
        namespace(
            "owned-by-another",
            json!({"annotations": {"owner": "mallory"}, "ownerReferences": [
                {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "name": "admin", "uid": "u"}]}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "kube-system",
            "bootstrap",
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "ServiceAccount", "name": "bootstrap-signer", "namespace": "kube-system"}]}),
        ),
    ]);
    let names = || rejected.into_iter().chain(half);
    let profiles = names().map(|name| profile_of(name, failed.clone()));
    world.objects.extend(profiles);
    let sandbox = cluster(&world);
    // What an earlier version made there goes.
    let earlier = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "ckf-hardening-profile", "namespace": "kube-system", "labels": {
            "app.kubernetes.io/managed-by": "ckf-hardening", "ckf-hardening/remedy": "profile-network-policies",
            "ckf-hardening/kept": "true", "ckf-hardening/platform": "kubeflow"}},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}});
    let apply = ["apply", "--server-side", "--field-manager=ckf-hardening", "-f", "-"];
    sandbox.kubectl_with(&apply, &earlier.to_string()).unwrap();

    let agent =
        Agent::start(&sandbox, json!({"enforce": EVERYTHING, "allow-disruption": EVERYTHING}));
    until("the policies of the one profile", || {
        ours(&sandbox, "networkpolicies") == ["admin"]
            && ours(&sandbox, "peerauthentications") == ["admin"]
    });
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(ours(&sandbox, "networkpolicies"), ["admin"]);
    assert_eq!(ours(&sandbox, "peerauthentications"), ["admin"]);
    for name in names() {
        let labels = &get(&sandbox, "namespace", "", name).unwrap()["metadata"]["labels"];
        assert!(!labels.to_string().contains("restricted"), "{name}: {labels}");
    }
    assert!(get(&sandbox, "rolebinding", "kube-system", "bootstrap").is_some());
    drop(agent);

    // The command line plans nothing there either, and the audit says which Profiles do not count.
    let admin = sandbox.kubeconfig("admin");
    let plan = run(&["plan", "foreign-role-bindings", "--kubeconfig", admin.to_str().unwrap()]);
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(!plan.contains("kube-system"), "{plan}");
    let report = audit(&["--kubeconfig".as_ref(), admin.as_ref()]);
    assert_eq!(verdict(&report, "AUTHZ-01"), "fail");
    let found = control(&report, "AUTHZ-01")["findings"].to_string();
    for name in names() {
        assert!(found.contains(name), "{name}: {found}");
    }
    let kubeconfig = ["--kubeconfig", admin.to_str().unwrap()];
    let access = ["access", "--who", "mallory", "--to", "profile/kube-system"];
    let refused = run(&[&access[..], &kubeconfig].concat());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("does not count"), "{why}");
}

/// A world whose gateway serves HTTPS, with the profile `team-a` and no managed object.
fn https() -> World {
    let mut world = World::hardened("1.10");
    world.remove("Gateway", "ckf-hardening-https-redirect");
    world.remove("NetworkPolicy", "default-deny");
    world.remove("PeerAuthentication", "default");
    world
}

fn weaker() -> Vec<Value> {
    vec![
        object(
            "networking.istio.io/v1beta1",
            "Gateway",
            "team-a",
            "mine",
            json!({"spec": {"selector": {"istio": "ingressgateway"}, "servers": [
                {"hosts": ["*.team-a.example.com"], "port": {"name": "tls", "number": 8443, "protocol": "TLS"},
                    "tls": {"mode": "PASSTHROUGH"}},
                {"hosts": ["*"], "port": {"name": "http", "number": 8080, "protocol": "HTTP"}}]}}),
        ),
        object(
            "networking.istio.io/v1beta1",
            "VirtualService",
            "team-a",
            "mine",
            json!({"spec": {"hosts": ["db.team-a.example.com"], "gateways": ["mine"], "tls": [
                {"match": [{"port": 8443, "sniHosts": ["db.team-a.example.com"]}],
                    "route": [{"destination": {"host": "db", "port": {"number": 443}}}]}]}}),
        ),
        object(
            "security.istio.io/v1beta1",
            "PeerAuthentication",
            "team-a",
            "mine",
            json!({"spec": {"mtls": {"mode": "DISABLE"}}}),
        ),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "team-a",
            "mine",
            json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}}),
        ),
    ]
}

const GUARDS: [(&str, &str, &str); 4] = [
    ("envoyfilter", "kubeflow", "ckf-hardening-tls-floor"),
    ("gateway.networking.istio.io", "kubeflow", "ckf-hardening-https-redirect"),
    ("peerauthentication", "team-a", "ckf-hardening-mutual-tls"),
    ("networkpolicy", "team-a", "ckf-hardening-profile"),
];

#[test]
fn weaker_object_of_a_tenant_removes_no_managed_object() {
    let sandbox = cluster(&https());
    let enforced = "tls-floor,https-redirect,mutual-tls,profile-network-policies";
    let _agent =
        Agent::start(&sandbox, json!({"enforce": enforced, "allow-disruption": "mutual-tls"}));
    let uids = || {
        GUARDS.map(|(kind, namespace, name)| {
            let found = get(&sandbox, kind, namespace, name)?;
            Some(found["metadata"]["uid"].as_str().unwrap().to_owned())
        })
    };
    until("what is enforced", || uids().iter().all(Option::is_some));
    let before = uids();
    // Times are whole seconds, and the older policy holds.
    std::thread::sleep(Duration::from_millis(1100));
    sandbox.loader().unwrap().load(&weaker()).unwrap();
    let floor =
        || get(&sandbox, "envoyfilter", "kubeflow", GUARDS[0].2).unwrap()["spec"].to_string();
    // By then the agent has seen all of it: what is passed through is left without TLS.
    until("the exception for what passes through", || floor().contains("db.team-a.example.com"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(uids(), before);
    assert!(floor().contains("TLSv1_2"), "{}", floor());
    // Ours is still repaired beside it.
    let redirect =
        r#"[{"op": "replace", "path": "/spec/servers/0/tls/httpsRedirect", "value": false}]"#;
    let (kind, namespace, name) = GUARDS[1];
    let patch = ["patch", kind, "-n", namespace, name, "--type=json", "-p", redirect];
    assert!(sandbox.kubectl(&patch).unwrap().status.success());
    until("the redirect", || {
        let redirect = get(&sandbox, kind, namespace, name);
        redirect.is_some_and(|it| it["spec"]["servers"][0]["tls"]["httpsRedirect"] == true)
    });
}

const PROFILES: [Remedy; 2] = [Remedy::ProfileNetworkPolicies, Remedy::MutualTls];

/// The managed objects once remedies were applied to a world.
fn enforced(world: &World, remedies: &[Remedy]) -> Vec<Value> {
    made(&plan(world, &Policy::default(), &[], remedies, &option(remedies)))
}

fn aged(mut object: Value, day: u8) -> Value {
    object["metadata"]["creationTimestamp"] = format!("2026-11-{day:02}T00:00:00Z").into();
    object
}

#[test]
fn policy_of_a_tenant_is_reported_by_its_age_as_blocking() {
    let world = https();
    let own = enforced(&world, &[Remedy::MutualTls]);
    assert_eq!(own.len(), 1);
    let with = |day: u8| {
        let mut world = world.clone();
        let foreign = weaker().into_iter().filter(|o| o["kind"] == "PeerAuthentication");
        world.objects.extend(foreign.map(|o| aged(o, day)));
        world
    };
    let of = |world: &World, own: &[Value]| {
        let consent = option(&[Remedy::MutualTls]);
        let plan = plan(world, &Policy::default(), own, &[Remedy::MutualTls], &consent);
        (changes(&plan), plan.to_string())
    };
    // Made after ours (the first of the month): it has no effect, and ours stays.
    let (made, said) = of(&with(20), &own);
    assert_eq!(made, [""; 0]);
    assert!(said.contains("newer than the managed one"), "{said}");
    let mut younger = with(20);
    younger.objects.extend(own.clone());
    assert!(findings(&younger, "NET-03").iter().all(|finding| !finding.contains("DISABLE")));
    // Made before: it holds, which is a finding, and ours stays for when it is gone.
    let mut older = with(20);
    older.objects.retain(|o| o["kind"] != "PeerAuthentication");
    let before = weaker().into_iter().filter(|o| o["kind"] == "PeerAuthentication");
    older.objects.extend(before.map(|mut o| {
        o["metadata"]["creationTimestamp"] = "2026-10-01T00:00:00Z".into();
        o
    }));
    let (made, said) = of(&older, &own);
    assert_eq!(made, [""; 0]);
    assert!(said.contains("older than the managed one, so it takes precedence"), "{said}");
    let (made, said) = of(&older, &[]);
    assert_eq!(made, [""; 0], "beside an older one a new one would do nothing");
    assert!(said.contains("with mode DISABLE is not managed by the charm"), "{said}");
    older.objects.extend(own);
    let found = findings(&older, "NET-03");
    assert!(found.iter().any(|finding| finding.contains("DISABLE")), "{found:?}");
}

#[test]
fn policy_that_admits_all_is_a_finding_and_the_managed_one_is_added() {
    let world = https();
    let mut open = world.clone();
    open.objects.extend(weaker().into_iter().filter(|o| o["kind"] == "NetworkPolicy"));
    let remedy = [Remedy::ProfileNetworkPolicies];
    let planned = plan(&open, &Policy::default(), &[], &remedy, &option(&[]));
    assert_eq!(
        changes(&planned),
        ["profile-network-policies: create NetworkPolicy team-a/ckf-hardening-profile"]
    );
    assert!(planned.to_string().contains("allows any source"), "{planned}");
    let found = findings(&open, "NET-01");
    assert!(found.iter().any(|finding| finding.contains("team-a/mine")), "{found:?}");
    // A stricter one is not widened, and takes nothing away.
    let mut strict = world.clone();
    let mut policy = weaker().remove(3);
    policy["spec"]["ingress"] = json!([{"from": [{"podSelector": {}}]}]);
    strict.objects.push(policy);
    let planned = plan(&strict, &Policy::default(), &[], &remedy, &option(&[]));
    assert_eq!(changes(&planned), [""; 0]);
    let own = enforced(&world, &remedy);
    let planned = plan(&strict, &Policy::default(), &own, &remedy, &option(&[]));
    assert_eq!(changes(&planned), [""; 0]);
}

#[test]
fn enforced_policy_goes_only_with_the_profile_it_guards() {
    let world = https();
    let own = enforced(&world, &PROFILES);
    assert_eq!(own.len(), 2);
    let left = |change: fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        changes(&plan(&world, &Policy::default(), &own, &PROFILES, &option(&PROFILES))).len()
    };
    let namespace = |world: &mut World, field: &str, value: Value| {
        world.get("Namespace", "team-a")["metadata"][field] = value;
    };
    // A Profile that has lost a mark is in doubt, and a doubt removes nothing.
    let mut doubtful = world.clone();
    namespace(&mut doubtful, "annotations", json!({"owner": "mallory"}));
    let planned = plan(&doubtful, &Policy::default(), &own, &PROFILES, &option(&PROFILES));
    assert_eq!(changes(&planned), [""; 0], "{planned}");
    assert!(planned.to_string().contains("does not count"), "{planned}");
    assert_eq!(
        left(|world| world.get("Profile", "team-a")["status"] = json!({"conditions": [
        {"type": "Failed", "message": "Owning namespace failed to create within 15 seconds"}]})),
        0
    );
    // Without Profile the namespace is no profile any more.
    assert_eq!(left(|world| drop(world.remove("Profile", "team-a"))), 2);

    // The redirect and the floor: a Gateway that is not there for a moment takes nothing away;
    // clear text in place of HTTPS does, for a redirect would lead nowhere.
    let tls = [Remedy::TlsFloor, Remedy::HttpsRedirect, Remedy::Hsts];
    let own = enforced(&world, &tls);
    assert_eq!(own.len(), 3);
    let left = |change: fn(&mut World)| {
        let mut world = world.clone();
        change(&mut world);
        changes(&plan(&world, &Policy::default(), &own, &tls, &option(&[]))).len()
    };
    assert_eq!(left(|world| drop(world.remove("Gateway", "kubeflow-gateway"))), 0);
    assert_eq!(
        left(|world| world.get("Gateway", "kubeflow-gateway")["spec"]["servers"] = json!([
        {"hosts": ["*"], "port": {"name": "http", "number": 8080, "protocol": "HTTP"}}])),
        3
    );
}

#[test]
fn restarting_web_app_keeps_its_policy() {
    let mut world = World::stock("1.10");
    let remedy = [Remedy::PlatformNetworkPolicies];
    let own = enforced(&world, &remedy);
    assert_eq!(own.len(), 7);
    world.remove("Pod", "kfp-ui-0");
    let planned = plan(&world, &Policy::default(), &own, &remedy, &option(&[]));
    assert_eq!(changes(&planned), [""; 0]);
}

#[test]
fn service_of_a_tenant_reverts_no_applied_policy() {
    let world = https();
    let remedy = [Remedy::ProfileNetworkPolicies];
    let own = enforced(&world, &remedy);
    let mut exposed = world.clone();
    exposed.objects.push(object(
        "v1",
        "Service",
        "team-a",
        "mine",
        json!({"spec": {"type": "LoadBalancer", "selector": {"app": "ml-pipeline-ui-artifact"},
            "ports": [{"port": 80}]}}),
    ));
    let policy = Policy::default();
    // Not made unattended while it would cut that Service; what is there is kept, and what was
    // there a moment ago is made again.
    let new = plan(&exposed, &policy, &[], &remedy, &option(&[]));
    assert_eq!(changes(&new), [""; 0]);
    assert_eq!(held_back(&new).len(), 1);
    assert_eq!(changes(&plan(&exposed, &policy, &own, &remedy, &option(&[]))), [""; 0]);
    let mut drifted = own.clone();
    drifted[0]["spec"]["ingress"] = json!([{}]);
    let again = plan(&exposed, &policy, &drifted, &remedy, &option(&[]));
    assert_eq!(changes(&again).len(), 1, "{again}");
    let stood = ckf_hardening::remedies::targets(&own);
    let again = plan(&exposed, &policy, &[], &remedy, &option(&[]).with_stood(stood));
    assert_eq!(changes(&again).len(), 1, "{again}");
    // A person who agrees makes it.
    let allowed = Consent::of_person(&remedy.into_iter().collect());
    assert_eq!(changes(&plan(&exposed, &policy, &[], &remedy, &allowed)).len(), 1);
}
