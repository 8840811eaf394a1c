//! Ports as several kinds refer to them.

use serde::{Deserialize, Serialize};

use crate::text::Interned;

/// A port by number or name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortRef {
    /// Number.
    Number(u16),
    /// Name of a container's port.
    Name(Interned),
}

/// The port is absent.
pub(super) fn is_zero(value: &u16) -> bool {
    *value == 0
}
