//! A real istiod, and a real Envoy as the ingress gateway of a namespace.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::build::{envoy, istiod};
use crate::login::Login;
use crate::pki;
use crate::ports::free_ports;
use crate::sandbox::{SELDOM, Sandbox, tail};

/// Longest wait for istiod, and for Envoy's first configuration.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// Namespace of the platform, and of istiod in it.
const NAMESPACE: &str = "kubeflow";
const ACCOUNT: &str = "istio-ingressgateway-workload-service-account";
/// Gateway of the ambient mesh, and the account as which istiod runs it.
const AMBIENT_GATEWAY: &str = "istio-ingress-k8s";
const AMBIENT_ACCOUNT: &str = "istio-ingress-k8s-istio";

/// What serves the ways in: a Deployment of Istio's own Gateways, or one of the Gateway API.
struct Form {
    account: &'static str,
    /// Labels of its pods, by which istiod knows it.
    labels: serde_json::Value,
    has_gateway_api: bool,
}

impl Form {
    fn istio() -> Self {
        let labels = json!({"istio": "ingressgateway", "app": "istio-ingressgateway"});
        Self { account: ACCOUNT, labels, has_gateway_api: false }
    }

    fn gateway_api() -> Self {
        let labels = json!({"gateway.networking.k8s.io/gateway-name": AMBIENT_GATEWAY});
        Self { account: AMBIENT_ACCOUNT, labels, has_gateway_api: true }
    }
}

/// A running gateway. Its listeners have the ports that Gateways name, on a loopback
/// address of its own, so that nothing collides.
pub struct IngressGateway {
    pub(crate) address: Ipv4Addr,
    admin: u16,
    /// Port at which istiod serves configuration.
    pub(crate) istiod: u16,
    children: Vec<Child>,
    /// What the gateway's filter asks for login, if there is such a filter.
    _login: Login,
}

impl IngressGateway {
    /// Starts both beside an API server that has Istio's definitions, and waits until
    /// Envoy has its configuration.
    pub fn start(sandbox: &Sandbox) -> anyhow::Result<Self> {
        Self::start_in(sandbox, MESH)
    }

    /// The same in a mesh of these options, a MeshConfig in YAML.
    pub fn start_in(sandbox: &Sandbox, mesh: &str) -> anyhow::Result<Self> {
        Self::start_as(sandbox, mesh, &Form::istio())
    }

    /// The same for the Gateway of istio-ingress-k8s, beside the Gateway API's definitions; its
    /// listeners of ports 80 and 443 are at 8080 and 8443.
    pub fn start_ambient(sandbox: &Sandbox, mesh: &str) -> anyhow::Result<Self> {
        Self::start_as(sandbox, mesh, &Form::gateway_api())
    }

    fn start_as(sandbox: &Sandbox, mesh: &str, form: &Form) -> anyhow::Result<Self> {
        let root = sandbox.directory.path().join("istio");
        fs::create_dir_all(root.join("cacerts"))?;
        let identity = format!("spiffe://cluster.local/ns/{NAMESPACE}/sa/{}", form.account);
        pki::mesh(&root)?;
        pki::identity(&root, "gateway", &identity)?;
        let [http, https, clear, secure, monitoring, ctrlz] = free_ports()?;
        let [admin] = free_ports()?;
        let [high, low] = admin.to_be_bytes();
        let address = Ipv4Addr::new(127, 77, high, low.clamp(1, 254));
        let login = Login::start()?;
        prepare(sandbox, address, &login, form)?;
        fs::write(root.join("mesh.yaml"), mesh)?;
        let mut gateway =
            Self { address, admin, istiod: secure, children: Vec::new(), _login: login };
        let istiod = istiod()?;
        let local = |port: u16| format!("127.0.0.1:{port}");
        let mut command = Command::new(istiod);
        command.env("GOGC", SELDOM);
        command
            .arg("discovery")
            .arg("--kubeconfig")
            .arg(sandbox.kubeconfig("admin"))
            .arg("--meshConfig")
            .arg(root.join("mesh.yaml"))
            .args(["--domain", "cluster.local", "--ctrlz_address", "127.0.0.1"])
            .args(["--httpAddr", &local(http), "--httpsAddr", &local(https)])
            .args(["--grpcAddr", &local(clear), "--secureGRPCAddr", &local(secure)])
            .args(["--monitoringAddr", &local(monitoring)])
            .args(["--ctrlz_port", &ctrlz.to_string()])
            .envs(istiod_environment(form))
            .env("ROOT_CA_DIR", root.join("cacerts"))
            .current_dir(&root);
        let log = root.join("istiod.log");
        gateway.spawn(&mut command, &log)?;
        gateway.wait("istiod", &log, http, "/ready")?;

        let (account, labels) = (form.account, form.labels.clone());
        let role = Role::Router;
        let node = Node { role, namespace: NAMESPACE, account, name: "gateway", labels };
        gateway.envoy(&root, &node, admin)?;
        Ok(gateway)
    }

