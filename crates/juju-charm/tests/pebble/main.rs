//! The client says to Pebble what the client of `ops` was recorded to say, and
//! understands what Pebble was recorded to answer, and what Pebble itself answers.

mod played;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use juju_charm::pebble::{
    Access, CheckStatus, Client, Current, Error, Exec, FileType, Identity, Ownership, Startup,
};
use juju_sim::pebble::{Options, Pebble};
use serde_json::json;

use crate::played::{Recorded, play, recordings};

/// What a call gives, to be compared with what `ops` gave.
type Outcome = Result<(), Error>;

/// Where files are written, and what those hold that are read.
struct Files<'a> {
    folder: &'a str,
    text: &'a [u8],
    binary: &'a [u8],
}

/// What the recordings have.
const RECORDED: Files<'_> = Files { folder: "/scratch", text: played::FILE, binary: played::FILE };

/// Makes the recorded calls.
fn call(name: &str, recorded: &Recorded, pebble: &Client, files: &Files<'_>) -> Outcome {
    let path = |below: &str| format!("{}{below}", files.folder);
    let none = Ownership::default();
    let body = |index: usize, field: &str| {
        let value = &recorded.exchanges[index].body.as_ref().unwrap()[field];
        value.as_str().unwrap().to_owned()
    };
    match name {
        "01-system-info" => assert_eq!(pebble.system_info()?.version, "v1.32.1"),
        "02-plan-empty" => assert_eq!(pebble.plan()?, "{}\n"),
        "03-add-layer-combine" | "70-log-target-remove-web" => {
            pebble.add_layer(&body(0, "label"), &body(0, "layer"), true)?;
            if name.starts_with("70") {
                assert_eq!(pebble.replan()?.status, "Done");
            }
        }
        "04-add-layer-duplicate-error" | "05-add-layer-bad-yaml-error" => {
            let combine = recorded.exchanges[0].body.as_ref().unwrap()["combine"] == true;
            pebble.add_layer(&body(0, "label"), &body(0, "layer"), combine)?;
        }
        "06-plan" => assert!(pebble.plan()?.contains("on-check-failure")),
        "07-replan" => assert_eq!(pebble.replan()?.kind, "replan"),
        "08-services-all" => {
            let services = pebble.services(&[])?;
            let web = &services[2];
            assert_eq!((web.startup, web.current), (Startup::Enabled, Current::Active));
        }
        "09-services-one" => assert_eq!(pebble.services(&["web"])?.len(), 1),
        "10-start-oneshot" => drop(pebble.start_services(&["oneshot"])?),
        "11-start-crash-error-change" => drop(pebble.start_services(&["crash"])?),
        "12-restart-web" => drop(pebble.restart_services(&["web"])?),
        "13-stop-oneshot" => drop(pebble.stop_services(&["oneshot"])?),
        "14-start-unknown-error" => drop(pebble.start_services(&["nope"])?),
        "15-send-signal" => pebble.signal("SIGHUP", &["web"])?,
        "16-checks-all" | "71-checks-after-failures" => {
            let checks = pebble.checks(None, &[])?;
            let names: Vec<&str> = checks.iter().map(|c| c.name.as_str()).collect();
            assert_eq!(names, ["bad", "good", "off"]);
            assert_eq!(checks[0].status, CheckStatus::Down);
            assert!(checks[0].failures >= checks[0].threshold);
        }
        "17-checks-level-names" => {
            assert_eq!(pebble.checks(Some("ready"), &["bad"])?[0].level.as_deref(), Some("ready"));
        }
        "18-checks-stop-start" => {
            assert_eq!(pebble.stop_checks(&["good"])?, ["good"]);
            assert_eq!(pebble.start_checks(&["good", "off"])?, ["good", "off"]);
        }
        "19-checks-unknown-error" => drop(pebble.stop_checks(&["nope"])?),
        "20-files-push-text" => {
            let mode = Ownership { permissions: Some(0o640), ..none };
            pebble.push(&path("/a/b/conf.txt"), "hello é\n".as_bytes(), true, &mode)?;
        }
        "21-files-push-binary-owner" => {
            let all: Vec<u8> = (0..=255).collect();
            let root = Ownership {
                permissions: Some(0o600),
                user: Some("root"),
                group: Some("root"),
                ..none
            };
            pebble.push(&path("/bin.dat"), all.as_slice(), false, &root)?;
        }
        "22-files-push-nodir-error" => pebble.push(&path("/no/x"), "x".as_bytes(), false, &none)?,
        "23-files-pull-text" => {
            assert_eq!(pebble.pull(&path("/a/b/conf.txt"), 1024)?, files.text);
            let small = pebble.pull(&path("/a/b/conf.txt"), 0);
            assert!(small.is_ok(), "what is around a file is not counted: {small:?}");
        }
        "24-files-pull-binary" => assert_eq!(pebble.pull(&path("/bin.dat"), 1024)?, files.binary),
        "25-files-pull-missing-error" => drop(pebble.pull(&path("/nope"), 1024)?),
        "26-files-list" => {
            let listed = pebble.list_files(files.folder, None)?;
            assert_eq!((listed[0].kind, listed[1].size), (FileType::Directory, Some(256)));
            assert_eq!(listed[1].permissions, "600");
        }
        "27-files-list-pattern" => {
            assert_eq!(pebble.list_files(files.folder, Some("*.dat"))?.len(), 1)
        }
        "28-files-list-itself" => assert!(pebble.file_info(files.folder)?.is_some()),
        "29-files-list-missing-error" => drop(pebble.list_files(&path("/nope"), None)?),
        "30-files-mkdir" => {
            let mode = Ownership { permissions: Some(0o700), ..none };
            pebble.make_directory(&path("/d/e"), true, &mode)?;
        }
        "31-files-mkdir-exists-error" => pebble.make_directory(&path("/d/e"), false, &none)?,
        "32-files-remove" => pebble.remove_path(&path("/bin.dat"), false)?,
        "33-files-remove-dir-nonrecursive-error" => pebble.remove_path(&path("/d"), false)?,
        "34-files-remove-recursive" => pebble.remove_path(&path("/d"), true)?,
        exec if exec.starts_with('4') => return commands(exec, recorded, pebble),
        "50-notify" | "56-notify-again-within-repeat-after" => {
            let data = json!({"k": "v", "n": "1"}).as_object().cloned().unwrap();
            let again = Some(Duration::from_secs(3600));
            assert_eq!(pebble.notify("example.com/path/x", &data, again)?, "18");
        }
        "51-notice-get" => assert_eq!(pebble.notice("18")?.last_data["k"], "v"),
        "52-notices-all" | "72-notices-after-failures" => {
            assert!(pebble.notices_of_all_users()?.len() > 10);
        }
        "53-notices-filter" => {
            let types = ["custom", "change-update"];
            assert_eq!(pebble.notices(&types, &["example.com/path/x"])?[0].occurrences, 1);
        }
        "54-notice-missing-error" => drop(pebble.notice("99999")?),
        "55-notify-badkey-error" => drop(pebble.notify("badkey", &Default::default(), None)?),
        "60-changes-all" => assert!(pebble.changes("all", None)?.len() > 10),
        "61-change-missing-error" => drop(pebble.change("99999")?),
        "63-identities" => {
            // Bob's is of a password, which is not one that this crate makes; it is read all the same.
            let user = Identity::local(1000, Access::Read);
            let bob = Identity::local(1001, Access::Metrics);
            let both = [("u", user.clone()), ("bob", bob)];
            pebble.replace_identities(&BTreeMap::from(both))?;
            assert_eq!(pebble.identities()?["u"], user);
        }
        "64-identities-remove" => pebble.remove_identities(&["u", "bob"])?,
        other => panic!("nothing calls {other}"),
    }
    Ok(())
}

