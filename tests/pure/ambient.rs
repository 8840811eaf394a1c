//! The ambient mesh as its charms set it up, and the state half-way to it: what is open, what is
//! open by design, and what is wrong with the same objects changed.

use ckf_hardening::catalog::Severity;
use ckf_hardening::controls::Verdict;
use ckf_hardening::report::Report;
use ckf_worlds::World;
use serde_json::{Value, json};

use crate::{control, report_of};

/// Controls with critical and high findings that no limit of the platform covers.
fn severe(report: &Report) -> Vec<&str> {
    let controls = report.controls.iter();
    let is_open = |control: &&ckf_hardening::report::ControlReport| {
        control.severity >= Severity::High
            && control.verdict == Verdict::Fail
            && control.fixable() > 0
    };
    controls.filter(is_open).map(|control| control.id.as_str()).collect()
}

#[test]
fn stock_ambient_mesh_has_no_finding_for_what_its_charms_do() {
    for name in ["1.11", "latest"] {
        let report = report_of(&World::ambient(name), "");
        assert_eq!(severe(&report), ["UPG-07", "PSS-01", "NET-02"], "{name}");
        let advisories = control(&report, "UPG-09");
        assert!(!advisories.findings.is_empty(), "{name}");
        assert_eq!(report.release.as_deref(), Some(name));
        // No charm of login asks the ingress for a port that it could serve with a certificate.
        let clear = control(&report, "TLS-15");
        assert!(!clear.findings.is_empty() && clear.limits.len() == 2, "{name}: {clear:?}");
        let open = control(&report, "AUTHZ-07");
        assert!(open.reason.contains("7 open rules"), "{name}: {}", open.reason);
    }
}

#[test]
fn half_migrated_platform_is_open_by_its_new_ingress() {
    let report = report_of(&World::migrating(), "");
    for id in ["AUTHN-01", "TLS-01", "TLS-02"] {
        let findings = &control(&report, id).findings;
        let is_of_new = |finding: &ckf_hardening::controls::Finding| {
            finding.object.name == ckf_worlds::AMBIENT_INGRESS
        };
        assert!(findings.iter().any(is_of_new), "{id}: {findings:?}");
    }
    // The last writer of istiod has an older one than the old gateway.
    assert_eq!(control(&report, "UPG-04").verdict, Verdict::Fail);
    let old = &control(&report, "AUTHZ-07").findings;
    assert!(old.iter().all(|f| f.object.name == "ns-owner-access-istio-charmed"), "{old:?}");
}

#[test]
fn migration_followed_as_login_s_fix_has_it_is_closed_at_each_step() {
    let entrance = |world: &World| {
        let report = report_of(world, "");
        let findings = control(&report, "AUTHN-01").findings.iter();
        findings.filter(|f| f.object.name == ckf_worlds::AMBIENT_INGRESS).count()
    };
    // Without the route that the guide makes first.
    let mut world = World::migrating();
    assert_eq!(entrance(&world), 1);
    let route = "katib-ui-http-ingress-httproute-http-80-istio-ingress-k8s";
    let route = world.remove("HTTPRoute", route);
    assert_eq!(entrance(&world), 0);
    // Login's own relations, then the route again.
    let mut finished = World::ambient("1.11");
    *world.get("ConfigMap", "istio") = finished.get("ConfigMap", "istio").clone();
    let login = ["dex-auth", "oidc-gatekeeper", "ext-authz-istio-ingress-k8s"];
    let is_of_login = |object: &&Value| {
        let name = object["metadata"]["name"].as_str().unwrap();
        login.iter().any(|of| name.starts_with(of))
    };
    let kinds = ["HTTPRoute", "AuthorizationPolicy", "Service"];
    let added = finished.objects.iter().filter(is_of_login);
    let added = added.filter(|object| kinds.iter().any(|kind| object["kind"] == *kind)).cloned();
    world.objects.extend(added.collect::<Vec<_>>());
    world.objects.push(route);
    assert_eq!(entrance(&world), 0);
}

/// A change of the ambient platform, and the control that fails by it.
type Change = (&'static str, &'static str, fn(&mut World));

fn policy<'w>(world: &'w mut World, name: &str) -> &'w mut Value {
    world.get("AuthorizationPolicy", name)
}

const OWNER: &str = "ns-owner-access-istio";

