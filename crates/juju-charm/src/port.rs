//! Ports of the application's Service: `open-port`, `close-port`,
//! `opened-ports`. Writes are buffered.

use crate::tool::{self, ToolError};

/// A port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// TCP.
    Tcp(u16),
    /// UDP.
    Udp(u16),
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(number) => write!(f, "{number}/tcp"),
            Self::Udp(number) => write!(f, "{number}/udp"),
        }
    }
}

impl Port {
    fn parse(text: &str) -> Option<Self> {
        let (number, protocol) = text.split_once('/')?;
        let number = number.parse().ok()?;
        match protocol {
            "tcp" => Some(Self::Tcp(number)),
            "udp" => Some(Self::Udp(number)),
            _ => None,
        }
    }
}

/// Opens a port.
pub fn open(port: Port) -> Result<(), ToolError> {
    tool::run("open-port", &[port.to_string()]).map(drop)
}

/// Closes it.
pub fn close(port: Port) -> Result<(), ToolError> {
    tool::run("close-port", &[port.to_string()]).map(drop)
}

/// The ports that are open; ranges, which Kubernetes has not, are left out.
pub fn opened() -> Result<Vec<Port>, ToolError> {
    let ports: Vec<String> = tool::json("opened-ports", &[])?;
    Ok(ports.iter().filter_map(|text| Port::parse(text)).collect())
}
