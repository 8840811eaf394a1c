//! Plans of an upgrade: the order of the guide, what blocks it, and what it changes for security.

use ckf_hardening::catalog;
use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::advisory::AdvisoryTable;
use ckf_hardening::facts::core::Version;
use ckf_hardening::facts::juju::{Application, Juju};
use ckf_hardening::facts::known::{Known, Listed};
use ckf_hardening::facts::velero::{VeleroBackup, VeleroSchedule};
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::upgrade::{self, UpgradeError, UpgradePlan};
use ckf_worlds::World;
use serde_json::json;

/// A stock deployment of a release, with all that an upgrade needs.
fn ready(release: &str) -> Facts {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let mut facts = Facts::from_objects(about, &World::stock(release).objects);
    facts.version = Known::Known(Version { git_version: "v1.33.1".into() });
    let applications = catalog::release(release).unwrap().applications.iter();
    let applications = applications.map(|(name, known)| Application {
        name: name.clone(),
        charm: known.charm.clone(),
        channel: known.channel.clone(),
        relations: [("s3-parameters".to_owned(), vec!["s3-integrator".to_owned()])].into(),
        ..Application::default()
    });
    facts.juju = Known::Known(Juju {
        server_version: "3.6.12".into(),
        applications: Known::Known(applications.collect()),
        ..Juju::default()
    });
    back_up(&mut facts, "2026-10-31T00:00:00Z");
    facts
}

/// Velero backs the whole cluster up, at last then.
fn back_up(facts: &mut Facts, at: &str) {
    let schedule: VeleroSchedule = serde_json::from_value(
        json!({"metadata": {"name": "daily", "namespace": "velero"}, "spec": {"template": {}}}),
    )
    .unwrap();
    let backup: VeleroBackup = serde_json::from_value(json!({
        "metadata": {"name": "daily-1", "namespace": "velero"}, "spec": {},
        "status": {"phase": "Completed", "completionTimestamp": at},
    }))
    .unwrap();
    facts.velero_schedules = Known::Known(Listed { items: vec![schedule], ..Listed::default() });
    facts.velero_backups = Known::Known(Listed { items: vec![backup], ..Listed::default() });
}

fn plan(facts: &Facts, to: Option<&str>) -> UpgradePlan {
    let to = to.map(|name| catalog::release(name).unwrap());
    upgrade::of(facts, &Policy::default(), to).unwrap()
}

#[test]
fn plan_refreshes_in_the_guides_order_and_says_what_is_fixed() {
    let plan = plan(&ready("1.10"), None);
    assert_eq!((plan.from.as_str(), plan.to.as_str()), ("1.10", "1.11"));
    assert_eq!((&plan.blockers, &plan.unknown), (&vec![], &vec![]));
    assert!(plan.is_ready());
    let at = |name: &str| plan.steps.iter().position(|step| step.application == name).unwrap();
    assert_eq!(plan.steps[0].command, "juju refresh istio-pilot --channel 1.28/stable");
    assert!(at("istio-pilot") < at("istio-ingressgateway"));
    assert!(at("istio-ingressgateway") < at("katib-db") && at("katib-db") < at("katib-ui"));
    assert!(at("katib-ui") < at("dex-auth"));
    assert_eq!(plan.steps[at("minio")].command, "juju refresh minio");
    assert_eq!(plan.steps.len(), catalog::release("1.11").unwrap().applications.len());
    assert!(
        plan.notes
            .iter()
            .any(|note| note.starts_with("the upgrade leaves Istio 1.24, which got its last"))
    );
    // The images of the target are those that the dry run expects.
    let images = plan.verdicts.iter().find(|change| change.control == "IMG-02");
    assert!(images.is_none_or(|change| change.after != Verdict::Fail), "{images:?}");
}

#[test]
fn hop_that_is_not_supported_blocks() {
    let blocked = |from: &str, to: &str| plan(&ready(from), Some(to)).blockers.join("\n");
    assert!(blocked("1.11", "1.10").contains("downgrades are not supported"));
    assert!(blocked("1.10", "1.10").contains("runs already"));
    assert!(blocked("1.10", "latest").contains("a refresh does not lead there"));
    let newest = upgrade::of(&ready("1.11"), &Policy::default(), None).unwrap_err();
    assert_eq!(newest, UpgradeError::Newest("1.11".into()));
    let unknown = upgrade::of(&Facts::default(), &Policy::default(), None).unwrap_err();
    assert!(matches!(unknown, UpgradeError::NotKnown(_)), "{unknown}");
}

