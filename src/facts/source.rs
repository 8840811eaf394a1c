//! Which cluster to read, and why one cannot be read at all.

use std::path::PathBuf;

use super::known::Unknown;

/// Cluster to read; by default that of the current kubeconfig, or of the pod's service account.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Path of the kubeconfig.
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; by default the current one.
    pub context: Option<String>,
    /// User to impersonate, instead of the kubeconfig's.
    pub impersonate: Option<String>,
    /// Groups to impersonate with it.
    pub impersonate_groups: Vec<String>,
}

/// Errors of reading a cluster at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The kubeconfig is missing or invalid, or lacks the context.
    #[error("kubeconfig {path}: {message}")]
    Kubeconfig {
        /// Path of the kubeconfig.
        path: String,
        /// Cause, without content of the file.
        message: String,
    },
    /// Neither a kubeconfig nor a pod's service account.
    #[error("no cluster: {0} does not exist; pass --kubeconfig, set KUBECONFIG, or run in a pod")]
    NoCluster(String),
    /// The client could not be created.
    #[error("kubernetes client: {0}")]
    Client(String),
    /// The API server rejects the credentials.
    #[error(
        "the API server {server} rejects the credentials of the kubeconfig (401: {message}); they \
         have expired or belong to another cluster: log in again with your provider's tool, or get \
         a new kubeconfig, and check with `kubectl auth whoami`"
    )]
    LoginExpired {
        /// URL of the API server.
        server: String,
        /// Message of the API server.
        message: String,
    },
    /// The API server denies access even to its version.
    #[error(
        "the API server {server} denies this account all access, even to its version ({message}); \
         bind a role to the account that allows what an audit reads"
    )]
    Refused {
        /// URL of the API server.
        server: String,
        /// Message of the API server.
        message: String,
    },
    /// The API server does not respond.
    #[error(
        "the API server {server} did not respond ({why}); check that it is running and reachable"
    )]
    Unreachable {
        /// URL of the API server.
        server: String,
        /// Cause.
        why: Unknown,
    },
    /// The API server did not finish within the deadline.
    #[error("the API server {server} could not be read within {seconds} s")]
    Deadline {
        /// URL of the API server.
        server: String,
        /// The deadline in seconds.
        seconds: u64,
    },
}
