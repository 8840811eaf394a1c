//! Tools that read run side by side: here each answers only once all were started.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use juju_charm::{config, leader, state};

const INSIDE: &str = "SIDE_BY_SIDE";

/// A tool that waits for the others, by a pipe that opens once both of its ends are.
fn tool(waits: &str, answer: &str) -> String {
    format!("#!/bin/sh\n{waits}\nprintf '%s' '{answer}'\n")
}

#[test]
fn tools_that_were_started_run_at_once() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (one, other) = (path("one"), path("other"));
    for fifo in [&one, &other] {
        assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    }
    let (one, other) = (one.display(), other.display());
    for (name, script) in [
        ("config-get", tool(&format!(": < {one}"), r#"{"level": "debug"}"#)),
        ("state-get", tool(&format!(": > {one}; : < {other}"), r#"{"k": "v"}"#)),
        ("is-leader", tool(&format!(": > {other}"), "true")),
    ] {
        std::fs::write(path(name), script).unwrap();
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tools_that_were_started_run_at_once", "--nocapture"])
        .env("PATH", folder.path())
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn inside() {
    let (options, values, leads) = (config::start(), state::start(), leader::start());
    assert_eq!(options.finish().unwrap().text("level"), Some("debug"));
    assert_eq!(values.finish().unwrap()["k"], "v");
    assert!(leads.finish().unwrap());
}