    /// Where its listeners are; each has the port that a Gateway names.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Port of Envoy's administration, on 127.0.0.1.
    pub fn admin(&self) -> u16 {
        self.admin
    }

    /// Starts an Envoy as a node of the mesh, and waits until it has its configuration.
    pub(crate) fn envoy(&mut self, root: &Path, node: &Node<'_>, admin: u16) -> anyhow::Result<()> {
        let file = root.join(format!("{}.json", node.name));
        fs::write(&file, bootstrap(root, node, admin, self.istiod).to_string())?;
        let mut command = Command::new(envoy()?);
        command.arg("-c").arg(file).args(["--concurrency", "1", "--use-dynamic-base-id"]);
        let log = root.join(format!("{}.log", node.name));
        self.spawn(&mut command, &log)?;
        self.wait("envoy", &log, admin, "/ready")
    }

    fn spawn(&mut self, command: &mut Command, log: &Path) -> anyhow::Result<()> {
        let log = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        self.children.push(child);
        Ok(())
    }

    /// Waits until the program that was started last says that it is ready.
    fn wait(&mut self, name: &str, log: &Path, port: u16, path: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        while !answers(port, path) {
            let child = self.children.last_mut().context("something was started")?;
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended with {status}: {}", tail(log));
            }
            if Instant::now() > deadline {
                let seconds = READY_DEADLINE.as_secs();
                bail!("{name} is not ready after {seconds} s: {}", tail(log));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for IngressGateway {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether a loopback port answers a request with 200.
fn answers(port: u16, path: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b" 200")
}

const MESH: &str = "\
rootNamespace: kubeflow
trustDomain: cluster.local
enableAutoMtls: false
accessLogFile: /dev/stdout
defaultProviders: {metrics: [], accessLogging: []}
";

/// What the gateway needs in the cluster: that its account may read Secrets, and that
/// its listeners and the login service are on loopback.
fn prepare(sandbox: &Sandbox, address: Ipv4Addr, login: &Login, form: &Form) -> anyhow::Result<()> {
    let [role, binding] = reads_secrets(NAMESPACE, form.account);
    let at = |of: serde_json::Value, port: Option<u16>| {
        let mut socket = json!({"address": address.to_string()});
        if let Some(port) = port {
            socket["port_value"] = port.into();
        }
        json!({"applyTo": "LISTENER", "match": of,
            "patch": {"operation": "MERGE", "value": {"address": {"socket_address": socket}}}})
    };
    let patches = match form.has_gateway_api {
        false => vec![at(json!({"context": "GATEWAY"}), None)],
        // Who runs the tests may not have the right to the lowest ports.
        true => [(80, 8080), (443, 8443)]
            .map(|(port, instead)| {
                let of = json!({"context": "GATEWAY", "listener": {"portNumber": port}});
                at(of, Some(instead))
            })
            .to_vec(),
    };
    let filter = json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
        "metadata": {"name": "sandbox-loopback", "namespace": NAMESPACE},
        "spec": {"workloadSelector": {"labels": form.labels}, "configPatches": patches}});
    sandbox.loader()?.load(&[role, binding, filter, login.filter(&form.labels)])
}

/// What lets a proxy get the certificates that Gateways name: istiod asks the API server whether
/// its account may read Secrets.
pub(crate) fn reads_secrets(namespace: &str, account: &str) -> [serde_json::Value; 2] {
    let group = "rbac.authorization.k8s.io";
    let object = |kind: &str| {
        json!({"apiVersion": format!("{group}/v1"), "kind": kind,
            "metadata": {"name": "sandbox-gateway", "namespace": namespace}})
    };
    let (mut role, mut binding) = (object("Role"), object("RoleBinding"));
    role["rules"] =
        json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]);
    binding["roleRef"] = json!({"apiGroup": group, "kind": "Role", "name": "sandbox-gateway"});
    binding["subjects"] =
        json!([{"kind": "ServiceAccount", "name": account, "namespace": namespace}]);
    [role, binding]
}

