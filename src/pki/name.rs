//! Names that a certificate may be for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// A host that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Name {
    /// A DNS name, in lower case.
    Dns(String),
    /// All names of one label more than this one.
    Wildcard(String),
    /// An address.
    Ip(IpAddr),
}

impl Name {
    /// Whether who may use this name may use the other.
    pub fn permits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Wildcard(parent), Self::Dns(name)) => name
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            (own, other) => own == other,
        }
    }

    /// What a name constraint says for it: a DNS name stands for all below it too.
    pub fn base(&self) -> Self {
        match self {
            Self::Wildcard(parent) => Self::Dns(parent.clone()),
            other => other.clone(),
        }
    }

    /// Whether it is this name or one below it.
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let (is_wildcard, host) = match text.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, text),
        };
        let is_dns = rustls::pki_types::DnsName::try_from(host).is_ok();
        // Certificates are for whole names: a wildcard of a top level would be for all of it.
        if !is_dns || is_wildcard && !host.contains('.') {
            return Err(format!(
                "{text:?} is no host name, wildcard or address; expected one like kubeflow.example.com, *.example.com or 10.0.0.1"
            ));
        }
        let host = host.to_ascii_lowercase();
        Ok(match is_wildcard {
            true => Self::Wildcard(host),
            false => Self::Dns(host),
        })
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
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
    fn a_wildcard_permits_names_of_one_label_more() {
        let wildcard = name("*.example.com");
        assert!(wildcard.permits(&name("a.EXAMPLE.com")) && wildcard.permits(&wildcard));
        for other in ["example.com", "a.b.example.com", "aexample.com", "10.0.0.1"] {
            assert!(!wildcard.permits(&name(other)), "{other}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "istio-pilot/0", "*.com", "*", "a b", "*.*.example.com", "10.0.0.1/8"] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_constraint_covers_what_is_below_it() {
        assert!(name("*.example.com").is_within(&name("example.com")));
        assert!(name("a.example.com").is_within(&name("example.com")));
        assert!(!name("badexample.com").is_within(&name("example.com")));
        assert!(!name("10.0.0.1").is_within(&name("10.0.0.2")));
    }
}
