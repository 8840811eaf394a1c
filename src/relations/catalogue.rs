//! `catalogue`: a tile in COS's catalogue.

use juju_charm::relation::Databag;

/// What the application writes.
pub fn application(url: &str) -> Databag {
    [
        ("name", "Hardening"),
        ("description", "How Charmed Kubeflow stands by its security guide"),
        ("url", url),
        ("icon", "shield-check"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
