//! Fields of sources and operations and keys of conditions, and whether a request has a value.

use std::net::IpAddr;

use super::address::AddressRange;
use super::matcher::{is_template, like, matches, matches_header, matches_host, matches_template};
use super::mesh::Mesh;
use super::request::{Attribute, Request};
use super::token;
use super::truth::Truth;

/// A value that istiod cannot translate: in a rule that allows it makes the rule void, in any
/// other it is ignored.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid;

/// Attribute that a field or a key matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field<'a> {
    Principal,
    Namespace,
    ServiceAccount,
    TrustDomain,
    SourceIp,
    RemoteIp,
    RequestPrincipal,
    Audiences,
    Presenter,
    /// The part in brackets, with these.
    Claims(&'a str),
    /// The part in brackets, with these.
    Header(&'a str),
    Host,
    Method,
    Path,
    DestinationIp,
    DestinationPort,
    Sni,
    /// Metadata of Envoy's filters, or what this engine does not know.
    Other,
}

impl<'a> Field<'a> {
    /// The field of a source, and whether it is one of those that exclude.
    pub fn of_source(name: &str) -> (Self, bool) {
        let (field, is_not) = match name {
            "principals" => (Field::Principal, false),
            "notPrincipals" => (Field::Principal, true),
            "namespaces" => (Field::Namespace, false),
            "notNamespaces" => (Field::Namespace, true),
            "serviceAccounts" => (Field::ServiceAccount, false),
            "notServiceAccounts" => (Field::ServiceAccount, true),
            "trustDomains" => (Field::TrustDomain, false),
            "notTrustDomains" => (Field::TrustDomain, true),
            "ipBlocks" => (Field::SourceIp, false),
            "notIpBlocks" => (Field::SourceIp, true),
            "remoteIpBlocks" => (Field::RemoteIp, false),
            "notRemoteIpBlocks" => (Field::RemoteIp, true),
            "requestPrincipals" => (Field::RequestPrincipal, false),
            "notRequestPrincipals" => (Field::RequestPrincipal, true),
            _ => (Field::Other, false),
        };
        (field, is_not)
    }

    /// The field of an operation, and whether it is one of those that exclude.
    pub fn of_operation(name: &str) -> (Self, bool) {
        match name {
            "hosts" => (Field::Host, false),
            "notHosts" => (Field::Host, true),
            "methods" => (Field::Method, false),
            "notMethods" => (Field::Method, true),
            "paths" => (Field::Path, false),
            "notPaths" => (Field::Path, true),
            "ports" => (Field::DestinationPort, false),
            "notPorts" => (Field::DestinationPort, true),
            _ => (Field::Other, false),
        }
    }

    /// The field of a condition's key.
    pub fn of_key(key: &'a str) -> Self {
        match key {
            "source.ip" => Self::SourceIp,
            "remote.ip" => Self::RemoteIp,
            "source.namespace" => Self::Namespace,
            "source.serviceAccount" => Self::ServiceAccount,
            "source.trustDomain" => Self::TrustDomain,
            "source.principal" => Self::Principal,
            "request.auth.principal" => Self::RequestPrincipal,
            "request.auth.audiences" => Self::Audiences,
            "request.auth.presenter" => Self::Presenter,
            "destination.ip" => Self::DestinationIp,
            "destination.port" => Self::DestinationPort,
            "connection.sni" => Self::Sni,
            _ => {
                match (key.strip_prefix("request.headers"), key.strip_prefix("request.auth.claims"))
                {
                    (Some(name), _) => Self::Header(name),
                    (_, Some(names)) => Self::Claims(names),
                    _ => Self::Other,
                }
            }
        }
    }

    /// Whether only HTTP has it.
    fn is_http(self) -> bool {
        matches!(
            self,
            Self::RequestPrincipal
                | Self::Audiences
                | Self::Presenter
                | Self::Claims(_)
                | Self::Header(_)
                | Self::Host
                | Self::Method
                | Self::Path
        )
    }

    /// Whether a request has a value of this field.
    pub fn has(
        self,
        value: &str,
        request: &Request,
        mesh: &Mesh,
        namespace: &str,
    ) -> Result<Truth, Invalid> {
        if request.is_tcp && self.is_http() {
            return Err(Invalid);
        }
        Ok(match self {
            Self::Principal => {
                let all = mesh.principals(value);
                known(&request.peer, |peer| all.iter().any(|one| is_principal(one, peer)))
            }
            Self::Namespace => known(&request.peer, |peer| like(&format!("*/ns/{value}/*"), peer)),
            Self::ServiceAccount => known(&request.peer, |peer| is_account(value, namespace, peer)),
            Self::TrustDomain => {
                let all = mesh.domains(value);
                known(&request.peer, |peer| all.iter().any(|one| is_of_domain(one, peer)))
            }
            Self::SourceIp => is_in(value, &request.source_ip)?,
            Self::RemoteIp => is_in(value, &request.remote_ip)?,
            Self::DestinationIp => is_in(value, &request.destination_ip)?,
            Self::DestinationPort => {
                let port: u16 = value.parse().map_err(|_| Invalid)?;
                known(&request.destination_port, |own| *own == port)
            }
            Self::Sni => known(&request.sni, |name| matches(value, name)),
            Self::RequestPrincipal => token::is_principal(value, &request.token),
            Self::Audiences => token::has_claim(&["aud"], value, &request.token),
            Self::Presenter => token::has_claim(&["azp"], value, &request.token),
            Self::Claims(names) => {
                let names = token::names(names).ok_or(Invalid)?;
                token::has_claim(&names, value, &request.token)
            }
            Self::Header(name) => {
                let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
                matches_header(value, request.header(name.ok_or(Invalid)?)).into()
            }
            Self::Host => matches_host(value, &request.host).into(),
            Self::Method => matches_header(value, Some(&request.method)).into(),
            Self::Path if is_template(value) => matches_template(value, request.bare_path()).into(),
            Self::Path => matches(value, request.bare_path()).into(),
            Self::Other => Truth::Unknown,
        })
    }
}

/// Whether an attribute is such a one; one that is not there is not.
fn known<T>(attribute: &Attribute<T>, is_such: impl FnOnce(&T) -> bool) -> Truth {
    match attribute {
        Attribute::Unknown => Truth::Unknown,
        Attribute::Absent => Truth::No,
        Attribute::Is(value) => is_such(value).into(),
    }
}

fn is_in(range: &str, address: &Attribute<IpAddr>) -> Result<Truth, Invalid> {
    let range = AddressRange::parse(range).ok_or(Invalid)?;
    Ok(known(address, |address| range.contains(*address)))
}

fn is_principal(value: &str, peer: &str) -> bool {
    match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
        ("*", ..) => !peer.is_empty(),
        (_, Some(suffix), _) => {
            peer.strip_prefix("spiffe://").is_some_and(|rest| rest.ends_with(suffix))
        }
        (_, _, Some(prefix)) => {
            peer.strip_prefix("spiffe://").is_some_and(|rest| rest.starts_with(prefix))
        }
        _ => peer.strip_prefix("spiffe://") == Some(value),
    }
}

