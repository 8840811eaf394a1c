//! Tests of the charm, by a simulated Juju: hooks, actions and the controller, with or without a
//! cluster.

mod certificates;
mod cos;
mod juju;
mod juju_settings;
mod life;
mod login_trust;
mod minio;
mod real_juju;
mod rotation;
mod tls_secret;

use std::path::{Path, PathBuf};

/// A kubeconfig of a cluster that is not there.
fn nowhere(directory: &Path) -> PathBuf {
    let path = directory.join("config");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
        users: [{name: c, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n";
    std::fs::write(&path, text).unwrap();
    path
}
