//! The charm as Juju sees it: state in, event, state out.

use std::io::Write as _;
use std::path::Path;

use ckf_hardening::catalog;
use ckf_hardening::report::Report;
use ckf_test_support::{binary, cluster};
use ckf_worlds::World;
use juju_sim::{Event, Juju, Model, Outcome, Owner, Relation, Secret, Simulation, sweep};
use serde_json::{Value, json};

/// The charm's unit, in a container that has this kubeconfig.
fn charm_files() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn unit(kubeconfig: &Path) -> Simulation {
    unit_of(charm_files(), kubeconfig)
}

fn unit_of(charm: &Path, kubeconfig: &Path) -> Simulation {
    let mut juju = Simulation::new(charm, binary()).unwrap();
    juju.environment.insert("KUBECONFIG".into(), kubeconfig.into());
    // Nothing outside of this machine is asked.
    juju.set_option("offline", true);
    juju
}

fn committed(outcome: &Outcome) {
    assert!(
        outcome.committed(),
        "{:?} {:?}\n{}",
        outcome.exit,
        outcome.commit_error,
        outcome.stderr
    );
    assert_eq!(outcome.stderr, "");
}

fn tools(outcome: &Outcome) -> Vec<&str> {
    outcome.calls.iter().map(|c| c.tool.as_str()).collect()
}

fn action(juju: &mut Simulation, name: &str, parameters: Value) -> Outcome {
    let outcome = juju.run(&Event::action(name, parameters));
    committed(&outcome);
    outcome
}

fn failure(outcome: &Outcome) -> &str {
    outcome.action.as_ref().unwrap().failed.as_deref().unwrap()
}

const WAIVER: &str = "waivers: [{control: TLS-01, reason: behind a VPN until March, owner: ops, expires: 2099-03-31}]";

/// Report of the command line on a cluster, by a policy.
fn audited(kubeconfig: &Path, policy: &str) -> Report {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    let report = ckf_test_support::audit(&[
        "--kubeconfig".as_ref(),
        kubeconfig.as_ref(),
        "--policy".as_ref(),
        file.path().as_ref(),
    ]);
    serde_json::from_value(report).unwrap()
}

/// The status of a unit whose only message is what is open.
fn message(report: &Report) -> String {
    format!("{}; juju run ckf-hardening/0 get-report", report.status_line())
}

#[test]
fn unit_beside_a_stock_deployment_runs_its_whole_life() {
    let sandbox = cluster(&World::stock("1.10"));
    let kubeconfig = sandbox.kubeconfig("admin");
    let mut juju = unit(&kubeconfig);
    let stock = audited(&kubeconfig, "");
    let waived = audited(&kubeconfig, WAIVER);
    assert_eq!(waived.summary.fail + 1, stock.summary.fail);

    for hook in ["install", "leader-elected", "config-changed", "start"] {
        committed(&juju.run(&Event::hook(hook)));
    }
    committed(&juju.run(&Event::pebble_ready("hardening")));
    let model = juju.model();
    assert_eq!(model.workload_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (model.status.name.as_str(), model.status.message.as_str()),
        ("active", message(&stock).as_str())
    );
    let audits = |juju: &Simulation| {
        juju.model().log.iter().filter(|l| l.message.starts_with("audited: ")).count()
    };
    assert_eq!(audits(&juju), 1, "one audit serves all hooks of the start");

    a_hook_with_nothing_to_do_writes_nothing(&mut juju);
    what_the_operator_sets_takes_effect_at_once(&mut juju, &waived);
    bad_options_are_named_and_the_audit_goes_on(&mut juju, &stock);
    actions_tell_what_an_operator_asks(&mut juju, &stock);
    an_audit_that_is_old_is_made_again(&mut juju, &stock);
    a_unit_that_is_not_the_leader_stands_by(&mut juju, &stock);

    let nobody = sandbox.write_kubeconfig("nobody", "nobodies").unwrap();
    without_trust_it_says_how_to_give_it(&nobody);
}

fn a_hook_with_nothing_to_do_writes_nothing(juju: &mut Simulation) {
    let before = juju.model();
    let outcome = juju.run(&Event::hook("update-status"));
    committed(&outcome);
    // They run side by side.
    let mut called = tools(&outcome);
    called.sort();
    assert_eq!(called, ["config-get", "is-leader", "state-get"]);
    assert_eq!(juju.model().status_history, before.status_history);
    assert_eq!(juju.model().state, before.state);
}

