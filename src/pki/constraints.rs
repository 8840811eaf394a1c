//! Name constraints of the certificate authority.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::Name;

/// Constraints that permit only these names. Types without a name are excluded as a whole, as
/// types without a constraint are unrestricted.
pub fn of(names: &[Name]) -> NameConstraints {
    let subtree = |name: &Name| match name {
        Name::Dns(host) | Name::Wildcard(host) => GeneralSubtree::DnsName(host.clone()),
        Name::Ip(address @ IpAddr::V4(_)) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, 32))
        }
        Name::Ip(address) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, 128)),
    };
    let has = |is: fn(&Name) -> bool| names.iter().any(is);
    let mut excluded = Vec::new();
    if !has(|name| !matches!(name, Name::Ip(_))) {
        excluded.push(GeneralSubtree::DnsName(String::new()));
    }
    let everything = |address| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, 0));
    // A constraint on one IP version leaves the other unrestricted.
    if !has(|name| matches!(name, Name::Ip(IpAddr::V4(_)))) {
        excluded.push(everything(Ipv4Addr::UNSPECIFIED.into()));
    }
    if !has(|name| matches!(name, Name::Ip(IpAddr::V6(_)))) {
        excluded.push(everything(Ipv6Addr::UNSPECIFIED.into()));
    }
    let mut bases: Vec<Name> = names.iter().map(Name::base).collect();
    bases.sort();
    bases.dedup();
    NameConstraints {
        permitted_subtrees: bases.iter().map(subtree).collect(),
        excluded_subtrees: excluded,
    }
}

/// Permitted names of an authority's certificate, in the form that [`of`] creates.
#[derive(Debug, Default)]
pub struct Constraints(Vec<Name>);

impl Constraints {
    /// Parses the constraints; a certificate without any permits nothing.
    pub fn from_pem(pem: &str) -> Self {
        let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) else {
            return Self::default();
        };
        let Ok((_, certificate)) = X509Certificate::from_der(&der) else {
            return Self::default();
        };
        let constraints = certificate.name_constraints().ok().flatten();
        let permitted =
            constraints.and_then(|extension| extension.value.permitted_subtrees.as_ref());
        let name = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(host) => Some(Name::Dns(host.to_ascii_lowercase())),
            GeneralName::IPAddress(bytes) => single_address(bytes).map(Name::Ip),
            _ => None,
        };
        let subtrees = permitted.into_iter().flatten();
        Self(subtrees.filter_map(|subtree| name(&subtree.base)).collect())
    }

    /// Whether they permit a certificate for this name.
    pub fn allow(&self, name: &Name) -> bool {
        self.0.iter().any(|base| name.is_within(base))
    }
}

/// Parses an address with a mask of all ones.
fn single_address(bytes: &[u8]) -> Option<IpAddr> {
    let (address, mask) = bytes.split_at(bytes.len() / 2);
    if mask.iter().any(|byte| *byte != 0xff) {
        return None;
    }
    let v4 = <[u8; 4]>::try_from(address).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from)).ok()
}
