//! Where a client goes: to registries that it is asked for, to hosts that the operator names,
//! and to what these lead to as far as that is no way into a private network.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::Mutex;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard_error::GuardError;
use crate::plain::{PlainHost, PlainHosts};

/// Most redirects that are followed for one request.
const MOST_REDIRECTS: usize = 4;

/// Hosts that belong to a registry though they are called otherwise: those that hand out its
/// tokens or hold its documents. A name that begins with a dot stands for all below it.
const OWN_HOSTS: [(&str, &[&str]); 4] = [
    ("docker.io", &["auth.docker.io", "registry-1.docker.io", "index.docker.io"]),
    ("registry.k8s.io", &[".pkg.dev"]),
    ("registry.gitlab.com", &["gitlab.com"]),
    ("nvcr.io", &["authn.nvidia.com"]),
];

/// Names below which each name has an owner of its own.
const OF_MANY: [&str; 9] = [
    "amazonaws.com",
    "azurecr.io",
    "cloudfront.net",
    "core.windows.net",
    "github.io",
    "googleapis.com",
    "nip.io",
    "pkg.dev",
    "sslip.io",
];

/// Scope of an address: loopback, private or public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Anywhere.
    Global,
    /// A private network.
    Private,
    /// This machine, its link, or nowhere.
    Own,
}

/// Hosts that the operator allows, and those that were met.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// `HOST` or `HOST:PORT`, in lower case: any address, and no TLS on loopback.
    named: BTreeSet<String>,
    /// Registries that are asked without TLS.
    plain: PlainHosts,
    /// Hosts of proxies.
    proxies: BTreeSet<String>,
    /// Registries with hosts that hand out their tokens.
    realms: Vec<(String, String)>,
    /// Hosts that may be in a private network: registries that are asked for by name, and where
    /// a registry leads that the operator names itself.
    private: Mutex<BTreeSet<String>>,
}

impl Guard {
    pub(crate) fn new(
        named: impl Iterator<Item = String>,
        proxies: impl Iterator<Item = String>,
        realms: &[(String, String)],
        plain: &[PlainHost],
    ) -> Self {
        let lower = |name: String| name.to_ascii_lowercase();
        let host = |url: String| Some(Url::parse(&url).ok()?.host_str()?.to_owned());
        Self {
            named: named.map(lower).collect(),
            plain: PlainHosts::new(plain),
            proxies: proxies.filter_map(host).collect(),
            realms: realms.to_vec(),
            private: Mutex::default(),
        }
    }

    /// Whether the operator names the host of a URL.
    fn names(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
        self.named.contains(host) || with_port.is_some_and(|name| self.named.contains(&name))
    }