fn what_the_operator_sets_takes_effect_at_once(juju: &mut Simulation, waived: &Report) {
    juju.set_option("policy", WAIVER);
    committed(&juju.run(&Event::hook("config-changed")));
    assert_eq!(juju.model().status.name, "active");
    assert_eq!(juju.model().status.message, message(waived));
    juju.set_option("block-on", "high");
    committed(&juju.run(&Event::hook("config-changed")));
    assert_eq!(juju.model().status.name, "blocked");
    juju.set_option("block-on", "never");
    committed(&juju.run(&Event::hook("config-changed")));
    assert_eq!(juju.model().status.name, "active");
}

fn bad_options_are_named_and_the_audit_goes_on(juju: &mut Simulation, stock: &Report) {
    juju.set_option("audit-interval", "now and then");
    juju.set_option("policy", "waivers: [{control: TLS-01, owner: ops, expires: 2099-03-31}]\n");
    committed(&juju.run(&Event::hook("config-changed")));
    let status = juju.model().status;
    assert_eq!(status.name, "blocked");
    assert!(status.message.starts_with("option policy: waiver"), "{}", status.message);
    assert!(
        status.message.contains("reason") && status.message.contains("(and 1 more)"),
        "{}",
        status.message
    );
    assert!(status.message.contains("what is enforced stays as it is"), "{}", status.message);
    assert!(status.message.ends_with(&message(stock)), "{}", status.message);
    let warned = |text: &str| {
        juju.model().log.iter().any(|l| l.level == "WARNING" && l.message.contains(text))
    };
    assert!(warned("option audit-interval: \"now and then\" is no time"));
    juju.set_option("audit-interval", "1h");
    juju.set_option("policy", "");
    juju.set_option("block-on", "critical");
    committed(&juju.run(&Event::hook("config-changed")));
    assert_eq!(juju.model().status.name, "blocked");
    assert_eq!(juju.model().status.message, message(stock));
}

fn actions_tell_what_an_operator_asks(juju: &mut Simulation, stock: &Report) {
    let outcome = action(juju, "audit", json!({}));
    assert_eq!(outcome.results()["summary"], stock.status_line());
    assert_eq!(outcome.results()["fail"], stock.summary.fail.to_string());
    assert!(!outcome.action.as_ref().unwrap().log.is_empty(), "an action reports its progress");

    let outcome = action(juju, "get-report", json!({"format": "json"}));
    let report: Value =
        serde_json::from_str(outcome.results()["report"].as_str().unwrap()).unwrap();
    assert_eq!(report["schema"], "ckf-hardening/report/v1");
    assert_eq!(report["controls"].as_array().unwrap().len(), catalog::controls().len());
    let outcome = action(juju, "get-report", json!({}));
    assert!(outcome.results()["report"].as_str().unwrap().contains("TLS-01"));

    let outcome = action(juju, "explain", json!({"control": "tls-01"}));
    assert!(outcome.results()["explanation"].as_str().unwrap().contains("NIST SP 800-53"));
    let outcome = action(juju, "explain", json!({"control": "TLS-99"}));
    assert!(failure(&outcome).contains("no control \"TLS-99\""));
    for (name, parameters, why) in [
        ("explain", json!({}), "\"control\" property is missing"),
        ("explain", json!({"control": 7}), "must be of type string"),
        ("get-report", json!({"format": "pdf"}), "must match one of the enum values"),
        ("audit", json!({"really": true}), "additional property \"really\" is not allowed"),
    ] {
        let outcome = juju.run(&Event::action(name, parameters));
        assert!(outcome.exit.is_none() && failure(&outcome).contains(why), "{}", failure(&outcome));
    }
}

fn an_audit_that_is_old_is_made_again(juju: &mut Simulation, stock: &Report) {
    let audited_at = |juju: &Simulation| -> Value {
        let state: Value = serde_json::from_str(&juju.model().state["unit"]).unwrap();
        state["audit"]["at"].clone()
    };
    juju.change(|model| {
        let mut state: Value = serde_json::from_str(&model.state["unit"]).unwrap();
        state["audit"]["at"] = json!("2026-01-01T00:00:00Z");
        model.state.insert("unit".into(), state.to_string());
    });
    committed(&juju.run(&Event::hook("update-status")));
    assert_ne!(audited_at(juju), "2026-01-01T00:00:00Z");
    // The state of version 0.1.0 is read, and written under its present key.
    let before = audited_at(juju);
    juju.change(|model| {
        let state = model.state.remove("unit").unwrap();
        let state = state.replace("options-digest", "fingerprint").replace("summary", "line");
        model.state.insert("memory".into(), state);
    });
    committed(&juju.run(&Event::hook("update-status")));
    assert_eq!((audited_at(juju), juju.model().state.get("memory")), (before, None));
    // What an older or newer version wrote is no reason to fail.
    juju.change(|model| model.state.insert("unit".into(), "7 of 9".into()).map_or((), drop));
    committed(&juju.run(&Event::hook("update-status")));
    assert_eq!(juju.model().status.message, message(stock));
}

