//! Requests of the agent to the API server, counted by the API server's own audit log, while an
//! hour of what happens in a cluster passes in minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ckf_hardening::facts::known::{Kind, Known};
use ckf_hardening::facts::kubernetes::Source;
use ckf_hardening::facts::watch::{FactStore, Timing, keep};
use ckf_hardening::facts::{About, Facts};
use ckf_test_support::agent::{Agent, kubectl, until};
use ckf_worlds::World;
use kube_sandbox::{LoggedRequest, Sandbox};
use serde_json::{Value, json};

/// So many times as fast the agent's clock goes.
const FASTER: u32 = 60;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(150);
/// User as whom the agent logs in.
const USER: &str = "watcher";
/// Watches of each kind that a rest lasts, each of `Timing::watch`.
const ROUNDS: usize = 4;
/// Facts become unknown after this; each watch confirms them when it begins.
const STALE: Duration = Duration::from_secs(20);

/// A world in an API server that logs requests.
fn logging_cluster() -> Sandbox {
    let sandbox = Sandbox::start_logging_requests(5).expect("the API server starts");
    let loader = sandbox.define(&World::definitions()).expect("the definitions establish");
    loader.load(&World::stock("1.10").objects).expect("the world loads");
    sandbox.write_kubeconfig(USER, "system:masters").expect("a kubeconfig");
    sandbox
}

/// Follows a cluster in this process, by a clock that goes faster.
fn follow(sandbox: &Sandbox) -> Arc<FactStore> {
    ckf_hardening::tls::install_provider();
    let about = About { collected_at: jiff::Timestamp::now(), namespace: "kubeflow".into() };
    let store = FactStore::new(about, STALE).with_timing(Timing::default().faster(FASTER));
    let live = Arc::new(store);
    let source = Source { kubeconfig: Some(sandbox.kubeconfig(USER)), ..Source::default() };
    let facts = Arc::clone(&live);
    // It ends with the process of the tests.
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(keep(&source, facts)).unwrap();
    });
    wait_for("every kind", || live.is_whole());
    live
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn has<T>(live: &FactStore, of: fn(&Facts) -> &Kind<T>, is: fn(Option<bool>) -> bool) -> bool {
    live.with(|facts| match of(facts) {
        Known::Known(listed) => is(Some(listed.installed)),
        Known::Unknown(_) => is(None),
    })
}

/// Requests beside watches, by verb and resource.
fn beside_watches(requests: &[LoggedRequest]) -> BTreeMap<(String, String), usize> {
    let mut all = BTreeMap::new();
    for request in requests.iter().filter(|request| request.verb != "watch") {
        *all.entry((request.verb.clone(), request.resource.clone())).or_default() += 1;
    }
    all
}

/// Lets each kind be watched `ROUNDS` times; at most one request a minute may come beside.
fn rest(sandbox: &Sandbox, after: &str) {
    let before = sandbox.requests_of(USER).unwrap().len();
    let watches = |requests: &[LoggedRequest]| {
        let mut of = BTreeMap::<String, usize>::new();
        for request in requests.iter().filter(|request| request.verb == "watch") {
            *of.entry(request.uri.split('?').next().unwrap().to_owned()).or_default() += 1;
        }
        of
    };
    wait_for("the watches", || {
        let requests = sandbox.requests_of(USER).unwrap();
        let of = watches(&requests[before..]);
        of.len() > 20 && of.values().all(|number| *number >= ROUNDS)
    });
    let requests = sandbox.requests_of(USER).unwrap().split_off(before);
    let times = requests.iter().map(|request| request.at.parse::<jiff::Timestamp>().unwrap());
    let (first, last) = (times.clone().min().unwrap(), times.max().unwrap());
    let minutes = last.duration_since(first).as_secs_f64() * f64::from(FASTER) / 60.0;
    let mut beside = beside_watches(&requests);
    // One review of permissions follows a change of RBAC, and an outage.
    for (what, most) in [(("create", "subjectaccessreviews"), 28), (("list", "serviceaccounts"), 1)]
    {
        let what = (what.0.to_owned(), what.1.to_owned());
        beside.entry(what).and_modify(|number| *number = number.saturating_sub(most));
    }
    let number: usize = beside.values().sum();
    eprintln!("{after}: {number} requests beside watches in {minutes:.0} minutes: {beside:?}");
    assert!(number as f64 <= minutes, "{after}: {number} in {minutes:.0} minutes: {beside:?}");
    // Renewed when they end, and no sooner.
    let most = 2 * ROUNDS + 2;
    let often: Vec<_> =
        watches(&requests).into_iter().filter(|(_, number)| *number > most).collect();
    assert!(often.is_empty(), "{after}: {often:?}");
}

/// The definition of trivy-operator's reports, stored in a version that is not read.
fn vulnerability_reports(conversion: &Value) -> Value {
    let version = |name: &str, is_stored: bool| {
        json!({"name": name, "served": true, "storage": is_stored,
            "schema": {"openAPIV3Schema": {"type": "object",
                "x-kubernetes-preserve-unknown-fields": true}}})
    };
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "vulnerabilityreports.aquasecurity.github.io"},
        "spec": {"group": "aquasecurity.github.io", "scope": "Namespaced",
            "preserveUnknownFields": false, "conversion": conversion,
            "names": {"plural": "vulnerabilityreports", "singular": "vulnerabilityreport",
                "kind": "VulnerabilityReport", "listKind": "VulnerabilityReportList"},
            "versions": [version("v1alpha1", false), version("v1", true)]}})
}