    /// Whether a registry at this address may be asked, and the scheme by which.
    pub(crate) fn scheme(&self, address: &str) -> Result<&'static str, GuardError> {
        let url = Url::parse(&format!("https://{address}/"));
        let url = url.map_err(|_| GuardError::NotAHost(address.to_owned()))?;
        let reach = literal(&url).unwrap_or(Reach::Global);
        match (reach, self.names(&url)) {
            (Reach::Own, false) => Err(GuardError::OwnAddress),
            (Reach::Own, true) if is_loopback(&url) => Ok("http"),
            _ => {
                self.permit_private(&url);
                Ok(if self.plain.lists(address) { "http" } else { "https" })
            }
        }
    }

    fn permit_private(&self, url: &Url) {
        if let (Some(host), Ok(mut private)) = (url.host_str(), self.private.lock()) {
            private.insert(host.to_owned());
        }
    }

    /// Whether a URL may be asked that a registry leads to.
    fn may_lead_to(&self, registry: &Url, to: &Url) -> Result<(), GuardError> {
        let host = to.host_str().unwrap_or_default().to_owned();
        let is_named = self.names(to);
        match to.scheme() {
            "https" => {}
            "http" if is_named && is_loopback(to) => {}
            "http" if self.plain.has(to) => {}
            _ => return Err(GuardError::WithoutTls(host)),
        }
        if !to.username().is_empty() || to.password().is_some() {
            return Err(GuardError::WithLogin(host));
        }
        let is_own = self.names(registry);
        match literal(to) {
            Some(Reach::Own) if !is_named => Err(GuardError::LeadsToOwnAddress(host)),
            Some(Reach::Private) if !is_named && !is_own => {
                Err(GuardError::LeadsToPrivateNetwork(host))
            }
            _ => {
                if is_own {
                    self.permit_private(to);
                }
                Ok(())
            }
        }
    }

    /// Whether a redirect is followed.
    pub(crate) fn may_follow(&self, before: &[Url], to: &Url) -> Result<(), GuardError> {
        let Some(registry) = before.first() else {
            return Ok(());
        };
        if before.len() > MOST_REDIRECTS {
            return Err(GuardError::TooManyRedirects(MOST_REDIRECTS));
        }
        self.may_lead_to(registry, to)?;
        let is_blob = registry.path().starts_with("/v2/") && registry.path().contains("/blobs/");
        match is_blob || self.is_of(registry, to) {
            true => Ok(()),
            false => Err(GuardError::OtherHost(to.host_str().unwrap_or_default().to_owned())),
        }
    }

    /// Whether a registry may have its tokens handed out there.
    pub(crate) fn may_hand_out(&self, registry: &Url, realm: &Url) -> Result<(), GuardError> {
        if !self.is_of(registry, realm) {
            let host = realm.host_str().unwrap_or_default();
            return Err(GuardError::OtherRealm(host.to_owned()));
        }
        self.may_lead_to(registry, realm).map_err(|error| GuardError::Tokens(Box::new(error)))
    }

    /// Whether a login may be sent to a registry: not where it could be read on the way.
    pub(crate) fn may_log_in(registry: &Url) -> bool {
        registry.scheme() == "https" || is_loopback(registry)
    }

    /// Whether a host belongs to a registry.
    fn is_of(&self, registry: &Url, other: &Url) -> bool {
        let (Some(own), Some(host)) = (registry.host_str(), other.host_str()) else {
            return false;
        };
        if own == host {
            // On this machine each port may be another program's.
            return literal(registry) != Some(Reach::Own)
                || registry.port_or_known_default() == other.port_or_known_default()
                || self.names(other);
        }
        // Docker's own registry has another name than its images.
        let own = match own {
            "registry-1.docker.io" => "docker.io",
            own => own,
        };
        let fits = |name: &str| match name.strip_prefix('.') {
            Some(_) => host.ends_with(name),
            None => host == name,
        };
        let known = OWN_HOSTS.iter().find(|(name, _)| *name == own);
        known.is_some_and(|(_, hosts)| hosts.iter().any(|name| fits(name)))
            || self.realms.iter().any(|(of, at)| of == own && fits(at))
            || registrable(own).is_some_and(|name| registrable(host).as_ref() == Some(&name))
    }
}

