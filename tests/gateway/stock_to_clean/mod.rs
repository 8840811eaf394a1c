//! From a stock deployment to a report without open critical and high findings, by the product's
//! own advice alone, beside the platform's controllers, and back.

mod controllers;
pub(super) mod operator;
mod platform;

use ckf_test_support::objects::{differences, everything};
use juju_sim::Event;
use serde_json::Value;

use self::operator::Followed;
use self::platform::{Platform, until};
use crate::profile_users::{self, GATEWAY, PAGE};

/// Controls with open critical and high findings that no limit of the platform covers.
pub(super) fn open(report: &Value) -> Vec<String> {
    let controls = report["controls"].as_array().unwrap().iter();
    let is_open = |control: &&Value| {
        let severity = &control["severity"];
        let is_severe = *severity == "critical" || *severity == "high";
        is_severe && control["verdict"] == "fail" && !uncovered(control).is_empty()
    };
    controls.filter(is_open).map(|control| control["id"].as_str().unwrap().to_owned()).collect()
}

/// Findings of a control that none of its limits covers.
pub(super) fn uncovered(control: &Value) -> Vec<&Value> {
    let limits = control["limits"].as_array().into_iter().flatten();
    let covered = limits.flat_map(|limit| limit["findings"].as_array().unwrap());
    let covered: Vec<u64> = covered.filter_map(Value::as_u64).collect();
    let findings = control["findings"].as_array().unwrap().iter().enumerate();
    let uncovered = findings.filter(|(at, _)| !covered.contains(&(*at as u64)));
    uncovered.map(|(_, finding)| finding).filter(|finding| !is_of_sandbox(finding)).collect()
}

/// Substitutes for oidc-gatekeeper and for a profile's pods are none of the platform's.
fn is_of_sandbox(finding: &Value) -> bool {
    let name = finding["object"]["name"].as_str().unwrap();
    let by_filter = finding["seen"].as_str().unwrap().starts_with("EnvoyFilter kubeflow/sandbox-");
    name.starts_with("sandbox-") || name.starts_with("workload-") || by_filter
}

/// Findings that are left, by the limit of the platform that covers them.
pub(super) fn limits(report: &Value) -> Vec<String> {
    let controls = report["controls"].as_array().unwrap().iter();
    let of = |control: &Value| -> Vec<String> {
        let id = control["id"].as_str().unwrap().to_owned();
        let limits = control["limits"].as_array().into_iter().flatten();
        let text = |limit: &Value| {
            for field in ["issue", "mitigation"] {
                assert!(!limit[field].as_str().unwrap().is_empty(), "{limit}");
            }
            format!(
                "{id}: {} findings: {}",
                limit["findings"].as_array().unwrap().len(),
                limit["why"]
            )
        };
        limits.map(text).collect()
    };
    controls.flat_map(of).collect()
}

/// Walks from stock to clean, and back.
fn walk(name: &str) {
    let mut platform = Platform::start(name);
    let stock_gateway = platform.stock_gateway.clone();
    let before = everything(&platform.sandbox);
    let eve = "eve@example.com";
    profile_users::until(&platform.notebook, GATEWAY, PAGE, eve, 200);
    platform.works();
    let mut report = platform.report();
    let begun = open(&report);
    assert!(begun.len() > 10, "{begun:?}");
    let mut followed = Followed::default();
    while followed.follow(&mut platform, &open(&report)) {
        platform.fire(&Event::hook("update-status"));
        platform.controllers.look_again();
        report = platform.report();
    }
    let left = open(&report);
    for id in &left {
        println!("{id}: {:?}", uncovered(ckf_test_support::control(&report, id)));
    }
    assert_eq!(left, [""; 0]);
    println!("{name}: {} controls open, then none, in {} steps", begun.len(), followed.steps.len());
    followed.steps.iter().chain(&limits(&report)).for_each(|line| println!("  {line}"));
    profile_users::until(&platform.notebook, GATEWAY, PAGE, eve, 403);
    platform.works();
    platform.is_served_by_https();
    // Nothing is undone while the controllers look again and again, and nothing is repaired.
    let (_, writes) = platform.controllers.figures();
    let hardened = everything(&platform.sandbox);
    (0..5).for_each(|_| platform.controllers.look_again());
    platform.fire(&Event::hook("update-status"));
    assert_eq!(differences(&hardened, &everything(&platform.sandbox)), [""; 0]);
    assert_eq!(platform.controllers.take_undone(), [""; 0]);
    println!("  {writes} writes of the platform's controllers");

    // They do see what is done to their objects.
    let policy = ["authorizationpolicy", "-n", "team-a", "ns-owner-access-istio-charmed"];
    let deleted = platform.sandbox.kubectl(&[&["delete"][..], &policy].concat()).unwrap();
    assert!(deleted.status.success(), "{deleted:?}");
    until("it is written again", || {
        platform.sandbox.kubectl(&[&["get"][..], &policy].concat()).unwrap().status.success()
    });
    assert_eq!(platform.controllers.take_undone().len(), 1);

    platform.undo(stock_gateway);
    profile_users::until(&platform.notebook, GATEWAY, PAGE, eve, 200);
    platform.works();
    let after = everything(&platform.sandbox);
    // Pods were restarted with the images and without the containers that the operator asked for.
    let workloads = ["Pod ", "StatefulSet ", "Deployment "];
    let mut differ = differences(&before, &after);
    differ.retain(|name| !workloads.iter().any(|kind| name.starts_with(kind)));
    assert_eq!(differ, [""; 0]);
    assert_eq!(platform.controllers.stop(), [""; 0]);
}

#[test]
fn stock_1_10_becomes_clean_by_advice_alone_and_is_undone() {
    walk("1.10");
}

#[test]
fn stock_1_11_becomes_clean_by_advice_alone_and_is_undone() {
    walk("1.11");
}
