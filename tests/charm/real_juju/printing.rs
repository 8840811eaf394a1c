//! Results of actions, as `juju run` prints them by YAML: lines stand below each other.

use ckf_worlds::World;
use juju_sim::controller::{Application, Controller, State};
use juju_sim::{Event, Juju};
use serde_json::json;
use test_programs::juju_run;

use super::hook;

#[test]
fn results_of_every_action_print_as_blocks_of_eighty_columns() {
    let controller = |uuid: &str| {
        let mut state = State::new(Juju::V3_6, "admin-pw");
        state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
        state.add_user("bot", "first-pw-of-bot");
        let model = state.add_model(uuid, "kubeflow");
        model.applications.insert("dex-auth".into(), Application::default());
        Controller::start(state).unwrap()
    };
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let plan = "every: 30d\ntargets: [juju-user/bot]";
    let mut unit = ckf_test_support::rotation::unit(Juju::V4_0, plan, controller);
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    hook(&mut unit, "config-changed");
    let run = json!({"remedies": "pod-security-labels,profile-network-policies"});
    for (name, parameters, tables) in [
        ("audit", json!({}), &[][..]),
        ("get-report", json!({}), &["report"]),
        ("get-report", json!({"format": "markdown"}), &[]),
        ("explain", json!({"control": "TLS-01"}), &[]),
        ("plan", run.clone(), &[]),
        ("apply", run.clone(), &[]),
        ("undo", run, &[]),
        ("enforce-tls", json!({}), &[]),
        ("check-rocks", json!({}), &["rocks"]),
        ("list-users", json!({}), &["users"]),
        ("rotate-credentials", json!({"users": "bot", "dry-run": true}), &[]),
        ("rotate-credentials", json!({"users": "bot"}), &["status"]),
        ("rotation-status", json!({}), &["status"]),
    ] {
        let outcome = unit.run(&Event::action(name, parameters));
        let results = outcome.results();
        assert!(outcome.committed() && results.len() > 1, "{name}");
        let text = juju_run::printed(results).unwrap();
        for (key, value) in results {
            let Some(value) = value.as_str().filter(|value| value.trim_end().contains('\n')) else {
                continue;
            };
            assert!(
                text.contains(&format!("\n{key}: |")) || text.starts_with(&format!("{key}: |")),
                "{name} {key}: {text}"
            );
            let bad = value.lines().find(|line| line.ends_with(' ') || line.contains('\t'));
            assert_eq!(bad, None, "{name} {key}");
            if tables.contains(&key.as_str()) {
                // An address and an image's reference are not broken, so that they can be copied.
                let is_broken =
                    |line: &&str| line.trim().contains(' ') && !line.starts_with("https://");
                let lines = value.lines().filter(is_broken);
                let widest = lines.map(|line| line.chars().count()).max();
                assert!(widest <= Some(80), "{name} {key}: {widest:?}\n{value}");
            }
        }
        assert!(tables.iter().all(|key| results.contains_key(*key)), "{name}: {results:?}");
    }
}

#[test]
fn list_in_each_form_that_juju_hands_on_names_the_same_remedies() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    for (juju, remedies) in [
        (Juju::V3_6, json!("hsts,tls-floor")),
        (Juju::V3_6, json!(["hsts", "tls-floor"])),
        (Juju::V4_0, json!("hsts,tls-floor")),
        (Juju::V4_0, json!(["hsts", "tls-floor"])),
    ] {
        let mut unit = super::unit(juju, 0, 1, &sandbox.kubeconfig("admin"));
        let outcome = unit.run(&Event::action("plan", json!({"remedies": remedies})));
        let plan = outcome.results()["plan"].as_str().unwrap();
        assert!(plan.contains("hsts") && plan.contains("tls-floor"), "{juju:?}: {plan}");
        let outcome = unit.run(&Event::action("undo", json!({})));
        let failed = outcome.action.unwrap().failed.unwrap();
        assert!(failed.contains("name the remedies"), "{failed}");
    }
}
