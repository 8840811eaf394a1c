//! Time, leadership and faults.

use jiff::SignedDuration;
use juju_sim::{Event, Owner, Simulation, Trace, sweep};
use serde_json::json;

use crate::play::{replay, simulation};

mod play;

fn names(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .map(|event| match event {
            Event::Hook { name, .. } | Event::Action { name, .. } => name.as_str(),
        })
        .collect()
}

fn hook(juju: &mut Simulation, event: &Event, script: &str) {
    let outcome = juju.run_program(event, "/bin/sh".as_ref(), &["-ec", script]);
    assert!(outcome.committed(), "{outcome:?}");
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

const CHANGED: &str = "config-changed";

#[test]
fn deployed_unit_runs_hooks_in_juju_order() {
    let mut juju = simulation();
    assert_eq!(
        names(&juju.deployment()),
        ["install", "leader-elected", "config-changed", "start", "web-pebble-ready"]
    );
    assert_eq!(names(&juju.lead(false)), [""; 0]);
    assert_eq!(names(&juju.lead(true)), ["leader-elected"]);
}

#[test]
fn rotate_event_repeats_until_new_content() {
    let mut juju = simulation();
    let add = "secret-add --label key --rotate daily value=one1";
    hook(&mut juju, &Event::hook(CHANGED), add);
    assert_eq!(names(&juju.advance(hours(23))), ["update-status"]);
    let due = juju.advance(hours(1));
    assert_eq!(names(&due), ["secret-rotate", "update-status"]);
    // The same content is no rotation.
    hook(&mut juju, &due[0], "secret-set \"$JUJU_SECRET_ID\" value=one1");
    assert_eq!(names(&juju.advance(SignedDuration::from_mins(4))), [""; 0]);
    let due = juju.advance(SignedDuration::from_mins(1));
    assert_eq!(names(&due), ["secret-rotate", "update-status"]);
    hook(&mut juju, &due[0], "secret-set \"$JUJU_SECRET_ID\" value=two2");
    // No consumer reads the first revision any more.
    let due = juju.advance(hours(1));
    assert_eq!(names(&due), ["secret-remove", "update-status"]);
    let remove = "secret-remove \"$JUJU_SECRET_ID\" --revision $JUJU_SECRET_REVISION";
    hook(&mut juju, &due[0], remove);
    let secret = juju.model().secrets.remove(0);
    assert_eq!(secret.revisions.keys().collect::<Vec<_>>(), [&2]);
    assert_eq!(names(&juju.advance(hours(22))), ["update-status"]);
    assert_eq!(names(&juju.advance(hours(1)))[0], "secret-rotate");
}

#[test]
fn expired_event_repeats_until_the_revision_is_removed() {
    let mut juju = simulation();
    hook(&mut juju, &Event::hook(CHANGED), "secret-add --expire 1h value=one1");
    let due = juju.advance(hours(1));
    assert_eq!(names(&due)[0], "secret-expired");
    hook(&mut juju, &due[0], "secret-get \"$JUJU_SECRET_ID\"");
    let due = juju.advance(hours(1));
    hook(&mut juju, &due[0], "secret-remove \"$JUJU_SECRET_ID\"");
    assert!(juju.model().secrets[0].removed);
    assert_eq!(names(&juju.advance(hours(1))), ["update-status"]);
    assert!(juju.model().secrets.is_empty());
}

#[test]
fn user_secret_change_notifies_its_readers_only() {
    let mut juju = simulation();
    let mut uri = String::new();
    juju.change(|model| uri = model.add_user_secret(&[("password", "first1")], true));
    let update = |juju: &mut Simulation, text: &str| {
        let content = [("password".to_owned(), text.to_owned())].into();
        juju.change(|model| model.secrets[0].revise(content, model.now));
    };
    update(&mut juju, "c2Vjb25kMg==");
    assert_eq!(names(&juju.advance(hours(1))), ["update-status"]);
    hook(&mut juju, &Event::hook(CHANGED), &format!("secret-get {uri}"));
    update(&mut juju, "dGhpcmQz");
    let due = juju.advance(hours(1));
    assert_eq!(names(&due), ["secret-changed", "update-status"]);
    let calls = [
        json!({"argv": ["secret-get", uri, "password"], "stdout": "second2\n"}),
        json!({"argv": ["secret-get", uri, "password", "--refresh"], "stdout": "third3\n"}),
    ];
    replay(&mut juju, &due[0], &calls, 0);
    assert_eq!(juju.model().secrets[0].owner, Owner::Model);
}

#[test]
fn commit_fails_on_request() {
    let mut juju = simulation();
    juju.change(|model| model.fail_next_commit = Some("forbidden".into()));
    let event = Event::hook(CHANGED);
    let write = ["-c", "state-set a=1; status-set active done"];
    let outcome = juju.run_program(&event, "/bin/sh".as_ref(), &write);
    assert_eq!(outcome.commit_error.as_deref(), Some("forbidden"));
    assert_eq!(juju.model().status.message, "done");
    assert!(juju.model().state.is_empty());
    hook(&mut juju, &event, write[1]);
    assert_eq!(juju.model().state["a"], "1");
}

/// A unit whose `dispatch` is a script.
fn scripted(directory: &std::path::Path, script: &str) -> Simulation {
    use std::os::unix::fs::PermissionsExt as _;
    let charm = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charm");
    let dispatch = directory.join("dispatch");
    if !dispatch.exists() {
        std::fs::write(&dispatch, format!("#!/bin/sh -e\n{script}\n")).unwrap();
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&dispatch, all).unwrap();
    }
    Simulation::new(&charm, &dispatch).unwrap()
}

