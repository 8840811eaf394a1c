//! `certificate_transfer`: CA certificates for a peer to trust, and those that a peer sends.
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

/// Application databag of a requirer.
pub fn requirer() -> Databag {
    Databag::from([("version".into(), "1".into())])
}

/// Certificates that a peer sends, PEM: of version 1 by its application, of version 0 by a unit.
/// Texts that are not certificates are left out.
pub fn received<'a>(databags: impl Iterator<Item = &'a Databag>) -> Vec<String> {
    let mut all = Vec::new();
    for databag in databags {
        let list = |key: &str| -> Vec<String> {
            let text = databag.get(key).map(String::as_str).unwrap_or_default();
            serde_json::from_str(text).unwrap_or_default()
        };
        let single = databag.get("ca").cloned();
        for text in list("certificates").into_iter().chain(single) {
            let links = crate::pki::chain::certificates(text.as_bytes()).unwrap_or_default();
            all.extend(links.into_iter().map(|link| link.pem));
        }
    }
    all.sort();
    all.dedup();
    all
}