const CHANGES: &[Change] = &[
    ("AUTHZ-07", "a charm's open policy for all pods", |w| {
        policy(w, "katib-controller-allow-all")["spec"].as_object_mut().unwrap().remove("selector");
    }),
    ("AUTHZ-07", "a charm's open policy for pods of another", |w| {
        policy(w, "katib-controller-allow-all")["spec"]["selector"]["matchLabels"] =
            json!({"app.kubernetes.io/name": "kubeflow-dashboard"});
    }),
    ("AUTHZ-07", "an open policy of a charm that needs none", |w| {
        let open = policy(w, "katib-controller-allow-all");
        open["metadata"]["name"] = "minio-allow-all".into();
        open["spec"]["selector"]["matchLabels"] = json!({"app.kubernetes.io/name": "minio"});
    }),
    ("AUTHZ-07", "the ingress' policy on a waypoint too", |w| {
        let spec = &mut policy(w, "istio-ingress-k8s-kubeflow-external-traffic")["spec"];
        let mut waypoint = spec["targetRefs"][0].clone();
        waypoint["name"] = "kubeflow-istio-beacon-k8s-waypoint".into();
        spec["targetRefs"].as_array_mut().unwrap().push(waypoint);
    }),
    ("AUTHZ-07", "requests without a user to a service that asks for none", |w| {
        policy(w, "kfp-api-allow-without-kubeflow-header")["spec"]["targetRefs"][0]["name"] =
            "minio".into();
    }),
    ("AUTHZ-07", "requests with any user to kfp-api", |w| {
        policy(w, "kfp-api-allow-without-kubeflow-header")["spec"]["rules"][0]["when"] =
            json!([{"key": "request.headers[kubeflow-userid]", "values": ["*"]}]);
    }),
    ("AUTHZ-04", "the owner's policy on a Gateway that guards nothing", |w| {
        policy(w, OWNER)["spec"]["targetRefs"][0]["name"] = "other".into();
    }),
    ("AUTHZ-04", "a namespace that uses no waypoint", |w| {
        let labels = &mut w.get("Namespace", "admin")["metadata"]["labels"];
        labels.as_object_mut().unwrap().remove("istio.io/use-waypoint");
    }),
    ("AUTHZ-04", "a waypoint that is gone", |w| drop(w.remove("Gateway", "waypoint"))),
    ("AUTHZ-04", "another account where Katib's is", |w| {
        policy(w, OWNER)["spec"]["rules"][3]["from"][0]["source"]["principals"] =
            json!(["cluster.local/ns/team-b/sa/katib-controller"]);
    }),
    ("AUTHZ-04", "a policy at the waypoint that admits every user", |w| {
        let mut open = policy(w, OWNER).clone();
        open["metadata"]["name"] = "open".into();
        open["spec"]["rules"] = json!([{
            "from": [{"source": {"principals": ["cluster.local/ns/kubeflow/sa/istio-ingress-k8s-istio"]}}]}]);
        w.objects.push(open);
    }),
    ("PSS-07", "ztunnel from another repository", |w| {
        w.get("Pod", "ztunnel-8xk2p")["spec"]["containers"][0]["image"] =
            "registry.example.com/ztunnel:1.26.1".into();
    }),
    ("PSS-07", "a tenant's ztunnel", |w| {
        let mut pod = w.get("Pod", "ztunnel-8xk2p").clone();
        pod["metadata"]["namespace"] = "admin".into();
        w.objects.push(pod);
    }),
    ("PSS-07", "a pod that calls itself ztunnel", |w| {
        let metadata = &mut w.get("Pod", "ztunnel-8xk2p")["metadata"];
        metadata.as_object_mut().unwrap().remove("ownerReferences");
    }),
];

#[test]
fn ambient_object_changed_is_a_finding() {
    let stock = report_of(&World::ambient("1.11"), "");
    for (id, what, change) in CHANGES {
        assert_eq!(control(&stock, id).verdict, Verdict::Pass, "{id}");
        let mut world = World::ambient("1.11");
        change(&mut world);
        assert_eq!(control(&report_of(&world, ""), id).verdict, Verdict::Fail, "{what}");
    }
}

#[test]
fn rock_of_ztunnel_is_istios_own() {
    let mut world = World::ambient("latest");
    world.get("Pod", "ztunnel-8xk2p")["spec"]["containers"][0]["image"] =
        "docker.io/ubuntu/istio-ztunnel:1.29-24.04_stable".into();
    assert_eq!(control(&report_of(&world, ""), "PSS-07").verdict, Verdict::Pass);
}