/// Whether a peer runs as `NAME` of the policy's namespace or as `NAMESPACE/NAME`, whatever else
/// its path holds.
fn is_account(value: &str, own: &str, peer: &str) -> bool {
    let (namespace, account) = value.split_once('/').unwrap_or((own, value));
    let Some(path) = peer.strip_prefix("spiffe://") else {
        return false;
    };
    let marks = path.match_indices("/ns/").filter(|(at, _)| *at > 0);
    marks.into_iter().any(|(at, mark)| {
        let rest = &path[at + mark.len()..];
        let rest = rest.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('/'));
        let Some(rest) = rest else {
            return false;
        };
        let ends = |rest: &str| {
            let tail = rest.strip_prefix("sa/").and_then(|rest| rest.strip_prefix(account));
            tail.is_some_and(|tail| tail.is_empty() || (tail.starts_with('/') && tail.len() > 1))
        };
        let later = rest.match_indices('/').filter(|(at, _)| *at > 0);
        ends(rest) || later.into_iter().any(|(at, _)| ends(&rest[at + 1..]))
    })
}

fn is_of_domain(value: &str, peer: &str) -> bool {
    let Some(rest) = peer.strip_prefix("spiffe://") else {
        return false;
    };
    match value.split_once('*') {
        Some(("", "")) => true,
        None => rest.strip_prefix(value).is_some_and(|rest| rest.starts_with('/')),
        Some((prefix, suffix)) => rest.split_once('/').is_some_and(|(domain, _)| {
            domain.len() >= prefix.len() + suffix.len()
                && domain.starts_with(prefix)
                && domain.ends_with(suffix)
        }),
    }
}
