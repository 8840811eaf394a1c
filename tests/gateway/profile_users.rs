//! Who gets through to a profile's pods: real istiod, and real Envoys before a notebook and the
//! artifact server, with the policies that Charmed Kubeflow writes, before the remedy is applied,
//! after, as contributors change, and after undo.

use std::time::{Duration, Instant};

use ckf_test_support::{audit, cluster, run, verdict};
use ckf_worlds::{World, contributor, object, profile, release};
use kube_sandbox::{Caller, IngressGateway, Sandbox, Workload};
use serde_json::json;

/// Longest wait for a change to be seen by clients.
const SEEN: Duration = Duration::from_secs(20);

pub(super) const GATEWAY: Caller<'_> =
    Caller::OfMesh("kubeflow", "istio-ingressgateway-workload-service-account");
const KERNELS: &str = "/notebook/team-a/nb1/api/kernels";
pub(super) const PAGE: &str = "/notebook/team-a/nb1/lab";

fn command(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let admin = sandbox.kubeconfig("admin");
    let mut all: Vec<&str> = arguments.to_vec();
    all.extend(["--yes", "--kubeconfig", admin.to_str().unwrap()]);
    let output = run(&all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a request is answered with a status.
pub(super) fn until(workload: &Workload, caller: Caller<'_>, path: &str, user: &str, status: u16) {
    let begun = Instant::now();
    let mut seen = None;
    while begun.elapsed() < SEEN {
        seen = workload.get(caller, path, user).unwrap();
        if seen == Some(status) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{caller:?} {path} {user:?}: {seen:?}, not {status} within {SEEN:?}");
}

/// Requests of the platform and of the profile's own users, which are never denied.
pub(super) fn wanted_flows_are_served(notebook: &Workload, artifacts: &Workload) {
    let own = Caller::OfMesh("team-a", "default-editor");
    for (caller, path, user) in [
        (GATEWAY, PAGE, "Ada@Example.com"),
        // The provider may spell it so.
        (GATEWAY, PAGE, "ada@example.com"),
        (GATEWAY, PAGE, "bob@example.com"),
        // A client of a model, with a token of the profile's own account.
        (GATEWAY, "/v1/models/iris:predict", "system:serviceaccount:team-a:default-editor"),
        // Notebook culling by jupyter-controller, which has no sidecar.
        (Caller::Plain, KERNELS, ""),
        // Knative's activator passes on what the gateway let through.
        (Caller::Plain, "/v1/models/iris:predict", "Ada@Example.com"),
        (own, PAGE, ""),
        (Caller::Plain, "/healthz", ""),
    ] {
        let seen = notebook.get(caller, path, user).unwrap();
        assert_eq!(seen, Some(200), "{caller:?} {path} {user:?}");
    }
    for user in ["Ada@Example.com", "bob@example.com"] {
        // kfp-ui passes the user on.
        let seen = artifacts.get(Caller::Plain, "/artifacts/get?key=a", user).unwrap();
        assert_eq!(seen, Some(200), "{user}");
    }
}

#[test]
fn profile_users_get_through() {
    let mut world = World::stock("1.10");
    world.objects.extend(profile("team-a", "Ada@Example.com", &release("1.10")));
    world.objects.extend(contributor("team-a", "bob@example.com", "edit"));
    let sandbox = cluster(&world);
    let mut gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
    let mut start = |labels, port| {
        Workload::start(&sandbox, &mut gateway, "team-a", &labels, port).expect("the proxy starts")
    };
    let notebook = start(json!({"notebook-name": "nb1"}), 8888);
    let artifacts = start(json!({"app": "ml-pipeline-ui-artifact"}), 3000);
    let (artifact, eve) = ("/artifacts/get?key=a", "eve@example.com");
    until(&notebook, Caller::Plain, PAGE, "", 403);
    until(&artifacts, Caller::Plain, artifact, "", 403);

    // As it is deployed, every user gets through.
    until(&notebook, GATEWAY, PAGE, eve, 200);
    until(&artifacts, Caller::Plain, artifact, eve, 200);
    wanted_flows_are_served(&notebook, &artifacts);
    let verdict_of = |id: &str| {
        let report = audit(&["--kubeconfig".as_ref(), sandbox.kubeconfig("admin").as_ref()]);
        verdict(&report, id).to_owned()
    };
    assert_eq!((verdict_of("AUTHZ-04"), verdict_of("AUTHZ-07")), ("fail".into(), "fail".into()));

    command(&sandbox, &["apply", "profile-users", "profile-network-policies"]);
    until(&notebook, GATEWAY, PAGE, eve, 403);
    until(&artifacts, Caller::Plain, artifact, eve, 403);
    assert_eq!(notebook.get(GATEWAY, KERNELS, eve).unwrap(), Some(403));
    wanted_flows_are_served(&notebook, &artifacts);
    assert_eq!((verdict_of("AUTHZ-04"), verdict_of("AUTHZ-07")), ("pass".into(), "pass".into()));

    // A policy of the profile's own that admits requests without a user still does.
    let open = json!({"spec": {"rules": [{"to": [{"operation": {"paths": ["/v1/*"]}}]}]}});
    let open = object("security.istio.io/v1beta1", "AuthorizationPolicy", "team-a", "model", open);
    sandbox.loader().unwrap().load(&[open]).unwrap();
    until(&notebook, GATEWAY, "/v1/models/iris:predict", "", 200);
    assert_eq!(notebook.get(GATEWAY, "/v1/models/iris:predict", eve).unwrap(), Some(403));

    // Contributors come and go.
    let added = contributor("team-a", eve, "view");
    sandbox.loader().unwrap().load(&added).unwrap();
    assert_eq!(verdict_of("AUTHZ-05"), "fail", "a contributor whom the policy denies");
    command(&sandbox, &["apply", "profile-users"]);
    until(&notebook, GATEWAY, PAGE, eve, 200);
    assert_eq!(verdict_of("AUTHZ-05"), "pass");
    let name = added[0]["metadata"]["name"].as_str().unwrap();
    for kind in ["rolebinding", "authorizationpolicy"] {
        let deleted = sandbox.kubectl(&["delete", kind, "-n", "team-a", name]).unwrap();
        assert!(deleted.status.success(), "{deleted:?}");
    }
    assert_eq!(verdict_of("AUTHZ-04"), "fail", "a former contributor whom the policy leaves out");
    command(&sandbox, &["apply", "profile-users"]);
    until(&notebook, GATEWAY, PAGE, eve, 403);

    // Members of a group are not known, so they are not locked out.
    let mut group = contributor("team-a", "scientists", "edit").swap_remove(0);
    group["subjects"][0]["kind"] = "Group".into();
    sandbox.loader().unwrap().load(&[group]).unwrap();
    command(&sandbox, &["apply", "profile-users"]);
    until(&notebook, GATEWAY, PAGE, eve, 200);
    let deleted = ["delete", "rolebinding", "-n", "team-a", "user-scientists-clusterrole-edit"];
    assert!(sandbox.kubectl(&deleted).unwrap().status.success());

    command(&sandbox, &["apply", "profile-users"]);
    until(&notebook, GATEWAY, PAGE, eve, 403);
    command(&sandbox, &["undo", "profile-users"]);
    until(&notebook, GATEWAY, PAGE, eve, 200);
    wanted_flows_are_served(&notebook, &artifacts);
}