/// What a proxy is to istiod.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// A gateway.
    Router,
    /// That of a pod of this address. Nothing is redirected to it, as that needs iptables: it has
    /// the listeners that Sidecars bind.
    Sidecar(Ipv4Addr),
}

/// A proxy, as istiod knows it.
pub(crate) struct Node<'a> {
    pub(crate) role: Role,
    pub(crate) namespace: &'a str,
    pub(crate) account: &'a str,
    /// Of the files with its certificate and key.
    pub(crate) name: &'a str,
    pub(crate) labels: serde_json::Value,
}

fn bootstrap(root: &Path, node: &Node<'_>, admin: u16, istiod: u16) -> serde_json::Value {
    let Node { role, namespace, account, name, labels } = node;
    let (kind, address, interception) = match role {
        Role::Router => ("router", Ipv4Addr::LOCALHOST, "REDIRECT"),
        Role::Sidecar(address) => ("sidecar", *address, "NONE"),
    };
    let file = |name: &str| json!({"filename": root.join(name)});
    let http2 = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}}}});
    let tls = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": "istiod.kubeflow.svc",
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "tls_certificates": [{"certificate_chain": file(&format!("{name}.crt")), "private_key": file(&format!("{name}.key"))}],
            "validation_context": {"trusted_ca": file("cacerts/root-cert.pem"),
                "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "istiod.kubeflow.svc"}}]}}});
    let at = |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let ads = json!({"ads": {}, "resource_api_version": "V3"});
    json!({
        "node": {
            // No pod has this name: istiod would take the labels of that.
            "id": format!("{kind}~{address}~sandbox-{name}.{namespace}~{namespace}.svc.cluster.local"),
            "cluster": format!("{name}.{namespace}"),
            "metadata": {"NAMESPACE": namespace, "SERVICE_ACCOUNT": account, "CLUSTER_ID": "Kubernetes",
                "MESH_ID": "cluster.local", "ISTIO_VERSION": "1.31.0", "LABELS": labels, "INTERCEPTION_MODE": interception}},
        "admin": {"address": at(admin)},
        "dynamic_resources": {
            "ads_config": {"api_type": "GRPC", "set_node_on_first_message_only": true, "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}]},
            "lds_config": ads, "cds_config": ads},
        "static_resources": {"clusters": [{
            "name": "xds-grpc", "type": "STATIC", "connect_timeout": "1s",
            "typed_extension_protocol_options": http2,
            "load_assignment": {"cluster_name": "xds-grpc",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(istiod)}}]}]},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls}}]}
    })
}

/// Variables of istiod.
fn istiod_environment(form: &Form) -> [(&'static str, &'static str); 11] {
    [
        ("POD_NAME", "istiod-0"),
        ("POD_NAMESPACE", NAMESPACE),
        ("CLUSTER_ID", "Kubernetes"),
        ("PILOT_CERT_PROVIDER", "istiod"),
        ("INJECTION_WEBHOOK_CONFIG_NAME", ""),
        ("VALIDATION_WEBHOOK_CONFIG_NAME", ""),
        ("PILOT_ENABLE_GATEWAY_API", if form.has_gateway_api { "true" } else { "false" }),
        // Nothing here would run the Deployments that it makes of Gateways.
        ("PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER", "false"),
        // Envoy as it is on PyPI has none of Istio's own filters.
        ("PILOT_ENABLE_METADATA_EXCHANGE", "false"),
        ("PILOT_DISABLE_MX_ALPN", "true"),
        ("PILOT_ENABLE_ALPN_FILTER", "false"),
    ]
}
