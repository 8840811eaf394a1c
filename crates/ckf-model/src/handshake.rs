//! What clients of the gateway are served: TLS versions, cipher suites, certificates, HTTP.

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::tls::TlsVersion;

/// What a client of the gateway observes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Address and port of the connection.
    pub at: String,
    /// Requested host name, if any.
    pub host: Option<String>,
    /// TLS version and cipher suite negotiated with a modern client, in OpenSSL's names.
    pub agreed: Option<(String, String)>,
    /// Certificate chain of the server, leaf first.
    pub chain: Vec<Certificate>,
    /// Verification error of the chain, with its last certificate as the root.
    pub broken_chain: Option<String>,
    /// TLS versions that the server accepts.
    pub versions: Vec<TlsVersion>,
    /// Weak cipher suites that the server accepts, each with its TLS version.
    pub weak: Vec<String>,
    /// Value of the response header Strict-Transport-Security.
    pub hsts: Option<String>,
    /// Response to plain HTTP; `None` if nothing listens.
    pub clear: Option<Clear>,
}

/// Response to a plain HTTP request: the last one, after redirects to other paths of the
/// gateway, such as those of the login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Clear {
    /// HTTP status.
    pub status: u16,
    /// Value of the response header Location.
    pub location: Option<String>,
}

/// What the server of a webhook presents to a client inside of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct WebhookServer {
    /// Namespace of the Service.
    pub namespace: String,
    /// Name of the Service.
    pub service: String,
    /// Port of the Service.
    pub port: u16,
    /// Certificate chain of the server, leaf first; empty if none was got.
    pub chain: Vec<Certificate>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What is wrong with the chain for a client that trusts a caBundle and calls the Service by
    /// its name, by digest of the caBundle.
    pub refused: std::collections::BTreeMap<String, String>,
}
