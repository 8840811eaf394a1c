//! The web apps in the ambient mesh: who comes to them past the gateway, what closes that way, and
//! what only seems to.

use ckf_hardening::access::{Can, answers};
use ckf_hardening::controls::{Context, Verdict};
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::remedies::{self, ClusterOperation, Consent, Managed, Operation, Remedy};
use ckf_worlds::{World, object};
use serde_json::{Value, json};

use crate::{control, report_of};

/// The web apps' pods.
const APPS: [&str; 7] = [
    "jupyter-ui",
    "katib-ui",
    "kfp-ui",
    "kubeflow-dashboard",
    "kubeflow-profiles",
    "kubeflow-volumes",
    "tensorboards-web-app",
];

/// The findings of NET-02, and its verdict.
fn web_apps(world: &World) -> (Verdict, Vec<String>) {
    let report = report_of(world, "");
    let control = control(&report, "NET-02");
    (control.verdict, control.findings.iter().map(ToString::to_string).collect())
}

/// What the remedy makes in a world.
fn made(world: &World) -> Vec<Value> {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &world.objects);
    let none = Managed::of(Vec::new(), "kubeflow", None);
    let named = [Remedy::PlatformNetworkPolicies].into();
    let consent = Consent::of_option(&[].into());
    let plan = remedies::plan(&facts, &Policy::default(), &none, &named, &consent);
    assert_eq!(plan.held_back.len(), 0, "{plan}");
    let made = plan.changes.iter().map(|change| match &change.operation {
        Operation::Cluster(ClusterOperation::Create(own)) => own.object.clone(),
        other => panic!("{other:?}"),
    });
    made.collect()
}

fn with_remedy(name: &str) -> World {
    let mut world = World::ambient(name);
    let made = made(&world);
    world.objects.extend(made);
    world
}

/// NetworkPolicies that admit only the platform's pods to each web app.
fn close_network(world: &mut World) {
    world.objects.extend(APPS.map(|app| {
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "kubeflow",
            app,
            json!({"spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": app}},
            "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}}),
        )
    }));
}

#[test]
fn network_policies_do_not_close_the_way_through_a_waypoint() {
    let mut world = World::ambient("1.11");
    close_network(&mut world);
    let (verdict, findings) = web_apps(&world);
    assert_eq!(verdict, Verdict::Fail);
    for app in APPS.iter().filter(|app| **app != "kubeflow-profiles") {
        let is_of = |finding: &&String| finding.starts_with(&format!("Service kubeflow/{app}:"));
        assert!(findings.iter().any(|finding| is_of(&finding)), "{app}: {findings:#?}");
    }
    // The Service of KFAM admits the dashboard only.
    assert!(!findings.iter().any(|text| text.contains("kubeflow-profiles")), "{findings:#?}");
}

#[test]
fn way_past_the_waypoint_is_checked_against_pod_policies() {
    let (_, findings) = web_apps(&World::ambient("1.11"));
    let directly = findings.iter().filter(|text| text.contains("NetworkPolicy"));
    let directly: Vec<&String> = directly.collect();
    // Its charm's policy admits the ingress to each web app but KFAM, which has no route.
    assert!(matches!(directly[..], [text] if text.contains("kubeflow-profiles")), "{directly:#?}");
}

#[test]
fn remedy_closes_the_web_apps_without_network_policies() {
    for name in ["1.11", "latest"] {
        let world = World::ambient(name);
        let made = made(&world);
        let kinds: std::collections::BTreeSet<&str> =
            made.iter().filter_map(|object| object["kind"].as_str()).collect();
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["AuthorizationPolicy"], "{name}");
        let (verdict, findings) = web_apps(&with_remedy(name));
        assert_eq!((verdict, findings), (Verdict::Pass, Vec::new()), "{name}");
    }
}

#[test]
fn remedy_protects_each_web_app_by_what_its_pods_are_in() {
    let made = made(&World::migrating());
    let of = |app: &str| {
        let name = format!("ckf-hardening-{app}");
        let object = made.iter().find(|object| object["metadata"]["name"] == *name);
        object.unwrap_or_else(|| panic!("{name} is not made"))["kind"].as_str().unwrap()
    };
    assert_eq!(of("katib-ui"), "AuthorizationPolicy");
    assert_eq!(of("kubeflow-dashboard"), "NetworkPolicy");
}

