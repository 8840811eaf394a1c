//! `catalogue`: an entry in the COS catalogue.

use juju_charm::relation::Databag;

/// Application databag.
pub fn application(url: &str) -> Databag {
    [
        ("name", "Hardening"),
        ("description", "Compliance of Charmed Kubeflow with its security guide"),
        ("url", url),
        ("icon", "shield-check"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