fn a_unit_that_is_not_the_leader_stands_by(juju: &mut Simulation, stock: &Report) {
    juju.change(|model| model.leader = false);
    committed(&juju.run(&Event::hook("update-status")));
    assert_eq!(juju.model().status.message, "standing by; the leader audits");
    juju.change(|model| model.leader = true);
    committed(&juju.run(&Event::hook("leader-elected")));
    assert_eq!(juju.model().status.message, message(stock));
}

fn without_trust_it_says_how_to_give_it(nobody: &Path) {
    let mut juju = unit(nobody);
    committed(&juju.run(&Event::hook("install")));
    let status = juju.model().status;
    assert_eq!(status.name, "blocked");
    assert!(
        status.message.contains("juju trust ckf-hardening --scope=cluster"),
        "{}",
        status.message
    );
}

#[test]
fn unreachable_cluster_is_a_waiting_status() {
    let directory = tempfile::tempdir().unwrap();
    let mut juju = unit(&crate::nowhere(directory.path()));
    for hook in ["install", "config-changed", "update-status"] {
        committed(&juju.run(&Event::hook(hook)));
        let status = juju.model().status;
        assert_eq!(status.name, "waiting", "{hook}");
        assert!(
            status.message.contains("127.0.0.1:1") && status.message.contains("refused"),
            "{}",
            status.message
        );
    }
    let outcome = action(&mut juju, "audit", json!({}));
    assert!(failure(&outcome).contains("127.0.0.1:1"), "{}", failure(&outcome));
}

#[test]
fn hook_of_every_kind_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = crate::nowhere(directory.path());
    let mut peers = Relation::new(0, "peers", "ckf-hardening", 0);
    peers.remote_units.insert("ckf-hardening/1".into(), Default::default());
    for version in [Juju::V3_6, Juju::V4_0] {
        let mut juju = unit(&kubeconfig);
        juju.change(|model| {
            model.juju = version;
            model.relations.push(peers.clone());
        });
        for hook in [
            "install",
            "leader-elected",
            "config-changed",
            "start",
            "update-status",
            "upgrade-charm",
            "stop",
            "remove",
        ] {
            committed(&juju.run(&Event::hook(hook)));
        }
        if version == Juju::V3_6 {
            committed(&juju.run(&Event::hook("leader-settings-changed")));
        }
        let with = |name: &str, variables: &[(&str, &str)]| Event::Hook {
            name: name.into(),
            environment: variables.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        };
        for (hook, unit) in [
            ("created", None),
            ("joined", Some("ckf-hardening/1")),
            ("changed", Some("ckf-hardening/1")),
            ("departed", Some("ckf-hardening/1")),
            ("broken", None),
        ] {
            committed(&juju.run(&Event::relation(&peers, hook, unit)));
        }
        let of = |owner| Secret::new("9prue3hk1gajoic8kgkg", owner, Default::default());
        for (hook, owner, revision) in [
            ("changed", Owner::Model, None),
            ("rotate", Owner::Application("ckf-hardening".into()), None),
            ("expired", Owner::Unit("ckf-hardening/0".into()), Some(1)),
            ("remove", Owner::Unit("ckf-hardening/0".into()), Some(1)),
        ] {
            let secret = of(owner);
            juju.change(|model| model.secrets = vec![secret.clone()]);
            committed(&juju.run(&Event::secret(hook, &secret, "", revision)));
        }
        let workload = [
            ("JUJU_WORKLOAD_NAME", "hardening"),
            ("JUJU_NOTICE_ID", "3"),
            ("JUJU_NOTICE_TYPE", "custom"),
            ("JUJU_NOTICE_KEY", "example.com/x"),
            ("JUJU_PEBBLE_CHECK_NAME", "up"),
        ];
        for hook in ["ready", "custom-notice", "check-failed", "check-recovered"] {
            committed(&juju.run(&with(&format!("hardening-pebble-{hook}"), &workload)));
        }
        for hook in
            ["collect-metrics", "meter-status-changed", "pre-series-upgrade", "of-another-age"]
        {
            let outcome = juju.run(&Event::hook(hook));
            committed(&outcome);
            assert_eq!(tools(&outcome), ["juju-log"], "{hook}");
            assert_eq!(juju.model().log.last().unwrap().level, "DEBUG");
        }
    }
}

