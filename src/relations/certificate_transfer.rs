//! `certificate_transfer`: CA certificates for a peer to trust.
//!
//! Version 1 reads the application databag. Version 0, which a peer speaks unless it announces
//! version 1, reads the unit databag, with one certificate only.

use juju_charm::relation::Databag;

/// Application databag: a list of PEM certificates.
pub fn application(trusted: &[String]) -> Databag {
    // Serializing strings cannot fail.
    let certificates = match trusted {
        [] => String::new(),
        trusted => serde_json::to_string(trusted).unwrap_or_default(),
    };
    Databag::from([("certificates".into(), certificates), ("version".into(), "1".into())])
}

/// Unit databag for a peer of version 0; empty values for others.
pub fn unit(trusted: &[String], remote_application: &Databag) -> Databag {
    let is_old = remote_application.get("version").map(String::as_str) != Some("1");
    let (certificate, chain) = match trusted {
        [first, ..] if is_old => {
            (first.clone(), serde_json::to_string(trusted).unwrap_or_default())
        }
        _ => (String::new(), String::new()),
    };
    let version = match certificate.is_empty() {
        true => "",
        false => "0",
    };
    Databag::from([
        ("ca".into(), certificate.clone()),
        ("certificate".into(), certificate),
        ("chain".into(), chain),
        ("version".into(), version.into()),
    ])
}
