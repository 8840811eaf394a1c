//! A real Envoy as the sidecar of a pod, with the listeners that Sidecars bind to its address.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::gateway::{IngressGateway, Node, Role};
use crate::pki;
use crate::ports::free_ports;
use crate::sandbox::Sandbox;

/// Service account of the pod.
const ACCOUNT: &str = "default-editor";

/// The sidecar of a pod. Nothing is redirected to it, so only Sidecars of captureMode NONE that bind
/// its address are served; without one istiod has it listen for every Service on 127.0.0.1. No agent
/// gives it certificates: a listener that needs some waits forever.
pub struct SidecarProxy {
    address: Ipv4Addr,
    admin: u16,
}

impl SidecarProxy {
    /// One that is not running yet, with an address of its own.
    pub fn new() -> anyhow::Result<Self> {
        let [admin] = free_ports()?;
        let [high, low] = admin.to_be_bytes();
        Ok(Self { address: Ipv4Addr::new(127, 79, high, low.clamp(1, 254)), admin })
    }

    /// Starts it for a pod with these labels; it ends with the gateway, whose istiod configures it.
    pub fn start(
        &self,
        sandbox: &Sandbox,
        gateway: &mut IngressGateway,
        namespace: &str,
        labels: Value,
    ) -> anyhow::Result<()> {
        let Self { address, admin } = *self;
        let mesh = sandbox.directory.path().join("istio");
        let name = format!("sidecar-{admin}");
        let identity = format!("spiffe://cluster.local/ns/{namespace}/sa/{ACCOUNT}");
        pki::identity(&mesh, &name, &identity)?;
        let role = Role::Sidecar(address);
        let node = Node { role, namespace, account: ACCOUNT, name: &name, labels };
        gateway.envoy(&mesh, &node, admin)
    }

    /// Address of the pod.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Port of Envoy's administration, on 127.0.0.1.
    pub fn admin(&self) -> u16 {
        self.admin
    }
}
