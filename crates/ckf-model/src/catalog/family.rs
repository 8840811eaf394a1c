//! Families of controls, and where their facts come from.

use serde::Deserialize;

/// What a control's facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The Kubernetes API.
    Kubernetes,
    /// Juju's API.
    Juju,
    /// A record of what ran before.
    Ledger,
    /// An image registry, or Charmhub.
    Registry,
    /// COS's Prometheus.
    Prometheus,
    /// An attestation in the policy.
    Attestation,
    /// The policy itself.
    Policy,
}

impl Source {
    /// Name of what is queried.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "cluster",
            Self::Juju => "juju",
            Self::Ledger => "ledger",
            Self::Registry => "registry",
            Self::Prometheus => "prometheus",
            Self::Attestation => "attestation",
            Self::Policy => "policy",
        }
    }
}

/// A family of controls: the first part of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `K8S`: Kubernetes itself.
    Kubernetes,
    /// `JUJU`: Juju's models and applications.
    Juju,
    /// `CLOUD`: Juju's credential for the cloud.
    Cloud,
    /// `CRED`: passwords, keys and tokens.
    Credentials,
    /// `IMG`: base images.
    Images,
    /// `UPG`: security upgrades.
    Upgrades,
    /// `TLS`: encryption on the gateway.
    Tls,
    /// `AUTHN`: authentication.
    Authentication,
    /// `AUTHZ`: authorisation.
    Authorisation,
    /// `PSS`: Pod Security Standards and what they are about.
    Pods,
    /// `NET`: the network.
    Network,
    /// `CRYP`: cryptography beside the gateway's.
    Cryptography,
    /// `OBS`: monitoring and auditing.
    Monitoring,
    /// `POL`: the policy itself.
    Policy,
}

impl Family {
    /// All, in the order of the guide and of reports.
    pub const ALL: [Self; 14] = [
        Self::Kubernetes,
        Self::Juju,
        Self::Cloud,
        Self::Credentials,
        Self::Images,
        Self::Upgrades,
        Self::Tls,
        Self::Authentication,
        Self::Authorisation,
        Self::Pods,
        Self::Network,
        Self::Cryptography,
        Self::Monitoring,
        Self::Policy,
    ];

    /// First part of the ids of its controls.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Kubernetes => "K8S",
            Self::Juju => "JUJU",
            Self::Cloud => "CLOUD",
            Self::Credentials => "CRED",
            Self::Images => "IMG",
            Self::Upgrades => "UPG",
            Self::Tls => "TLS",
            Self::Authentication => "AUTHN",
            Self::Authorisation => "AUTHZ",
            Self::Pods => "PSS",
            Self::Network => "NET",
            Self::Cryptography => "CRYP",
            Self::Monitoring => "OBS",
            Self::Policy => "POL",
        }
    }

    /// Folder of its controls in `src/controls`.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Juju => "juju",
            Self::Cloud => "cloud",
            Self::Credentials => "credentials",
            Self::Images => "images",
            Self::Upgrades => "upgrades",
            Self::Tls => "tls",
            Self::Authentication => "authn",
            Self::Authorisation => "authz",
            Self::Pods => "pods",
            Self::Network => "network",
            Self::Cryptography => "cryptography",
            Self::Monitoring => "monitoring",
            Self::Policy => "policy",
        }
    }

    /// The family of a control's id, `FAMILY-NN`; `None` for an id of another form.
    pub fn of(id: &str) -> Option<Self> {
        let (prefix, number) = id.split_once('-')?;
        let is_number = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
        Self::ALL.into_iter().find(|family| is_number && family.prefix() == prefix)
    }
}
