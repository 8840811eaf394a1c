//! Which hosts cannot be connected to, found in a bounded time whatever name servers and firewalls
//! do: on a platform without a way out, a hook waits once and briefly.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A host and a port of TCP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Name, or an address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl HostPort {
    /// The host of a URL, with the port of its scheme if it names none.
    pub fn of_url(url: &str) -> Option<Self> {
        let url: reqwest::Url = url.parse().ok()?;
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(Self { host, port: url.port_or_known_default()? })
    }
}

/// Variables by which requests go through a proxy that is not configured here.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The host that a request for a URL connects to: its own, or the proxy's. `None` if that cannot
/// be known.
pub fn first_hop(url: &str, proxy: Option<&str>, no_proxy: Option<&str>) -> Option<HostPort> {
    let target = HostPort::of_url(url)?;
    let Some(proxy) = proxy else {
        let is_proxied = PROXIES.iter().any(|name| std::env::var_os(name).is_some());
        return Some(target).filter(|_| !is_proxied);
    };
    let mut bypassed = no_proxy.unwrap_or_default().split(',').map(str::trim);
    let is_bypassed = bypassed.any(|entry| {
        let domain = entry.trim_start_matches('.');
        let prefix = target.host.strip_suffix(domain).filter(|_| !domain.is_empty());
        entry == "*" || prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
    });
    match (is_bypassed, target.host.parse::<IpAddr>()) {
        (true, _) => Some(target),
        // It may be in a network that the proxy does not lead to.
        (false, Ok(_)) => None,
        (false, Err(_)) => HostPort::of_url(proxy),
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Those of the hosts that no connection was made to in time, all at once. Blocks no longer than
/// that: a lookup that hangs is left behind.
pub fn unreachable(hosts: BTreeSet<HostPort>, within: Duration) -> BTreeSet<HostPort> {
    let until = Instant::now() + within;
    let (sender, receiver) = mpsc::channel();
    for host in &hosts {
        let (host, sender) = (host.clone(), sender.clone());
        std::thread::spawn(move || {
            let addresses = (host.host.as_str(), host.port).to_socket_addrs();
            let is_reached = addresses.is_ok_and(|mut addresses| {
                addresses.any(|address| {
                    let left = until.saturating_duration_since(Instant::now());
                    !left.is_zero() && TcpStream::connect_timeout(&address, left).is_ok()
                })
            });
            // The receiver is gone once the time is over.
            let _ = sender.send((host, is_reached));
        });
    }
    drop(sender);
    let mut left = hosts;
    loop {
        let remaining = until.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(remaining) {
            Ok((host, true)) => drop(left.remove(&host)),
            Ok((_, false)) => {}
            // Each has answered, or the time is over.
            Err(_) => return left,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn host_that_accepts_is_reached_and_others_are_given_up_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = |host: &str, port| HostPort { host: host.into(), port };
        let there = host("127.0.0.1", port);
        // Closed, never answering, and without a name.
        let others = [host("127.0.0.1", 1), host("192.0.2.1", 443), host("registry.invalid", 443)];
        let all = others.iter().cloned().chain([there]).collect();
        let started = Instant::now();
        let left = unreachable(all, Duration::from_millis(500));
        assert_eq!(left, others.into());
        assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
    }

    #[test]
    fn request_connects_to_the_proxy_unless_that_is_bypassed() {
        let hop = |url: &str, no_proxy: &str| {
            let hop = first_hop(url, Some("http://proxy.lan:3128"), Some(no_proxy));
            hop.map(|hop| hop.to_string())
        };
        let lan = "localhost, .lan,10.0.0.0/8";
        assert_eq!(hop("https://docker.io/v2/", lan).as_deref(), Some("proxy.lan:3128"));
        assert_eq!(hop("https://mirror.lan:5000/v2/", lan).as_deref(), Some("mirror.lan:5000"));
        assert_eq!(hop("https://docker.io/v2/", "*").as_deref(), Some("docker.io:443"));
        assert_eq!(hop("https://10.1.2.3/v2/", lan), None);
    }

    #[test]
    fn url_names_its_host_and_port() {
        let of = |url: &str| HostPort::of_url(url).map(|host| host.to_string());
        assert_eq!(of("https://api.charmhub.io").as_deref(), Some("api.charmhub.io:443"));
        assert_eq!(of("http://[::1]:3128/").as_deref(), Some("::1:3128"));
        assert_eq!(of("no url"), None);
    }
}
