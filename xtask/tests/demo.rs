//! The demo runs to its end, and leaves nothing behind when it is interrupted.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longest wait for a command that was interrupted.
const PATIENCE: Duration = Duration::from_secs(30);

fn xtask(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).env("TMPDIR", temporary);
    command
}

/// The program, which the workspace's tests have built.
fn binary() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("ckf-hardening");
    assert!(binary.exists(), "cargo build --bin ckf-hardening builds {}", binary.display());
    binary
}

fn text(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    format!("{stdout}{}", String::from_utf8_lossy(&output.stderr))
}

#[test]
fn demo_runs_to_the_end() {
    let temporary = tempfile::tempdir().unwrap();
    let binary = binary();
    let arguments = ["demo", "--no-wait", "--binary", binary.to_str().unwrap()];
    let output = xtask(&arguments, temporary.path()).output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    for shown in ["TLS-01", "NET-02: fail -> pass", "PSS-06 is waived", "AUTHZ-09: fail, "] {
        assert!(text.contains(shown), "{shown} is not shown: {text}");
    }
    assert!(text.trim_end().ends_with("every server has ended."), "{text}");
    let left: Vec<_> = temporary.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn interrupted_sandbox_leaves_no_process_and_no_file() {
    let temporary = tempfile::tempdir().unwrap();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut sandbox = xtask(&["sandbox"], temporary.path());
        let mut child = sandbox.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(|| !servers(temporary.path()).is_empty());
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        assert_eq!(ended(&mut child), Some(130), "{signal}");
        assert_eq!(servers(temporary.path()), [0; 0], "{signal}");
        let left: Vec<_> = temporary.path().read_dir().unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn invalid_argument_runs_nothing_and_shows_the_usage() {
    let temporary = tempfile::tempdir().unwrap();
    let slips: [&[&str]; 6] = [
        &["demo", "--nowait"],
        &["sandbox", "small"],
        &["bench", "hook"],
        &["pack", "now"],
        &["test", "pur"],
        &["dem"],
    ];
    for arguments in slips {
        let output = xtask(arguments, temporary.path()).output().unwrap();
        let text = text(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {text}");
        assert!(text.contains("usage: cargo xtask"), "{arguments:?}: {text}");
    }
}

fn until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE * 10, "it did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ended(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Processes that have a path below a folder among their arguments: etcd and kube-apiserver.
fn servers(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().unwrap().as_bytes();
    let processes = Path::new("/proc").read_dir().unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        arguments.windows(folder.len()).any(|part| part == folder)
    })
    .collect()
}
