//! Servers that end with the command that started them, whatever ends it: the command runs again
//! as the leader of a process group with a temporary folder of its own, and both are cleared away.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Set for the command that runs in the group.
const INSIDE: &str = "CKF_XTASK_GROUP";
/// Exit status of a command that Ctrl-C ended, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs `body` in a process group of its own. Ctrl-C, SIGTERM, an error and the end of `body` all
/// end every process of the group, and remove what it wrote to its temporary folder.
pub fn run(body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    if std::env::var_os(INSIDE).is_some() {
        return body().map(|()| ExitCode::SUCCESS);
    }
    let folder = tempfile::Builder::new().prefix("ckf-xtask-").tempdir()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .context("starting the process group")?;
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let (interrupted, interruption) = std::sync::mpsc::channel();
    ctrlc::set_handler(move || {
        // The group may have ended by itself.
        let _ = killpg(group, Signal::SIGTERM);
        let _ = interrupted.send(());
    })?;
    let status = child.wait()?;
    // What the leader has left, as a server whose parent was ended. None is the normal case.
    let _ = killpg(group, Signal::SIGKILL);
    folder.close().context("removing the temporary folder")?;
    if interruption.try_recv().is_ok() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    match status.code() {
        Some(code) => Ok(ExitCode::from(u8::try_from(code)?)),
        None => bail!("it ended with {status}"),
    }
}
