//! A control plane: etcd and kube-apiserver, as processes of their own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::build::kubebox;
use crate::load::Loader;
use crate::pki;
use crate::ports::free_ports;

/// Longest wait for the API server.
const READY_DEADLINE: Duration = Duration::from_secs(120);

/// Version of the Gateway API that istiod is built with.
const GATEWAY_API: &str = "v1.6.0";
/// Version of the definitions of OpenReports.
const OPEN_REPORTS: &str = "v0.2.1";

/// Creates objects of a file as the API server validates them; kubectl would read all of OpenAPI
/// to do it first.
const CREATE: [&str; 4] = ["create", "--validate=false", "-f", "-"];

/// Growth of the heap between two collections, in percent; 100 as shipped.
pub(crate) const SELDOM: &str = "400";

/// File of the log of requests.
const AUDIT_LOG: &str = "audit.log";

/// A request, from the API server's audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// RBAC's verb, such as `list` or `watch`.
    pub verb: String,
    /// Plural name of the kind; empty for paths of no kind.
    pub resource: String,
    /// Path and query.
    pub uri: String,
    /// When it came, in RFC 3339.
    pub at: String,
}

/// A running control plane.
pub struct Sandbox {
    pub(crate) directory: tempfile::TempDir,
    port: u16,
    /// etcd and kube-apiserver.
    children: Vec<Child>,
    /// Arguments of kube-apiserver.
    arguments: Vec<String>,
    collection: Collection,
}

/// How often Go's garbage collector runs in the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collection {
    /// A quarter as often: half of what the API server computes until it has loaded a world is
    /// collecting garbage, and tests start many.
    Seldom,
    /// As it is shipped.
    Shipped,
}