#[test]
fn binary_outside_of_juju_is_the_command_line_and_rejects_half_an_environment() {
    let output = std::process::Command::new(binary())
        .env_clear()
        .env("JUJU_DISPATCH_PATH", "hooks/install")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("JUJU_UNIT_NAME is not set; this process was not started by Juju")
    );
}

/// What of the model must not depend on when the charm was interrupted: its
/// status, version, and what it remembers but for the times of audits.
fn lasting(model: &Model) -> (juju_sim::Status, String, serde_json::Value) {
    let mut state: serde_json::Value =
        serde_json::from_str(model.state.get("unit").map_or("null", String::as_str)).unwrap();
    without_times(&mut state);
    (model.status.clone(), model.workload_version.clone(), state)
}

fn without_times(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {
            *text = "some time".into();
        }
        serde_json::Value::Object(map) => map.values_mut().for_each(without_times),
        serde_json::Value::Array(list) => list.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn interrupted_hook_without_cluster_reaches_the_same_state() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = crate::nowhere(directory.path());
    let mut events = unit(&kubeconfig).deployment();
    events.push(Event::hook("update-status"));
    events.push(Event::action("explain", json!({"control": "TLS-01"})));
    let runs = sweep(|| unit(&kubeconfig), &events, |_| (), |juju| lasting(&juju.model()));
    assert!(runs > 60, "{runs}");
}

#[test]
fn interrupted_hook_beside_cluster_reaches_the_same_state() {
    let sandbox = cluster(&World::stock("1.10"));
    let kubeconfig = sandbox.kubeconfig("admin");
    let make = || {
        let mut juju = unit(&kubeconfig);
        juju.start_pebble("hardening", &[]);
        juju
    };
    let events = [
        Event::hook("config-changed"),
        Event::pebble_ready("hardening"),
        Event::action("audit", json!({})),
        Event::hook("update-status"),
    ];
    let state = |juju: &Simulation| {
        let pebble = juju.pebble("hardening");
        let shown = pebble.read_file("/var/lib/ckf-hardening/input.json");
        let mut shown: Value = serde_json::from_slice(&shown.unwrap()).unwrap();
        without_times(&mut shown);
        (lasting(&juju.model()), pebble.services(), shown)
    };
    let runs = sweep(make, &events, |_| (), state);
    // Its own tools, and what it asks of its container.
    assert!(runs > 60, "{runs}");
}

#[test]
fn action_parameters_match_the_code() {
    let actions: Value = serde_yaml::from_str(include_str!("../../actions.yaml")).unwrap();
    let remedies = ckf_hardening::remedies::Remedy::ALL.iter();
    let remedies: Vec<&str> = remedies.map(|remedy| remedy.name()).collect();
    for action in ["plan", "apply", "undo"] {
        let about = actions[action]["params"]["remedies"]["description"].as_str().unwrap();
        let named = about.split(|c: char| !c.is_ascii_lowercase() && c != '-');
        let named: Vec<&str> = named.filter(|word| remedies.contains(word)).collect();
        assert_eq!(named, remedies, "{action}");
    }
    // Juju 4.0 hands on a list as a text, and so nothing may have to be a list.
    for (name, action) in actions.as_object().unwrap() {
        assert_eq!(action["additionalProperties"], false, "{name}");
        for (parameter, schema) in action["params"].as_object().into_iter().flatten() {
            let kind = &schema["type"];
            let is_plain = ["string", "boolean", "integer"].iter().any(|plain| kind == plain);
            assert!(is_plain || *kind == json!(["string", "array"]), "{name} {parameter}: {kind}");
        }
    }
    let formats = <ckf_hardening::report::Format as clap::ValueEnum>::value_variants().iter();
    let formats = formats.filter_map(clap::ValueEnum::to_possible_value);
    let formats: Vec<String> = formats.map(|value| value.get_name().to_owned()).collect();
    let taken = &actions["get-report"]["params"]["format"]["enum"];
    assert_eq!(*taken, serde_json::json!(formats));
}