#[test]
fn interruptible_charm_ends_in_the_same_state() {
    let directory = tempfile::tempdir().unwrap();
    let script = "state-set seen=yes; open-port 80; status-set active ready";
    let events = ["install", "start"].map(Event::hook);
    let runs = sweep(
        || scripted(directory.path(), script),
        &events,
        |_| (),
        |juju| {
            let model = juju.model();
            (model.state.clone(), model.ports.clone(), model.status.clone())
        },
    );
    assert_eq!(runs, 4 * 6 + 2 * 2);
}

#[test]
#[should_panic(expected = "ends elsewhere")]
fn charm_counting_hooks_in_a_file_is_detected() {
    let directory = tempfile::tempdir().unwrap();
    let script = "echo >> count; is-leader; state-set count=$(wc -l < count)";
    let events = ["install", "start"].map(Event::hook);
    sweep(
        || scripted(directory.path(), script),
        &events,
        |_| (),
        |juju| juju.model().state.clone(),
    );
}

#[test]
fn leaked_secret_is_detected_everywhere() {
    let secret = "correct horse";
    let directory = tempfile::tempdir().unwrap();
    for (leak, place) in [
        ("juju-log \"$1\"", "log"),
        ("status-set active \"$1\"", "status"),
        ("state-set key=\"$1\"", "state"),
        ("echo \"$1\"", "standard output"),
        ("echo \"$1\" | base64 >&2", "standard error"),
        ("is-leader \"$1\" || true", "call of is-leader"),
        ("echo \"$1\" > left-behind", "file"),
    ] {
        let mut juju = scripted(directory.path(), "true");
        let script = format!("set -- \"{secret}\"; {leak}");
        let event = Event::hook(CHANGED);
        let outcome = juju.run_program(&event, "/bin/sh".as_ref(), &["-c", &script]);
        let mut traces = outcome.traces();
        traces.extend(juju.traces());
        let leaks = Trace::leaks(&traces, &[secret]);
        assert!(leaks.iter().any(|found| found.starts_with(place)), "{leak}: {leaks:?}");
    }
    let mut juju = scripted(directory.path(), "true");
    let add = "secret-add value=correct-horse > /dev/null";
    juju.run_program(&Event::hook(CHANGED), "/bin/sh".as_ref(), &["-c", add]);
    assert_eq!(Trace::leaks(&juju.traces(), &["correct-horse"]), [""; 0]);
}
