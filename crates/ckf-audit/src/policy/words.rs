//! Host names and thresholds, as options and the command line have them.

use super::error::HostnameError;
use crate::catalog::{Severity, UnknownSeverity};

/// Parses a host name, without scheme, port or wildcard.
pub fn parse_hostname(text: &str) -> Result<String, HostnameError> {
    match rustls_pki_types::ServerName::try_from(text) {
        Ok(_) if !text.contains(':') => Ok(text.to_ascii_lowercase()),
        _ => Err(HostnameError(text.to_owned())),
    }
}

/// Parses the severity from which open findings count; `None` for never.
pub fn parse_threshold(text: &str) -> Result<Option<Severity>, UnknownSeverity> {
    match text.trim() {
        "never" | "none" => Ok(None),
        other => other.parse().map(Some),
    }
}
