//! The login service behind the gateway's filter, as oidc-gatekeeper answers Envoy: a
//! session goes on, the paths of login itself go on, anything else is sent to log in.
//!
//! No registry carries oidc-gatekeeper's workload, so this stands in for it.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// A cookie that the service takes for a session.
pub const SESSION: &str = "authservice_session=sandbox";
/// Paths that need no session.
const OPEN: [&str; 2] = ["/dex/", "/authservice/"];
/// Name of the service's cluster, as istiod gives it to Envoy.
const CLUSTER: &str = "outbound|8080||oidc-gatekeeper.kubeflow.svc.cluster.local";

/// A running login service, on loopback.
pub(crate) struct Login {
    port: u16,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Login {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let ends = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&ends);
        let serve = move || {
            for stream in listener.incoming() {
                if is_stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away is none of the service's trouble.
                let _ = stream.and_then(|stream| answer(&stream));
            }
        };
        let thread = Some(std::thread::spawn(serve));
        Ok(Self { port, ends, thread })
    }

    /// The filter that has Envoy find the service where it is: no pod runs it, and a Service
    /// leads to no loopback address.
    pub(crate) fn filter(&self, gateway: &Value) -> Value {
        let of_service = json!({"context": "GATEWAY", "cluster": {
            "service": "oidc-gatekeeper.kubeflow.svc.cluster.local", "portNumber": 8080}});
        let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": self.port}});
        let cluster = json!({"name": CLUSTER, "type": "STATIC", "connect_timeout": "1s",
            "load_assignment": {"cluster_name": CLUSTER,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}});
        json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
            "metadata": {"name": "sandbox-login", "namespace": "kubeflow"},
            "spec": {"workloadSelector": {"labels": gateway}, "configPatches": [
                {"applyTo": "CLUSTER", "match": of_service, "patch": {"operation": "REMOVE"}},
                {"applyTo": "CLUSTER", "match": {"context": "GATEWAY"}, "patch": {"operation": "ADD", "value": cluster}}]}})
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // The thread sees it with the next connection.
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let lines = BufReader::new(stream).lines();
    let head: Vec<String> =
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let request = head.first().map(String::as_str).unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let has_session = head.iter().any(|line| {
        line.split_once(": ").is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("cookie") && value.contains(SESSION)
        })
    });
    let is_open = OPEN.iter().any(|open| path.starts_with(open));
    let answer = if has_session {
        "200 OK\r\nkubeflow-userid: user@example.com".to_owned()
    } else if is_open {
        "200 OK".to_owned()
    } else {
        let to = "/dex/auth?client_id=authservice-oidc&response_type=code";
        format!("302 Found\r\nLocation: {to}")
    };
    let rest = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("HTTP/1.1 {answer}\r\n{rest}").as_bytes())
}
