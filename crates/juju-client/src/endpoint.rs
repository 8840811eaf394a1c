//! Where a controller is, and whom to trust for it.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

/// The name in the certificate of every controller.
const SERVER_NAME: &str = "juju-apiserver";
/// The port of a controller's API where an address names none.
const PORT: u16 = 17070;
/// More addresses than a controller has, and fewer than would be a flood.
const MOST_ADDRESSES: usize = 32;

/// Where a controller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Addresses, `host:port`, tried side by side.
    pub addresses: Vec<String>,
    /// Authority that its certificate is verified with.
    pub trust: Trust,
}

/// Authority that a server's certificate is verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The controller's own authority, PEM: no other one is trusted, and the
    /// certificate must be for `juju-apiserver`.
    Authority(String),
    /// The authorities that this machine knows, for a controller with a public DNS name.
    Public,
}

/// An address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Endpoint {
    pub(crate) fn parse(&self) -> Result<Vec<Address>, Error> {
        let mut parsed: Vec<Address> = Vec::new();
        for text in &self.addresses {
            let address = Address::parse(text)
                .ok_or_else(|| Error::Address(format!("{text:?} is not HOST:PORT")))?;
            if !parsed.contains(&address) {
                parsed.push(address);
            }
        }
        if parsed.is_empty() {
            return Err(Error::Address("there is none".into()));
        }
        parsed.truncate(MOST_ADDRESSES);
        Ok(parsed)
    }

    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, Error> {
        let mut roots = RootCertStore::empty();
        match &self.trust {
            Trust::Public => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let why = "this machine knows no public authority; install ca-certificates";
                    return Err(Error::Authority(why.into()));
                }
            }
            Trust::Authority(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    let unusable = |why: String| Error::Authority(why);
                    let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
                    roots.add(certificate).map_err(|e| unusable(e.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(Error::Authority("it holds no PEM certificate".into()));
                }
            }
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Arc::new(config))
    }

    pub(crate) fn server_name(&self, address: &Address) -> Result<ServerName<'static>, Error> {
        let name = match self.trust {
            Trust::Authority(_) => SERVER_NAME,
            Trust::Public => &address.host,
        };
        ServerName::try_from(name.to_owned())
            .map_err(|_| Error::Address(format!("{name:?} is no host name")))
    }
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            // An IPv6 address has more colons than one, and no port.
            None if text.matches(':').count() > 1 => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return None;
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None => PORT,
        };
        let host = host.to_owned();
        Some(Self { host, port })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_a_host_and_a_port() {
        for (text, expected) in [
            ("10.1.2.3:17070", Some("10.1.2.3:17070")),
            (" controller.example.com:443 ", Some("controller.example.com:443")),
            ("controller.example.com", Some("controller.example.com:17070")),
            ("[fd00::1]:17070", Some("[fd00::1]:17070")),
            ("fd00::1", Some("[fd00::1]:17070")),
            ("[fd00::1]", Some("[fd00::1]:17070")),
            ("", None),
            (":17070", None),
            ("10.1.2.3:", None),
            ("10.1.2.3:0", None),
            ("10.1.2.3:70000", None),
            ("https://10.1.2.3:17070", None),
            ("host name:1", None),
        ] {
            let parsed = Address::parse(text).map(|address| address.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text:?}");
        }
    }
}