#[test]
fn backup_old_or_missing_and_versions_beneath_block() {
    let mut facts = ready("1.10");
    back_up(&mut facts, "2026-09-01T00:00:00Z");
    let stale = plan(&facts, None);
    assert!(stale.blockers.iter().any(|why| why.starts_with("UPG-11: ")), "{stale:?}");
    assert!(!stale.is_ready());

    let mut facts = ready("1.10");
    facts.velero_backups = Known::default();
    let unseen = plan(&facts, None);
    assert_eq!(unseen.blockers, [""; 0]);
    assert!(unseen.unknown.iter().any(|why| why.starts_with("UPG-11: ")), "{unseen:?}");
    assert!(!unseen.is_ready(), "what could not be read is not a pass");

    let mut facts = ready("1.10");
    facts.version = Known::Known(Version { git_version: "v1.29.4".into() });
    if let Known::Known(juju) = &mut facts.juju {
        juju.server_version = "3.4.0".into();
        if let Known::Known(applications) = &mut juju.applications {
            applications[0]
                .troubled
                .insert("admission-webhook/0".into(), "error: hook failed".into());
        }
    }
    let beneath = plan(&facts, None).blockers.join("\n");
    for why in [
        "Kubernetes is v1.29.4, and 1.11 is for 1.32 to 1.34",
        "Juju's controller is 3.4.0",
        "admission-webhook/0 is error",
    ] {
        assert!(beneath.contains(why), "{why}: {beneath}");
    }
}

#[test]
fn juju_too_old_blocks_where_the_version_of_kubernetes_is_not_known() {
    let mut facts = ready("1.10");
    facts.version = Known::default();
    if let Known::Known(juju) = &mut facts.juju {
        juju.server_version = "3.4.0".into();
    }
    let plan = plan(&facts, None);
    assert!(plan.blockers.iter().any(|why| why.contains("Juju's controller is 3.4.0")), "{plan:?}");
    assert!(!plan.unknown.is_empty(), "{plan:?}");
}

#[test]
fn application_not_deployed_is_no_step() {
    let mut facts = ready("1.10");
    if let Known::Known(juju) = &mut facts.juju
        && let Known::Known(applications) = &mut juju.applications
    {
        applications.retain(|application| application.name != "mlmd");
    }
    assert!(plan(&facts, None).steps.iter().all(|step| step.application != "mlmd"));
}

#[test]
fn advisory_is_fixed_left_or_added_by_the_images_of_both_releases() {
    let advisory = |id: &str, events: serde_json::Value| {
        json!({"id": id, "affected": [{
            "package": {"ecosystem": "Go", "name": "istio.io/istio"},
            "ranges": [{"type": "SEMVER", "events": events}],
            "ecosystem_specific": {"images": ["/pilot"]},
        }]})
    };
    let table = |lines: &[&str]| {
        let table = json!({
            "reviewed": "2026-11-01", "review-by": "2027-03-01", "sources": [],
            "covers": {"istio.io/istio": lines},
            "advisories": [
                advisory("OLD", json!([{"introduced": "0"}, {"fixed": "1.25.0"}])),
                advisory("BOTH", json!([{"introduced": "0"}])),
                advisory("NEW", json!([{"introduced": "1.28.0"}])),
            ],
        });
        AdvisoryTable::parse(&table.to_string()).unwrap()
    };
    let istio = |lines: &[&str]| {
        let mut policy = Policy::default();
        policy.tables = policy.tables.with_advisories(table(lines));
        upgrade::of(&ready("1.10"), &policy, None).unwrap().steps.remove(0)
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let known = istio(&[]);
    let [fixed, left, added] = [set(&["OLD"]), set(&["BOTH"]), set(&["NEW"])];
    assert_eq!((&known.fixed, &known.left, &known.added), (&fixed, &left, &added));
    assert!(known.unknown.is_empty(), "{known:?}");
    // Of a version that the sources were not read for, nothing is fixed for certain, nor added.
    let unread = istio(&["1.28"]);
    assert!(unread.fixed.is_empty() && unread.added.is_empty(), "{unread:?}");
    assert_eq!(unread.left, set(&["BOTH", "NEW"]));
    assert_eq!(unread.unknown, set(&["/pilot 1.24.2"]));
}