impl Sandbox {
    /// Boots a control plane and waits until it answers.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[], Collection::Seldom)
    }

    /// The same with the garbage collector as shipped, to measure what the API server computes.
    pub fn start_to_measure() -> anyhow::Result<Self> {
        Self::start_with(&[], Collection::Shipped)
    }

    /// The same with a log of the requests, see [`Self::requests_of`], and with so many seconds
    /// between compactions of etcd.
    pub fn start_logging_requests(compaction_seconds: u32) -> anyhow::Result<Self> {
        let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\n\
                      omitStages: [ResponseStarted, ResponseComplete]\nrules: [{level: Metadata}]\n";
        let more = [
            ("audit-policy.yaml", policy, "--audit-policy-file"),
            (AUDIT_LOG, "", "--audit-log-path"),
            ("", &format!("{compaction_seconds}s"), "--etcd-compaction-interval"),
        ];
        Self::start_with(&more, Collection::Seldom)
    }

    /// Boots it with more arguments for the API server: the content of a file that the argument
    /// names, or without a file's name the argument's value.
    fn start_with(more: &[(&str, &str, &str)], collection: Collection) -> anyhow::Result<Self> {
        let kubebox = kubebox()?;
        let directory = tempfile::Builder::new().prefix("kube-sandbox-").tempdir()?;
        let root = directory.path();
        pki::write(root)?;
        let [etcd, peer, api] = free_ports()?;
        let (children, arguments) = (Vec::new(), Vec::new());
        let mut sandbox = Self { directory, port: api, children, arguments, collection };
        sandbox.spawn(&kubebox, "etcd", &etcd_arguments(&sandbox.path("etcd"), etcd, peer))?;
        let file = |name: &str| sandbox.path(name).display().to_string();
        let mut arguments = vec![
            format!("--etcd-servers=http://127.0.0.1:{etcd}"),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            format!("--secure-port={api}"),
            // A loopback address cannot be an endpoint.
            "--endpoint-reconciler-type=none".into(),
            "--service-cluster-ip-range=10.96.0.0/16".into(),
            "--authorization-mode=Node,RBAC".into(),
            "--anonymous-auth=false".into(),
            // Nothing makes tokens and accounts for the pods here.
            "--disable-admission-plugins=ServiceAccount".into(),
            "--allow-privileged=true".into(),
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-key-file={}", file("accounts.pub")),
            format!("--service-account-signing-key-file={}", file("accounts.key")),
        ];
        for (name, content, argument) in more {
            let value = match *name {
                "" => (*content).to_owned(),
                name => {
                    fs::write(sandbox.path(name), content)?;
                    file(name)
                }
            };
            arguments.push(format!("{argument}={value}"));
        }
        sandbox.spawn(&kubebox, "kube-apiserver", &arguments)?;
        sandbox.arguments = arguments;
        sandbox.write_kubeconfig("admin", "system:masters")?;
        sandbox.wait()?;
        Ok(sandbox)
    }

    /// Ends the API server as a crash does, and starts it again on the same data.
    pub fn restart_api_server(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.children.pop() {
            child.kill()?;
            child.wait()?;
        }
        let arguments = std::mem::take(&mut self.arguments);
        self.spawn(&kubebox()?, "kube-apiserver", &arguments)?;
        self.arguments = arguments;
        self.wait()
    }

    /// The requests of a user so far, oldest first, as the API server logged them, if it was
    /// started to.
    pub fn requests_of(&self, user: &str) -> anyhow::Result<Vec<LoggedRequest>> {
        let text = fs::read_to_string(self.path(AUDIT_LOG))?;
        let mut all = Vec::new();
        // The last line may not be whole yet.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            let event: serde_json::Value = serde_json::from_str(line)?;
            if event["user"]["username"] == user && event["stage"] == "RequestReceived" {
                let text = |field: &serde_json::Value| field.as_str().unwrap_or_default().into();
                all.push(LoggedRequest {
                    verb: text(&event["verb"]),
                    resource: text(&event["objectRef"]["resource"]),
                    uri: text(&event["requestURI"]),
                    at: text(&event["requestReceivedTimestamp"]),
                });
            }
        }
        Ok(all)
    }

    /// CPU time that the API server has used since its start.
    pub fn api_server_cpu(&self) -> anyhow::Result<Duration> {
        let server = self.children.last().context("the API server runs")?;
        cpu_of(server.id()).context("the API server has ended")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn spawn(&mut self, kubebox: &Path, name: &str, arguments: &[String]) -> anyhow::Result<()> {
        let log = File::create(self.path(&format!("{name}.log")))?;
        let mut command = Command::new(kubebox);
        if self.collection == Collection::Seldom {
            command.env("GOGC", SELDOM);
        }
        let child = command
            .arg(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        self.children.push(child);
        Ok(())
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        let loader = self.loader()?;
        loop {
            if loader.is_ready() {
                return Ok(());
            }
            for index in 0..self.children.len() {
                if let Some(status) = self.children[index].try_wait()? {
                    let name = ["etcd", "kube-apiserver"][index];
                    bail!(
                        "{name} ended with {status}: {}",
                        tail(&self.path(&format!("{name}.log")))
                    );
                }
            }
            if Instant::now() > deadline {
                bail!(
                    "kube-apiserver is not ready after {} s: {}",
                    READY_DEADLINE.as_secs(),
                    tail(&self.path("kube-apiserver.log"))
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Writes a kubeconfig for a user of a group, by a client certificate, and
    /// returns its path.
    pub fn write_kubeconfig(&self, user: &str, group: &str) -> anyhow::Result<PathBuf> {
        let (certificate, key) = pki::client(self.directory.path(), user, group)?;
        let path = self.kubeconfig(user);
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: sandbox\n\
             clusters: [{{name: sandbox, cluster: {{server: 'https://127.0.0.1:{}', certificate-authority: {}}}}}]\n\
             users: [{{name: {user}, user: {{client-certificate: {}, client-key: {}}}}}]\n\
             contexts: [{{name: sandbox, context: {{cluster: sandbox, user: {user}}}}}]\n",
            self.port,
            self.path("ca.crt").display(),
            certificate.display(),
            key.display(),
        );
        File::create(&path)?.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// The kubeconfig of a user; `admin` has one from the start.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.path(&format!("{user}.kubeconfig"))
    }

    /// Installs the definitions of OpenReports, from its Go module.
    pub fn install_open_reports(&self) -> anyhow::Result<()> {
        let module = format!("github.com/openreports/reports-api@{OPEN_REPORTS}");
        let file = downloaded(&module)?.join("config/install.yaml");
        self.kubectl_with(&CREATE, &std::fs::read_to_string(file)?)?;
        self.wait_for_definitions()
    }

    /// Installs the definitions of the Gateway API, from its Go module.
    pub fn install_gateway_api(&self) -> anyhow::Result<()> {
        let module = format!("sigs.k8s.io/gateway-api@{GATEWAY_API}");
        let directory = downloaded(&module)?.join("config/crd/standard");
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("gateway.networking.k8s.io_") && !name.contains("_vap_") {
                self.kubectl_with(&CREATE, &std::fs::read_to_string(&path)?)?;
            }
        }
        self.wait_for_definitions()
    }

    /// Installs Istio's custom resource definitions as Istio ships them, and
    /// waits until the API server serves the kinds.
    pub fn install_istio_definitions(&self) -> anyhow::Result<()> {
        let printed = Command::new(kubebox()?).arg("istio-crds").output()?;
        let definitions = String::from_utf8(printed.stdout)?;
        // Some are larger than the annotation of a client-side apply may be.
        self.kubectl_with(&CREATE, &definitions)?;
        self.wait_for_definitions()
    }

    /// Installs Istio's definitions and these, waits until the API server serves the kinds, and
    /// returns a loader of objects.
    pub fn define(&self, definitions: &[serde_json::Value]) -> anyhow::Result<Loader> {
        let loader = self.loader()?;
        loader.load(definitions)?;
        self.install_istio_definitions()?;
        Ok(loader)
    }

    /// Waits until the API server serves every kind that is defined.
    pub fn wait_for_definitions(&self) -> anyhow::Result<()> {
        self.kubectl_with(
            &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"],
            "",
        )?;
        Ok(())
    }

    /// Runs kubectl as admin.
    pub fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<std::process::Output> {
        Ok(self.kubectl_command()?.args(arguments).stdin(Stdio::null()).output()?)
    }

    /// Runs kubectl as admin with text on its standard input; it must succeed.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut child = self
            .kubectl_command()?
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("stdin is piped")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A kubectl of the admin, to be given arguments and started.
    pub fn kubectl_command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(kubebox()?);
        command.arg("kubectl").arg("--kubeconfig").arg(self.kubeconfig("admin"));
        command.arg("--cache-dir").arg(self.path("kubectl-cache"));
        Ok(command)
    }

    /// A loader of objects, as admin.
    pub fn loader(&self) -> anyhow::Result<Loader> {
        Loader::new(&self.kubeconfig("admin"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// CPU time that a process has used; `None` once it has ended.
pub fn cpu_of(process: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Fields 14 and 15, of which two are before the bracket; a tick is a hundredth.
    let mut fields = text.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 10))
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = fs::File::open(log) {
        let _ = file.read_to_string(&mut text);
    }
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// Arguments of etcd, on these ports.
fn etcd_arguments(data: &Path, client: u16, peer: u16) -> Vec<String> {
    vec![
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls=http://127.0.0.1:{client}"),
        format!("--advertise-client-urls=http://127.0.0.1:{client}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer}"),
        format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
        // A test's data need not survive a power cut.
        "--unsafe-no-fsync=true".into(),
    ]
}

/// Directory of a Go module at a version.
fn downloaded(module: &str) -> anyhow::Result<PathBuf> {
    let printed = std::process::Command::new("go")
        .args(["mod", "download", "-json", module])
        .env("GOFLAGS", "-mod=mod")
        .output()
        .context("running go")?;
    let module: serde_json::Value = serde_json::from_slice(&printed.stdout)?;
    Ok(module["Dir"].as_str().with_context(|| module.to_string())?.into())
}
