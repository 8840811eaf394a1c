//! The remedies by name, in the order in which they are applied.

use std::fmt;
use std::str::FromStr;

macro_rules! remedies {
    ($($(#[$meta:meta])* $variant:ident = $name:literal;)*) => {
        /// A fix that the charm can apply and revert.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Remedy { $($(#[$meta])* $variant,)* }

        impl Remedy {
            /// All remedies, in the order in which they are applied.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Identifier on the command line, in options and in labels.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

remedies! {
    /// The gateway refuses TLS versions and cipher suites below the policy's minimum.
    TlsFloor = "tls-floor";
    /// HTTP requests are redirected to HTTPS.
    HttpsRedirect = "https-redirect";
    /// Responses carry a Strict-Transport-Security header.
    Hsts = "hsts";
    /// Profile and platform namespaces carry Pod Security labels.
    PodSecurityLabels = "pod-security-labels";
    /// Only the profile itself and the platform can reach a profile's pods.
    ProfileNetworkPolicies = "profile-network-policies";
    /// A profile's pods do not reach the cloud's metadata service.
    MetadataEgress = "metadata-egress";
    /// Only the platform can reach the web apps that trust an identity header.
    PlatformNetworkPolicies = "platform-network-policies";
    /// Profile pods accept mutual TLS only.
    MutualTls = "mutual-tls";
    /// The gateway lets only a profile's owner and contributors through to its pods.
    ProfileUsers = "profile-users";
    /// Web apps set the Secure attribute on their cookies.
    SecureCookies = "secure-cookies";
    /// New profiles get a Pod Security Standard.
    ProfileSecurityPolicy = "profile-security-policy";
    /// Dex's static user is disabled once connectors are configured.
    PasswordDatabase = "password-database";
    /// Application options match the values that the policy declares.
    DeclaredOptions = "declared-options";
    /// Options that name images are reset to the charms' defaults.
    DefaultImages = "default-images";
    /// Applications are integrated with the model's telemetry agent.
    CosRelations = "cos-relations";
    /// The controller keeps an audit log of every change.
    ControllerAuditLog = "controller-audit-log";
    /// The platform's model cannot be destroyed by one command.
    DisabledCommands = "disabled-commands";
    /// Options of the model that switch a protection off have their defaults.
    ModelConfiguration = "model-configuration";
    /// Long-lived service account tokens are deleted.
    ServiceAccountTokens = "service-account-tokens";
    /// Role bindings in profiles that neither Kubeflow nor the policy accounts for are deleted.
    ForeignRoleBindings = "foreign-role-bindings";
    /// AuthorizationPolicies that allow every request are deleted.
    WildcardPolicies = "wildcard-policies";
}

impl Remedy {
    /// All names, comma-separated, for messages.
    pub fn names() -> String {
        let names = Self::ALL.iter().map(|remedy| remedy.name());
        names.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not a remedy's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not one of {}", Remedy::names())]
pub struct UnknownRemedy {
    /// The name.
    pub name: String,
}

impl FromStr for Remedy {
    type Err = UnknownRemedy;

    fn from_str(text: &str) -> Result<Self, UnknownRemedy> {
        let known = Self::ALL.iter().find(|remedy| remedy.name() == text);
        known.copied().ok_or_else(|| UnknownRemedy { name: text.to_owned() })
    }
}
