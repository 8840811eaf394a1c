//! Charmed Kubeflow worlds for tests: what a cluster holds after a stock
//! deployment, and after it was hardened. Digests and keys are invented.

mod ambient;
mod charms;
mod hardened;
pub mod istio_pilot;
mod large;
mod mesh;
mod network_kinds;
mod pki;
mod platform;
mod profile;
mod tenant;

use serde_json::{Value, json};

pub use self::ambient::{
    INGRESS as AMBIENT_INGRESS, ambient_profile, ambient_release, ambient_tenant,
};
pub use self::hardened::{HOST, JUJU, SOURCE_RANGE};
pub use self::pki::{
    Authority, Tls, mesh_ca, p521, secp256k1, self_signed, sha1, tls, weak_rsa, world_ca,
};
pub use self::profile::{contributor, owned_by, profile};
pub use self::tenant::tenant;

/// The platform's namespace.
pub const NAMESPACE: &str = "kubeflow";

/// A release's data, from the catalogue.
pub fn release(name: &str) -> Value {
    let text = match name {
        "1.10" => include_str!("../../../catalog/releases/1.10.yaml"),
        "1.11" => include_str!("../../../catalog/releases/1.11.yaml"),
        "latest" => include_str!("../../../catalog/releases/latest.yaml"),
        other => panic!("no world of release {other}"),
    };
    serde_yaml::from_str(text).expect("the catalogue is YAML")
}

/// The objects of a cluster.
#[derive(Clone, Debug)]
pub struct World {
    /// The objects.
    pub objects: Vec<Value>,
}

impl World {
    /// A stock deployment of a release, without TLS, with the profile `admin`.
    pub fn stock(name: &str) -> Self {
        let release = release(name);
        let mut objects = platform::objects(&release);
        objects.extend(mesh::objects(&release));
        objects.extend(profile("admin", "admin", &release));
        objects.extend(tenant("admin", &release));
        Self { objects }
    }

    /// A stock deployment of a release in the ambient mesh, likewise.
    pub fn ambient(name: &str) -> Self {
        ambient::ambient(name)
    }

    /// A stock deployment of 1.11 half-way through its migration to the ambient mesh.
    pub fn migrating() -> Self {
        ambient::migrating()
    }

    /// The stock world, hardened: everything that an operator can fix is fixed.
    pub fn hardened(name: &str) -> Self {
        hardened::harden(name)
    }

    /// The stock world with so many profiles more, which share so many pods.
    pub fn large(name: &str, pods: usize, profiles: usize) -> Self {
        large::large(name, pods, profiles)
    }

    /// Definitions of the kinds that charms bring and Istio does not.
    pub fn definitions() -> Vec<Value> {
        vec![profile::definition()]
    }

    /// Definitions of the network policies that Cilium and Kubernetes' Network Policy API bring.
    pub fn network_definitions() -> Vec<Value> {
        network_kinds::definitions()
    }

    /// An object, to change it.
    pub fn get(&mut self, kind: &str, name: &str) -> &mut Value {
        self.objects
            .iter_mut()
            .find(|o| o["kind"] == kind && o["metadata"]["name"] == name)
            .unwrap_or_else(|| panic!("the world has no {kind} {name}"))
    }

    /// Takes an object away.
    pub fn remove(&mut self, kind: &str, name: &str) -> Value {
        let index =
            self.objects.iter().position(|o| o["kind"] == kind && o["metadata"]["name"] == name);
        self.objects.remove(index.unwrap_or_else(|| panic!("the world has no {kind} {name}")))
    }
}

/// An object of a namespace.
pub fn object(api_version: &str, kind: &str, namespace: &str, name: &str, body: Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    merge(&mut object, body);
    object
}

/// Puts the fields of one object into another, maps by field.
pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Text in base64, as Secrets have it.
pub fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// An invented digest that is the same for the same text.
pub fn digest(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let hex: String = Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}
