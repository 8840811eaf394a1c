//! Host names and addresses in certificates.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// A subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Name {
    /// A DNS name, in lower case.
    Dns(String),
    /// A wildcard for one label below this DNS name.
    Wildcard(String),
    /// An IP address.
    Ip(IpAddr),
}

/// A text that is not a host name, wildcard or address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a host name, wildcard or address; expected for example kubeflow.example.com, *.example.com or 10.0.0.1"
)]
pub struct InvalidName(pub String);

impl Name {
    /// Whether permission for this name includes the other.
    pub fn permits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Wildcard(parent), Self::Dns(name)) => name
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            (this, other) => this == other,
        }
    }

    /// The name in a name constraint, where a DNS name includes all subdomains.
    pub fn base(&self) -> Self {
        match self {
            Self::Wildcard(parent) => Self::Dns(parent.clone()),
            other => other.clone(),
        }
    }

    /// Whether it equals `base` or is a subdomain of it.
    pub fn is_within(&self, base: &Self) -> bool {
        match (self.base(), base) {
            (Self::Dns(name), Self::Dns(base)) => {
                name == *base
                    || name.strip_suffix(base.as_str()).is_some_and(|front| front.ends_with('.'))
            }
            (name, base) => name == *base,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Wildcard(parent) => write!(f, "*.{parent}"),
            Self::Ip(address) => write!(f, "{address}"),
        }
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let (is_wildcard, host) = match text.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, text),
        };
        let is_dns = rustls_pki_types::DnsName::try_from(host).is_ok();
        // A wildcard of a top-level domain would cover all of it.
        if !is_dns || is_wildcard && !host.contains('.') {
            return Err(InvalidName(text.to_owned()));
        }
        let host = host.to_ascii_lowercase();
        Ok(match is_wildcard {
            true => Self::Wildcard(host),
            false => Self::Dns(host),
        })
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn wildcard_permits_one_label() {
        let wildcard = name("*.example.com");
        assert!(wildcard.permits(&name("a.EXAMPLE.com")) && wildcard.permits(&wildcard));
        for other in ["example.com", "a.b.example.com", "aexample.com", "10.0.0.1"] {
            assert!(!wildcard.permits(&name(other)), "{other}");
        }
    }

    #[test]
    fn invalid_name_is_rejected() {
        for text in ["", "istio-pilot/0", "*.com", "*", "a b", "*.*.example.com", "10.0.0.1/8"] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn constraint_covers_subdomains() {
        assert!(name("*.example.com").is_within(&name("example.com")));
        assert!(name("a.example.com").is_within(&name("example.com")));
        assert!(!name("badexample.com").is_within(&name("example.com")));
        assert!(!name("10.0.0.1").is_within(&name("10.0.0.2")));
    }
}
