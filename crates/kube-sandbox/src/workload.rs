//! A real Envoy in front of a workload of a namespace, so that policies of the mesh are seen to
//! admit or deny.
//!
//! A sidecar needs iptables. Envoy here listens as a gateway of that namespace instead, to which
//! istiod gives the same policies, by the namespace and labels of the proxy.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::gateway::{IngressGateway, Node, Role, reads_secrets};
use crate::pki;
use crate::ports::free_ports;
use crate::sandbox::Sandbox;

/// Service account of the workloads.
const ACCOUNT: &str = "default-editor";
/// Port at which callers with an identity of the mesh are served.
const MUTUAL: u16 = 8443;

/// The caller of a workload.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// A pod with a sidecar, by its namespace and service account.
    OfMesh(&'a str, &'a str),
    /// A pod without one.
    Plain,
}

/// A workload behind a proxy of the mesh.
pub struct Workload {
    address: Ipv4Addr,
    port: u16,
    mesh: PathBuf,
}

impl Workload {
    /// Starts a proxy for a workload of these labels that is called at this port; it ends with
    /// the gateway, whose istiod configures it.
    pub fn start(
        sandbox: &Sandbox,
        gateway: &mut IngressGateway,
        namespace: &str,
        labels: &Value,
        port: u16,
    ) -> anyhow::Result<Self> {
        let [admin] = free_ports()?;
        let [high, low] = admin.to_be_bytes();
        let address = Ipv4Addr::new(127, 78, high, low.clamp(1, 254));
        let mesh = sandbox.directory.path().join("istio");
        let name = format!("workload-{admin}");
        let identity = format!("spiffe://cluster.local/ns/{namespace}/sa/{ACCOUNT}");
        pki::identity(&mesh, &name, &identity)?;
        let mut all = labels.clone();
        all["sandbox"] = name.as_str().into();
        let [role, binding] = reads_secrets(namespace, ACCOUNT);
        let text = |file: String| std::fs::read_to_string(mesh.join(file));
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"tls.crt": text(format!("{name}.crt"))?, "tls.key": text(format!("{name}.key"))?,
                "ca.crt": text("cacerts/root-cert.pem".into())?}});
        let server = |port: u16, protocol: &str| {
            json!({"hosts": ["*"], "bind": address.to_string(),
            "port": {"name": format!("p{port}"), "number": port, "protocol": protocol}})
        };
        let mut mutual = server(MUTUAL, "HTTPS");
        mutual["tls"] = json!({"mode": "MUTUAL", "credentialName": name});
        let networking = "networking.istio.io/v1beta1";
        let metadata = json!({"name": name, "namespace": namespace});
        let opened = json!({"apiVersion": networking, "kind": "Gateway", "metadata": metadata,
            "spec": {"selector": {"sandbox": name}, "servers": [server(port, "HTTP"), mutual]}});
        let answer = json!({"apiVersion": networking, "kind": "VirtualService", "metadata": metadata,
            "spec": {"hosts": ["*"], "gateways": [format!("{namespace}/{name}")],
                "http": [{"directResponse": {"status": 200, "body": {"string": "reached"}}}]}});
        sandbox.loader()?.load(&[role, binding, secret, opened, answer])?;
        let role = Role::Router;
        let node = Node { role, namespace, account: ACCOUNT, name: &name, labels: all };
        gateway.envoy(&mesh, &node, admin)?;
        Ok(Self { address, port, mesh })
    }

    /// Status that a GET of a path is answered with, for a user that the header names unless it
    /// is empty; `None` if nothing answers.
    pub fn get(&self, caller: Caller<'_>, path: &str, user: &str) -> anyhow::Result<Option<u16>> {
        let user = match user {
            "" => String::new(),
            user => format!("kubeflow-userid: {user}\r\n"),
        };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: sandbox\r\n{user}Connection: close\r\n\r\n");
        let answer = match caller {
            Caller::Plain => self.plain(&request)?,
            Caller::OfMesh(namespace, account) => self.mutual(namespace, account, &request)?,
        };
        let status = answer.split("HTTP/1.1 ").nth(1).and_then(|rest| rest.get(..3));
        Ok(status.and_then(|status| status.parse().ok()))
    }

    fn plain(&self, request: &str) -> anyhow::Result<String> {
        let mut answer = String::new();
        let Ok(mut stream) = TcpStream::connect((self.address, self.port)) else {
            return Ok(answer);
        };
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(request.as_bytes())?;
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn mutual(&self, namespace: &str, account: &str, request: &str) -> anyhow::Result<String> {
        let name = format!("caller-{namespace}-{account}");
        let file = |end: &str| self.mesh.join(format!("{name}.{end}"));
        if !file("key").exists() {
            let identity = format!("spiffe://cluster.local/ns/{namespace}/sa/{account}");
            pki::identity(&self.mesh, &name, &identity)?;
        }
        let mut child = Command::new("openssl")
            .args(["s_client", "-connect", &format!("{}:{MUTUAL}", self.address), "-quiet"])
            .args(["-servername", "sandbox", "-ign_eof"])
            .arg("-cert")
            .arg(file("crt"))
            .arg("-key")
            .arg(file("key"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("running openssl; install OpenSSL 3")?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        // A handshake that is refused closes it.
        let _ = stdin.write_all(request.as_bytes());
        drop(stdin);
        let output = child.wait_with_output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
