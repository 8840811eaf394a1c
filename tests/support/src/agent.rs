//! A running agent beside a real API server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::Value;

use crate::binary;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent.
pub struct Agent {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// The charm's input for it, and what it says.
    pub folder: tempfile::TempDir,
}

impl Agent {
    /// Starts it as administrator, with this input from the charm, and waits for its first audit.
    pub fn start(sandbox: &Sandbox, input: &Value) -> Self {
        Self::start_by(&sandbox.kubeconfig("admin"), input, &[])
    }

    /// Starts it with a kubeconfig and more arguments.
    pub fn start_by(kubeconfig: &Path, input: &Value, more: &[&str]) -> Self {
        Self::start_command(Command::new(binary()), kubeconfig, input, more)
    }

    /// Starts it with so many descriptors and no more.
    pub fn start_with_descriptors(sandbox: &Sandbox, input: &Value, descriptors: u32) -> Self {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(binary());
        Self::start_command(command, &sandbox.kubeconfig("admin"), input, &[])
    }

    /// Starts it with these variables in its environment.
    pub fn start_with_environment(
        sandbox: &Sandbox,
        input: &Value,
        variables: &[(&str, String)],
    ) -> Self {
        let mut command = Command::new(binary());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Self::start_command(command, &sandbox.kubeconfig("admin"), input, &[])
    }

    fn start_command(
        mut command: Command,
        kubeconfig: &Path,
        input: &Value,
        more: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = kube_sandbox::free_port().unwrap();
        write_input(folder.path(), input);
        let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
        let child = command
            // On every address, so that tests may come from others.
            .args(["serve", "--listen", &format!("0.0.0.0:{port}"), "--input"])
            .arg(folder.path())
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(more)
            .env_remove("JUJU_DISPATCH_PATH")
            .env_remove("CKF_HARDENING_LOG")
            .stdout(file("events"))
            .stderr(file("log"))
            .spawn()
            .unwrap();
        let agent = Self { child, address: format!("127.0.0.1:{port}"), folder };
        until("the first audit", || agent.get("/api/v1/report").0 == 200);
        agent
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Replaces its input from the charm.
    pub fn write_input(&self, input: &Value) {
        write_input(self.folder.path(), input);
    }

    /// Status, headers and body.
    pub fn get(&self, path: &str) -> (u16, String, String) {
        let Ok(stream) = TcpStream::connect(&self.address) else {
            return (0, String::new(), String::new());
        };
        ask(stream, path, "Host: localhost\r\n")
    }

    /// The same, from another address of loopback and with these headers.
    pub fn get_from(&self, source: &str, path: &str, headers: &str) -> (u16, String, String) {
        match connect_from(source, &self.address) {
            Ok(stream) => ask(stream, path, headers),
            Err(_) => (0, String::new(), String::new()),
        }
    }

    /// Its report.
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.get("/api/v1/report").2).unwrap()
    }

    /// The value of a series.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").2;
        let value = series(&text, name);
        value.unwrap_or_else(|| panic!("no metric {name} in\n{text}"))
    }

    /// The same, where there may be none yet.
    pub fn metric_or_zero(&self, name: &str) -> f64 {
        series(&self.get("/metrics").2, name).unwrap_or_default()
    }

    /// The sum of all series of a metric.
    pub fn metric_sum(&self, name: &str) -> f64 {
        let text = self.get("/metrics").2;
        let values = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    /// The security events that it has written, oldest first.
    pub fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("events")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Ends it as Pebble does, and returns how long that took.
    pub fn end(mut self) -> Duration {
        let started = Instant::now();
        let status = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}");
        started.elapsed()
    }
}

fn series(text: &str, name: &str) -> Option<f64> {
    let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
    let line = text.lines().find(is_it)?;
    line.rsplit(' ').next()?.parse().ok()
}

fn ask(mut stream: TcpStream, path: &str, headers: &str) -> (u16, String, String) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may be refused before it is asked.
    let _ = write!(stream, "GET {path} HTTP/1.0\r\n{headers}\r\n");
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), head.to_ascii_lowercase(), body.to_owned())
}

/// Connects from an address of this machine.
pub fn connect_from(source: &str, address: &str) -> std::io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source.parse().unwrap(), 0))?;
        let stream = socket.connect(address.parse().unwrap()).await?;
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Ok(stream)
    })
}

/// Something before an API server that can stop, as a hung node or a half-open connection does.
pub struct Stall {
    is_stopped: Arc<AtomicBool>,
    /// A kubeconfig that leads through it.
    pub kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
}

impl Stall {
    /// Before an API server.
    pub fn before(sandbox: &Sandbox) -> Self {
        let text = std::fs::read_to_string(sandbox.kubeconfig("admin")).unwrap();
        let (_, rest) = text.split_once("https://").unwrap();
        let (server, _) = rest.split_once('\'').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let through = listener.local_addr().unwrap().to_string();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, text.replace(server, &through)).unwrap();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (server, stopped) = (server.to_owned(), Arc::clone(&is_stopped));
        // They end with the process of the tests.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&server) else {
                    return;
                };
                let clones = (client.try_clone().unwrap(), server.try_clone().unwrap());
                for (from, to) in [(client, server), (clones.1, clones.0)] {
                    let stopped = Arc::clone(&stopped);
                    std::thread::spawn(move || pass_on(from, to, &stopped));
                }
            }
        });
        Self { is_stopped, kubeconfig, _folder: folder }
    }

    /// Passes nothing on any more, and closes nothing.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Passes on again.
    pub fn go_on(&self) {
        self.is_stopped.store(false, Ordering::Relaxed);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, is_stopped: &AtomicBool) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        while is_stopped.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_input(folder: &Path, input: &Value) {
    let part = folder.join("input.part");
    std::fs::write(&part, input.to_string()).unwrap();
    std::fs::rename(part, folder.join("input.json")).unwrap();
}

/// Waits until a condition holds; returns how long that took.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
    started.elapsed()
}

/// Runs kubectl as admin; it must succeed.
pub fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.kubectl(arguments).unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A hardened world without the redirect.
pub fn hardened() -> Sandbox {
    let mut world = World::hardened("1.11");
    world.remove("Gateway", "ckf-hardening-https-redirect");
    crate::cluster(&world)
}

/// Changes the EnvoyFilter of the TLS floor by a JSON patch, as an administrator with kubectl would.
pub fn patch_floor(sandbox: &Sandbox, patch: &Value) {
    let of = ["patch", "envoyfilter", "-n", "kubeflow", "ckf-hardening-tls-floor", "--type=json"];
    kubectl(sandbox, &[&of[..], &["-p", &patch.to_string()]].concat());
}

/// The least version of TLS that our EnvoyFilter asks for, if it is there.
pub fn floor(sandbox: &Sandbox) -> Option<String> {
    let path = "jsonpath={.spec.configPatches[0].patch.value.transport_socket.typed_config.common_tls_context.tls_params.tls_minimum_protocol_version}";
    let arguments = ["get", "envoyfilter", "-n", "kubeflow", "ckf-hardening-tls-floor", "-o", path];
    let output = sandbox.kubectl(&arguments).unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