/// The last labels of a name, which an owner has registered; `None` of an address, and of a name
/// below which each has an owner of its own.
fn registrable(host: &str) -> Option<String> {
    if address(host).is_some() {
        return None;
    }
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    let number = match labels[..] {
        // example.co.uk
        [.., _, second, top] if top.len() == 2 && second.len() <= 3 => 3,
        [.., _, _] => 2,
        _ => return None,
    };
    let name = labels[labels.len() - number..].join(".");
    let is_of_many = |many: &&str| name == **many || name.ends_with(&format!(".{many}"));
    (!OF_MANY.iter().any(is_of_many)).then_some(name)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || address(host).is_some_and(|ip| ip.to_canonical().is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Scope of a URL's host, if that is an address.
fn literal(url: &Url) -> Option<Reach> {
    let host = url.host_str()?.trim_end_matches('.');
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(Reach::Own);
    }
    address(host).map(reach)
}

fn reach(ip: IpAddr) -> Reach {
    match ip.to_canonical() {
        IpAddr::V4(ip) => reach_of_v4(ip),
        IpAddr::V6(ip) => reach_of_v6(ip),
    }
}

fn reach_of_v4(ip: Ipv4Addr) -> Reach {
    let [a, b, ..] = ip.octets();
    let is_own = ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || a == 0 || a >= 240;
    let is_private = ip.is_private()
        // Behind a carrier, protocols' own, and benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0)
        || (a == 198 && (18..20).contains(&b));
    match (is_own, is_private) {
        (true, _) => Reach::Own,
        (_, true) => Reach::Private,
        _ => Reach::Global,
    }
}

fn reach_of_v6(ip: Ipv6Addr) -> Reach {
    let parts = ip.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        reach_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // NAT64 and 6to4 lead to an address of version 4.
        [0x64, 0xff9b, .., high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        _ if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() => Reach::Own,
        [first, ..] if first & 0xffc0 == 0xfe80 => Reach::Own,
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Reach::Private,
        // IPv4 addresses in the oldest form.
        [0, 0, 0, 0, 0, 0, high, low] => embedded(high, low),
        _ => Reach::Global,
    }
}

/// Resolves names, and keeps of their addresses those to which they may lead: what is checked is
/// what is connected to.
pub(crate) struct Resolver(pub(crate) std::sync::Arc<Guard>);

impl Resolver {
    fn farthest(guard: &Guard, host: &str) -> Reach {
        let is_named = |name: &String| {
            name == host || name.strip_prefix(host).is_some_and(|rest| rest.starts_with(':'))
        };
        if guard.proxies.contains(host) || guard.named.iter().any(is_named) {
            return Reach::Own;
        }
        let private = guard.private.lock();
        match private.is_ok_and(|private| private.contains(host)) {
            true => Reach::Private,
            false => Reach::Global,
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_ascii_lowercase();
        let farthest = Self::farthest(&self.0, &host);
        Box::pin(async move {
            // One name that is slow to resolve must not hold up the others.
            let looked_up = tokio::task::spawn_blocking(move || {
                let all = (host.as_str(), 0).to_socket_addrs()?;
                let fit: Vec<SocketAddr> = all.filter(|at| reach(at.ip()) <= farthest).collect();
                match fit.is_empty() {
                    true => Err(std::io::Error::other(format!(
                        "{host} leads into a network of this site's own; name it in an option if it may"
                    ))),
                    false => Ok(fit),
                }
            });
            let addresses: Addrs = Box::new(looked_up.await??.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(named: &[&str]) -> Guard {
        let named = named.iter().map(|name| (*name).to_owned());
        let realms = [("registry.example".to_owned(), "login.other.example".to_owned())];
        let plain = ["mirror.lan:5000".parse().unwrap()];
        Guard::new(named, std::iter::empty(), &realms, &plain)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn registry_on_this_machine_is_queried_if_an_option_names_it() {
        let guard = guard(&["127.0.0.1:5000", "localhost"]);
        assert_eq!(guard.scheme("127.0.0.1:5000"), Ok("http"));
        assert_eq!(guard.scheme("localhost:7000"), Ok("http"));
        assert_eq!(guard.scheme("10.1.2.3:5000"), Ok("https"));
        assert_eq!(guard.scheme("docker.io"), Ok("https"));
        for address in [
            "127.0.0.1:5001",
            "127.1",
            "0x7f.1",
            "2130706433",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "0.0.0.0",
            "sub.localhost",
        ] {
            assert!(guard.scheme(address).is_err(), "{address}");
        }
    }

    #[test]
    fn redirect_is_followed_to_public_https_for_blobs_only() {
        let guard = guard(&["127.0.0.1:5000"]);
        let blob = url("https://docker.io/v2/a/b/blobs/sha256:0");
        let manifest = url("https://docker.io/v2/a/b/manifests/1");
        let follows = |from: &Url, to: &str| guard.may_follow(std::slice::from_ref(from), &url(to));
        assert_eq!(follows(&blob, "https://store.example/x"), Ok(()));
        assert_eq!(follows(&manifest, "https://registry-1.docker.io/v2/"), Ok(()));
        for to in [
            "http://store.example/x",
            "http://127.0.0.1:15004/latest/meta-data",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://[::ffff:10.0.0.1]/x",
            "https://[64:ff9b::a00:1]/x",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/x",
            "https://100.64.0.1/x",
            "https://192.168.1.1/x",
            "https://[fd00::1]/x",
            "https://user:pw@store.example/x",
            "ftp://store.example/x",
        ] {
            assert!(follows(&blob, to).is_err(), "{to}");
        }
        assert!(follows(&manifest, "https://store.example/x").is_err());
        let long = vec![blob.clone(); 5];
        assert!(guard.may_follow(&long, &url("https://store.example/x")).is_err());
        // What the operator names itself may lead into its own network, but not to this machine.
        let own = url("http://127.0.0.1:5000/v2/a/blobs/sha256:0");
        assert_eq!(follows(&own, "https://10.0.0.1/x"), Ok(()));
        assert!(follows(&own, "http://127.0.0.1:15004/x").is_err());
    }

    #[test]
    fn listed_registry_without_tls_is_asked_and_led_to_and_no_other() {
        let guard = guard(&[]);
        assert_eq!(guard.scheme("mirror.lan:5000"), Ok("http"));
        for address in ["mirror.lan", "mirror.lan:5001", "other.lan:5000"] {
            assert_eq!(guard.scheme(address), Ok("https"), "{address}");
        }
        let blob = url("https://registry.example/v2/a/b/blobs/sha256:0");
        let follows = |to: &str| guard.may_follow(std::slice::from_ref(&blob), &url(to));
        assert_eq!(follows("http://mirror.lan:5000/x"), Ok(()));
        assert!(follows("http://mirror.lan/x").is_err());
        assert!(!Guard::may_log_in(&url("http://mirror.lan:5000/v2/a/b")));
        assert!(Guard::may_log_in(&url("https://mirror.lan:5000/v2/a/b")));
    }

    #[test]
    fn tokens_are_handed_out_by_hosts_that_belong_to_the_registry() {
        let guard = guard(&["127.0.0.1:5000", "127.0.0.1:5001"]);
        let may = |registry: &str, realm: &str| guard.may_hand_out(&url(registry), &url(realm));
        for (registry, realm) in [
            ("https://registry-1.docker.io/v2/", "https://auth.docker.io/token"),
            ("https://ghcr.io/v2/", "https://ghcr.io/token"),
            ("https://registry.gitlab.com/v2/", "https://gitlab.com/jwt/auth"),
            ("https://images.corp.example/v2/", "https://login.corp.example/token"),
            ("https://registry.example/v2/", "https://login.other.example/token"),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/token"),
        ] {
            assert_eq!(may(registry, realm), Ok(()), "{registry} {realm}");
        }
        for (registry, realm) in [
            ("https://ghcr.io/v2/", "https://auth.docker.io/token"),
            ("https://ghcr.io/v2/", "http://ghcr.io/token"),
            ("https://evil.azurecr.io/v2/", "https://good.azurecr.io/token"),
            ("https://a.co.uk/v2/", "https://b.co.uk/token"),
            ("https://ghcr.io/v2/", "https://ghcr.io@evil.example/token"),
            ("https://ghcr.io/v2/", "https://ghcr.io.evil.example/token"),
            ("https://ghcr.io/v2/", "https://me:pw@ghcr.io/token"),
            ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:15003/any?delete=all"),
            ("https://10.0.0.1/v2/", "https://10.0.0.2/token"),
        ] {
            assert!(may(registry, realm).is_err(), "{registry} {realm}");
        }
    }

    #[test]
    fn name_resolving_to_a_forbidden_address_is_refused() {
        let guard = guard(&["mirror.corp.example:5000"]);
        guard.scheme("docker.io").unwrap();
        assert_eq!(Resolver::farthest(&guard, "mirror.corp.example"), Reach::Own);
        assert_eq!(Resolver::farthest(&guard, "docker.io"), Reach::Private);
        assert_eq!(Resolver::farthest(&guard, "store.example"), Reach::Global);
    }
}
