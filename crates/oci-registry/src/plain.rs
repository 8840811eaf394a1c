//! Registries that are asked without TLS: those that the caller lists, and no others.

use std::collections::BTreeSet;
use std::str::FromStr;

use reqwest::Url;

/// A registry without TLS, `HOST` for port 80 or `HOST:PORT`. It is asked without a login, and what it
/// says can be changed on the way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlainHost(String);

/// What is wrong with such a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host; expected HOST or HOST:PORT, as registry.example.internal:5000")]
pub struct PlainHostError(String);

impl FromStr for PlainHost {
    type Err = PlainHostError;

    fn from_str(text: &str) -> Result<Self, PlainHostError> {
        let wrong = || PlainHostError(text.to_owned());
        let name = text.trim().to_ascii_lowercase();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(wrong());
        }
        let url = Url::parse(&format!("http://{name}/")).map_err(|_| wrong())?;
        let own = PlainHosts::name(&url).ok_or_else(wrong)?;
        // An address in another notation than URLs have would never be met.
        match own == name.strip_suffix(":80").unwrap_or(&name) {
            true => Ok(Self(own)),
            false => Err(wrong()),
        }
    }
}

impl PlainHost {
    /// The host, with its port if that is not 80.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct PlainHosts(BTreeSet<PlainHost>);

impl PlainHosts {
    pub(crate) fn new(all: &[PlainHost]) -> Self {
        Self(all.iter().cloned().collect())
    }

    /// Host and port of a URL without TLS.
    fn name(url: &Url) -> Option<String> {
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }

    /// Whether one is at this address, `HOST[:PORT]`.
    pub(crate) fn lists(&self, address: &str) -> bool {
        Url::parse(&format!("http://{address}/")).is_ok_and(|url| self.has(&url))
    }

    /// Whether a URL without TLS is of one of them.
    pub(crate) fn has(&self, url: &Url) -> bool {
        let name = Self::name(url).filter(|_| url.scheme() == "http");
        name.is_some_and(|name| self.0.contains(&PlainHost(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_listed_with_its_port_and_by_no_pattern() {
        let all = ["registry.lan:5000", "Mirror.lan", "other.lan:80", "[fd00::1]:5000"];
        let hosts = PlainHosts::new(&all.map(|text| text.parse().unwrap()));
        for address in
            ["registry.lan:5000", "mirror.lan", "MIRROR.lan:80", "other.lan", "[fd00::1]:5000"]
        {
            assert!(hosts.lists(address), "{address}");
        }
        for address in
            ["registry.lan", "registry.lan:5001", "mirror.lan:443", "a.registry.lan:5000", ""]
        {
            assert!(!hosts.lists(address), "{address}");
        }
        for text in [
            "",
            "*",
            "*.lan",
            "http://registry.lan",
            "registry.lan/hub",
            "a b",
            "a,b",
            "127.1",
            "me@lan",
            ":5000",
        ] {
            assert!(text.parse::<PlainHost>().is_err(), "{text}");
        }
    }
}