/// A change of the world that the remedy has closed.
type Change = (&'static str, Verdict, fn(&mut World));

fn of_service(world: &mut World) -> &mut Value {
    &mut world.get("AuthorizationPolicy", "ckf-hardening-jupyter-ui-waypoint")["spec"]
}

fn service(world: &mut World, labels: Value) {
    let labels = json!({"metadata": {"labels": labels}, "spec": {"type": "ClusterIP",
        "selector": {"app.kubernetes.io/name": "jupyter-ui"},
        "ports": [{"name": "http", "port": 8080, "targetPort": 5000}]}});
    world.objects.push(object("v1", "Service", "kubeflow", "another", labels));
}

const WAYPOINT: &str = "kubeflow-istio-beacon-k8s-waypoint";

const CHANGES: &[Change] = &[
    ("a Service that no policy names", Verdict::Fail, |w| {
        service(w, json!({"istio.io/use-waypoint": WAYPOINT}));
    }),
    ("a Service without waypoint", Verdict::Pass, |w| service(w, json!({}))),
    ("a Service for another port", Verdict::Pass, |w| {
        service(w, json!({"istio.io/use-waypoint": WAYPOINT}));
        w.objects.last_mut().unwrap()["spec"]["ports"][0]["targetPort"] = 9999.into();
    }),
    ("a profile is left out of what is denied", Verdict::Fail, |w| {
        of_service(w)["rules"][0]["from"][0]["source"]["notNamespaces"] =
            json!(["kubeflow", "admin"]);
    }),
    ("one account is left out of what is denied", Verdict::Fail, |w| {
        of_service(w)["rules"] = json!([{"from": [{"source": {
            "notPrincipals": ["cluster.local/ns/admin/sa/default-editor", "*/ns/kubeflow/*"]}}]}]);
    }),
    ("some paths only are denied", Verdict::Fail, |w| {
        of_service(w)["rules"][0]["to"] = json!([{"operation": {"paths": ["/api/*"]}}]);
    }),
    ("it is only tried", Verdict::Fail, |w| {
        w.get("AuthorizationPolicy", "ckf-hardening-jupyter-ui-waypoint")["metadata"]["annotations"] =
            json!({"istio.io/dry-run": "true"});
    }),
    ("it is of another Service", Verdict::Fail, |w| {
        of_service(w)["targetRefs"] = json!([{"group": "", "kind": "Service", "name": "minio"}]);
    }),
    ("an external authoriser decides", Verdict::NotAssessed, |w| {
        of_service(w)["action"] = "CUSTOM".into();
        of_service(w)["provider"] = json!({"name": "ext_authz-istio-ingress-k8s"});
    }),
    ("an address decides", Verdict::NotAssessed, |w| {
        of_service(w)["action"] = "ALLOW".into();
        of_service(w)["rules"] = json!([{"from": [{"source": {"ipBlocks": ["10.1.0.0/16"]}}]}]);
    }),
    ("the platform is allowed", Verdict::Pass, |w| {
        of_service(w)["action"] = "ALLOW".into();
        of_service(w)["rules"] = json!([{"from": [{"source": {"namespaces": ["kubeflow"]}}]}]);
    }),
    ("a profile is allowed too", Verdict::Fail, |w| {
        of_service(w)["action"] = "ALLOW".into();
        of_service(w)["rules"] =
            json!([{"from": [{"source": {"namespaces": ["kubeflow", "adm*"]}}]}]);
    }),
    ("the waypoint is gone", Verdict::Pass, |w| {
        drop(w.remove("Gateway", WAYPOINT));
    }),
    ("NetworkPolicies keep the waypoint away", Verdict::Pass, |w| {
        w.remove("AuthorizationPolicy", "ckf-hardening-jupyter-ui-waypoint");
        w.objects.push(object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "kubeflow",
            "strict",
            json!({
            "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "jupyter-ui"}},
                "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {"matchLabels": {
                    "gateway.networking.k8s.io/gateway-name": "istio-ingress-k8s"}}}]}]}}),
        ));
    }),
    ("a pod is taken out of the mesh", Verdict::Fail, |w| {
        w.get("Pod", "jupyter-ui-0")["metadata"]["labels"]["istio.io/dataplane-mode"] =
            "none".into();
    }),
    ("the policy of the pod is gone", Verdict::Pass, |w| {
        // That of the ingress' charm closes it.
        drop(w.remove("AuthorizationPolicy", "ckf-hardening-jupyter-ui"));
    }),
    ("both policies of the pod are gone", Verdict::Fail, |w| {
        drop(w.remove("AuthorizationPolicy", "ckf-hardening-jupyter-ui"));
        drop(w.remove("AuthorizationPolicy", "jupyter-ui-istio-ingress-k8s-kubeflow-l4"));
    }),
];

