//! `certificate_transfer`: the authorities that a peer is to trust.
//!
//! Version 1 reads the application's databag; version 0, of which a peer is that does not
//! name version 1, the unit's, and one certificate only.

use juju_charm::relation::Databag;

/// What the application writes: a list of PEM texts, one certificate each.
pub fn application(trusted: &[String]) -> Databag {
    // Texts cannot fail to be written.
    let certificates = match trusted {
        [] => String::new(),
        trusted => serde_json::to_string(trusted).unwrap_or_default(),
    };
    Databag::from([("certificates".into(), certificates), ("version".into(), "1".into())])
}

/// What a unit writes for a peer of version 0; nothing for others.
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
