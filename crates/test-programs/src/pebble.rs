//! Pebble itself as a process, at the version that Juju 4.0.15 carries.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::go;

/// Longest wait for its socket, and for its end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Pebble; it and its services end with this.
#[derive(Debug)]
pub struct Pebble {
    child: Child,
    socket: PathBuf,
    address: String,
}

impl Pebble {
    /// Starts it with everything of its own in a folder, as Juju does: without services, and with
    /// a port that says whether it is well.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(go::pebble()?);
        command.env("PEBBLE", folder.join("default"));
        let socket = folder.join("pebble.socket");
        command.env("PEBBLE_SOCKET", &socket);
        Self::run(command, &socket)
    }

    /// Starts it in a container that is a folder: its files and programs are below that one. This
    /// needs root. `socket` is from the container's root.
    pub fn start_in(root: &Path, socket: &Path, kubeconfig: &str) -> anyhow::Result<Self> {
        let program = root.join("charm/bin/pebble");
        std::fs::create_dir_all(root.join("charm/bin"))?;
        std::fs::copy(go::pebble()?, &program)?;
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg(root).arg("/charm/bin/pebble");
        command.env_clear().env("PEBBLE", "/var/lib/pebble/default");
        command.env("PEBBLE_SOCKET", Path::new("/").join(socket)).env("KUBECONFIG", kubeconfig);
        Self::run(command, &root.join(socket))
    }

    fn run(mut command: Command, socket: &Path) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = command
            .args(["run", "--create-dirs", "--hold", "--http", &address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting Pebble")?;
        let mut pebble = Self { child, socket: socket.to_owned(), address };
        let started = Instant::now();
        while UnixStream::connect(socket).is_err() {
            if started.elapsed() > PATIENCE || pebble.child.try_wait()?.is_some() {
                bail!("Pebble does not listen at {}", socket.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(pebble)
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where it says whether it is well, `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        // It takes its services with it.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