#[test]
fn way_opened_by_a_change_is_a_finding_and_unknown_is_reported() {
    for (what, verdict, change) in CHANGES {
        let mut world = with_remedy("1.11");
        change(&mut world);
        let (found, findings) = web_apps(&world);
        assert_eq!(found, *verdict, "{what}: {findings:#?}");
    }
}

/// Whether pods of the profile can call the app past the gateway, as `access` answers.
fn forged(world: &World) -> (Can, String) {
    let about = About { namespace: "kubeflow".into(), ..About::default() };
    let facts = Facts::from_objects(about, &world.objects);
    let policy = Policy::default();
    let context = Context::new(&facts, &policy, None);
    let (who, to) = ("profile/admin".parse().unwrap(), "platform".parse().unwrap());
    let all = answers(&context, &who, &to).unwrap();
    let mut all = all.into_iter();
    let found = all.find(|answer| answer.question.starts_with("call jupyter-ui"));
    let found = found.unwrap();
    (found.can, found.chain.join(" | "))
}

#[test]
fn access_answers_as_the_control_assesses() {
    let (can, why) = forged(&World::ambient("1.11"));
    assert_eq!(can, Can::Yes);
    assert!(
        why.contains("the waypoint kubeflow/kubeflow-istio-beacon-k8s-waypoint passes requests to Service kubeflow/jupyter-ui on to port 5000 of Pod kubeflow/jupyter-ui-0"),
        "{why}"
    );
    let (can, why) = forged(&with_remedy("1.11"));
    assert_eq!(can, Can::No, "{why}");
    for (what, verdict, change) in CHANGES {
        let mut world = with_remedy("1.11");
        change(&mut world);
        let expected = match verdict {
            Verdict::Fail => Can::Yes,
            Verdict::Pass => Can::No,
            _ => Can::Unknown,
        };
        let (can, why) = forged(&world);
        assert_eq!(can, expected, "{what}: {why}");
    }
}

/// Whether a user reaches the profile through the gateway.
fn through_gateway(world: &World, user: &str) -> Can {
    let about = About { namespace: "kubeflow".into(), ..About::default() };
    let facts = Facts::from_objects(about, &world.objects);
    let policy = Policy::default();
    let context = Context::new(&facts, &policy, None);
    let (who, to) = (format!("user/{user}").parse().unwrap(), "profile/admin".parse().unwrap());
    let all = answers(&context, &who, &to).unwrap();
    let mut all = all.into_iter();
    let found = all.find(|answer| answer.question.contains("through the gateway"));
    found.unwrap().can
}

#[test]
fn contributor_whose_policy_is_not_at_the_waypoint_does_not_get_in() {
    let mut world = World::ambient("1.11");
    assert_eq!(through_gateway(&world, "admin"), Can::Yes);
    let ingress = "cluster.local/ns/kubeflow/sa/istio-ingress-k8s-istio";
    let spec = json!({"action": "ALLOW", "rules": [{
        "from": [{"source": {"principals": [ingress]}}],
        "when": [{"key": "request.headers[kubeflow-userid]", "values": ["bob@example.com"]}]}]});
    let name = "user-bob-example-com-clusterrole-edit";
    let policy =
        object("security.istio.io/v1", "AuthorizationPolicy", "admin", name, json!({"spec": spec}));
    world.objects.push(policy);
    // ztunnel sees no header, and only policies that name the waypoint hold there.
    assert_eq!(through_gateway(&world, "bob@example.com"), Can::No);
    world.get("AuthorizationPolicy", name)["spec"]["targetRefs"] = json!([
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}]);
    assert_eq!(through_gateway(&world, "bob@example.com"), Can::Yes);
    assert_eq!(through_gateway(&world, "eve@example.com"), Can::No);
}