#[test]
fn hour_of_events_costs_one_request_a_minute_beside_watches() {
    let mut sandbox = logging_cluster();
    let live = follow(&sandbox);
    rest(&sandbox, "after the start");

    // Definitions and objects change: watches tell, and nothing is asked.
    let before = sandbox.requests_of(USER).unwrap().len();
    let events = live.counts().events;
    for value in ["a", "b", "c", "d"] {
        let label = format!("example.com/touched={value}");
        let crds = ["label", "--overwrite", "crd", "--all", &label];
        kubectl(&sandbox, &crds);
        kubectl(&sandbox, &["label", "--overwrite", "namespace", "kubeflow", &label]);
    }
    wait_for("the events", || live.counts().events >= events + 4 * 10);
    let beside = beside_watches(&sandbox.requests_of(USER).unwrap()[before..]);
    assert!(beside.values().sum::<usize>() < 10, "{beside:?}");

    // A webhook that converts a kind fails: the kind is unknown, and asked for ever more seldom.
    let service = json!({"url": "https://127.0.0.1:1/convert"});
    let fails = json!({"strategy": "Webhook", "webhook": {"clientConfig": service,
        "conversionReviewVersions": ["v1"]}});
    let definition = vulnerability_reports(&fails).to_string();
    sandbox.kubectl_with(&["create", "-f", "-"], &definition).unwrap();
    sandbox.wait_for_definitions().unwrap();
    wait_for("the kind", || has(&live, |f| &f.vulnerability_reports, |has| has == Some(true)));
    let report = json!({"apiVersion": "aquasecurity.github.io/v1", "kind": "VulnerabilityReport",
        "metadata": {"name": "one", "namespace": "kubeflow"}});
    sandbox.kubectl_with(&["create", "-f", "-"], &report.to_string()).unwrap();
    sandbox.restart_api_server().unwrap();
    wait_for("the failure", || has(&live, |f| &f.vulnerability_reports, |has| has.is_none()));
    rest(&sandbox, "after a restart, with a webhook that fails");
    let mended = json!({"spec": {"conversion": {"strategy": "None", "webhook": null}}});
    let crd = "vulnerabilityreports.aquasecurity.github.io";
    kubectl(&sandbox, &["patch", "crd", crd, "--type=merge", "-p", &mended.to_string()]);
    wait_for("the kind again", || {
        has(&live, |f| &f.vulnerability_reports, |has| has == Some(true))
    });

    // A kind that is gone is let go, and seen when it is back.
    kubectl(&sandbox, &["delete", "crd", crd]);
    wait_for("the end", || has(&live, |f| &f.vulnerability_reports, |has| has == Some(false)));
    let unconverted = vulnerability_reports(&json!({"strategy": "None"})).to_string();
    sandbox.kubectl_with(&["create", "-f", "-"], &unconverted).unwrap();
    wait_for("its return", || has(&live, |f| &f.vulnerability_reports, |has| has == Some(true)));

    // Versions that watches began from are compacted away, and the API server forgets them: each
    // kind is listed again, a few times at most.
    let before = sandbox.requests_of(USER).unwrap().len();
    sandbox.restart_api_server().unwrap();
    let heard = live.counts().watches;
    wait_for("the watches", || live.counts().watches > heard + 40);
    let lists = beside_watches(&sandbox.requests_of(USER).unwrap()[before..]);
    let often: BTreeSet<_> = lists.iter().filter(|(_, number)| **number > 12).collect();
    assert!(often.iter().all(|((verb, _), _)| verb == "create"), "{often:?}");
    rest(&sandbox, "after a restart");
    assert!(live.is_whole());
    assert!(has(&live, |f| &f.pods, |has| has == Some(true)));
}

#[test]
fn metric_of_requests_agrees_with_log_of_api_server() {
    let sandbox = logging_cluster();
    let input = json!({"namespace": "kubeflow"});
    let agent = Agent::start_by(&sandbox.kubeconfig(USER), &input, &[]);
    until("the first audit of everything", || agent.metric("ckf_hardening_unread_kinds") == 0.0);
    let differs = || {
        let of_agent = agent.metric_sum("ckf_hardening_api_requests_total");
        let of_server = sandbox.requests_of(USER).unwrap().len();
        (of_agent as usize != of_server).then_some((of_agent, of_server))
    };
    until("the same number", || differs().is_none());
    let requests = sandbox.requests_of(USER).unwrap();
    let of_crds = |verb: &str| {
        let is = |request: &&LoggedRequest| {
            request.verb == verb && request.resource == "customresourcedefinitions"
        };
        requests.iter().filter(is).count() as f64
    };
    for verb in ["list", "watch"] {
        let series = format!(
            "ckf_hardening_api_requests_total{{kind=\"customresourcedefinitions\",verb=\"{verb}\"}}"
        );
        assert_eq!(agent.metric(&series), of_crds(verb), "{verb}");
    }
}
