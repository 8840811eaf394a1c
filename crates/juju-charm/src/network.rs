//! Addresses: `network-get`.

use serde::Deserialize;

use crate::tool::{self, ToolError};

/// Addresses of a binding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Network {
    bind_addresses: Vec<Interface>,
    /// Addresses by which others reach it.
    pub ingress_addresses: Vec<String>,
    /// Networks from which it reaches others, CIDR.
    pub egress_subnets: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Interface {
    addresses: Vec<Address>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Address {
    value: String,
}

/// Reads them for an endpoint, an extra binding, or `juju-info`.
pub fn of_binding(binding: &str) -> Result<Network, ToolError> {
    tool::json("network-get", &["--", binding])
}

impl Network {
    /// The address to listen on. Juju 4.0 lists an empty interface before it.
    pub fn bind_address(&self) -> Option<&str> {
        let addresses = self.bind_addresses.iter().flat_map(|i| &i.addresses);
        addresses.map(|a| a.value.as_str()).find(|a| !a.is_empty())
    }
}