fn commands(name: &str, recorded: &Recorded, pebble: &Client) -> Outcome {
    let asked = recorded.exchanges[0].body.as_ref().unwrap();
    let texts = |field: &str| -> Vec<&str> {
        let list = asked[field].as_array().unwrap();
        list.iter().map(|text| text.as_str().unwrap()).collect()
    };
    let command = texts("command");
    let environment: Vec<(&str, &str)> = asked["environment"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let exec = Exec {
        command: &command,
        environment: &environment,
        working_directory: asked["working-dir"].as_str(),
        timeout: asked["timeout"].as_str().map(|_| Duration::from_millis(500)),
        service_context: asked["service-context"].as_str(),
        combine_stderr: asked["split-stderr"] == false,
        ..Exec::default()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if name == "46-exec-signal" {
        let mut running = pebble.start_exec(&exec)?;
        running.signal("SIGTERM")?;
        assert_eq!(running.finish(std::io::empty())?.code, 143);
        return Ok(());
    }
    let input = if name == "41-exec-stdin" { "line1\nline2\n" } else { "" };
    let output = pebble.exec(&exec, input.as_bytes())?;
    let came = (output.code, text(&output.stdout), text(&output.stderr));
    let wanted = match name {
        "40-exec-output" => (0, "out\n/tmp\nbar\n", "err\n"),
        "41-exec-stdin" => (0, input, ""),
        "42-exec-exit-3-error" => (3, "partial\n", ""),
        "43-exec-combined" => (0, "out\nerr\n", ""),
        "47-exec-service-context" => (0, "8080\n", ""),
        other => panic!("{other} should have failed: {came:?}"),
    };
    assert_eq!(came, (wanted.0, wanted.1.to_owned(), wanted.2.to_owned()));
    Ok(())
}

/// A command that fails is an outcome here, and an exception of `ops`.
fn is_error_of_ops_only(summary: &str) -> bool {
    summary.starts_with("ExecError: non-zero exit code")
}

/// What came is what `ops` had.
fn understood(recorded: &Recorded, outcome: Outcome) {
    match (recorded.summary.as_str(), outcome) {
        ("ok", Ok(())) => {}
        (summary, Ok(())) if is_error_of_ops_only(summary) => {}
        (summary, Err(error)) => {
            // Both tell Pebble's own words, each with its own before them, and a path.
            let first = summary.lines().nth(1).unwrap_or(summary);
            let words = first.split_once(": ").map_or(first, |(_, words)| words);
            let words = words.trim_start_matches("not-found - ");
            let words = words.trim_start_matches("generic-file-error - ");
            let words = words.trim_start_matches("- ");
            let error = error.to_string();
            let said = words.split("/scratch").all(|part| error.contains(part));
            assert!(said, "{}: {error} / {words}", recorded.name);
        }
        (summary, Ok(())) => panic!("{}: ops had {summary}", recorded.name),
    }
}

#[test]
fn every_recorded_call_is_made_and_understood() {
    let mut played = 0;
    for recorded in recordings() {
        // An endpoint that Pebble does not have; no function asks for it.
        if recorded.name == "62-warnings" {
            continue;
        }
        let repeats = usize::from(recorded.name == "23-files-pull-text") + 1;
        let outcome =
            play(&recorded, repeats, |pebble| call(&recorded.name, &recorded, pebble, &RECORDED));
        understood(&recorded, outcome);
        played += 1;
    }
    assert_eq!(played, 57);
}

#[test]
fn recorded_call_has_the_same_result_in_simulated_pebble() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("pebble.socket");
    let _simulated = Pebble::start(&socket, Options::default()).unwrap();
    every_call_comes_to_the_same(&socket, directory.path());
}

#[test]
fn recorded_call_has_the_same_result_in_pebble_1_32_1() {
    let directory = tempfile::tempdir().unwrap();
    let pebble = test_programs::pebble::Pebble::start(directory.path()).unwrap();
    every_call_comes_to_the_same(pebble.socket(), directory.path());
}

fn every_call_comes_to_the_same(socket: &Path, directory: &Path) {
    let scratch = directory.join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let pebble = Client::at(socket);
    let all: Vec<u8> = (0..=255).collect();
    let files =
        Files { folder: scratch.to_str().unwrap(), text: "hello é\n".as_bytes(), binary: &all };
    for recorded in recordings() {
        if recorded.name != "62-warnings" {
            let outcome = call(&recorded.name, &recorded, &pebble, &files);
            understood(&recorded, outcome);
        }
    }
}

#[test]
fn command_writes_more_than_a_pipe_holds_while_it_reads() {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let input: Vec<u8> = (0..8_000_000_u32).map(|n| n as u8).collect();
        let exec = Exec { command: &["cat"], combine_stderr: true, ..Exec::default() };
        let output = played::echo(|pebble| pebble.exec(&exec, input.as_slice()));
        done.send(output.is_ok_and(|output| output.stdout == input))
    });
    let same = ended.recv_timeout(Duration::from_secs(60));
    assert_eq!(same, Ok(true), "the command printed its input");
}

#[test]
fn container_not_started_is_unreachable() {
    let pebble = Client::at("/nowhere/pebble.socket");
    let error = pebble.system_info().unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("/nowhere/pebble.socket"), "{error}");
}

#[test]
fn unresponsive_pebble_times_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let started = Instant::now();
    let error = Client::at(&path).system_info().unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn foreign_answer_is_an_error() {
    for answer in ["", "null", "{}", "{\"type\":\"sync\"}", "<html>", "{\"type\":7}"] {
        let error = played::answer(answer, |pebble| pebble.system_info().unwrap_err());
        assert!(matches!(error, Error::Answer { .. }), "{answer}: {error}");
    }
}
