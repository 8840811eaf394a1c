//! The proxy on the way to an API server, by the rules of client-go.

use std::net::IpAddr;

use http::Uri;

/// Variables that name proxies.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `HTTPS_PROXY`.
    pub https: String,
    /// `HTTP_PROXY`.
    pub http: String,
    /// `NO_PROXY`.
    pub none: String,
}

impl Environment {
    /// Those of this process, in capital or small letters.
    pub fn read() -> Self {
        let read = |name: &str| {
            let small = name.to_ascii_lowercase();
            let all = [std::env::var(name), std::env::var(small)];
            all.into_iter().flatten().find(|value| !value.is_empty()).unwrap_or_default()
        };
        Self { https: read("HTTPS_PROXY"), http: read("HTTP_PROXY"), none: read("NO_PROXY") }
    }
}

/// A proxy that cannot be used. The URL may have a password, so it is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// It is no URL.
    #[error("is no URL")]
    NoUrl,
    /// Something else than a number is after the host's colon.
    #[error("has a port that is no number")]
    Port,
    /// Its scheme is of another kind of proxy.
    #[error("has scheme {0}, and http, https and socks5 work")]
    Scheme(String),
}

/// A proxy that cannot be used, and what named it.
#[derive(Debug, thiserror::Error)]
#[error("{name} {source}")]
pub struct NamedProxyError {
    /// The field of the kubeconfig, or the variable of the environment.
    name: &'static str,
    source: ProxyError,
}

/// The proxy for a server: what the kubeconfig names, else what the environment does, unless it
/// excludes the server.
///
/// # Errors
///
/// It is no URL of http, https or socks5.
pub fn proxy_of(
    server: &Uri,
    configured: Option<&str>,
    environment: &Environment,
) -> Result<Option<Uri>, NamedProxyError> {
    if let Some(url) = configured.filter(|url| !url.is_empty()) {
        return named("proxy-url", url);
    }
    let (name, url) = match server.scheme_str() {
        Some("http") => ("HTTP_PROXY", &environment.http),
        _ => ("HTTPS_PROXY", &environment.https),
    };
    if url.is_empty() || is_excluded(server, &environment.none) {
        return Ok(None);
    }
    named(name, url)
}

fn named(name: &'static str, url: &str) -> Result<Option<Uri>, NamedProxyError> {
    parse(url).map(Some).map_err(|source| NamedProxyError { name, source })
}

fn parse(text: &str) -> Result<Uri, ProxyError> {
    // As curl and Go do.
    let text = match text.contains("://") {
        true => text.replacen("socks5h://", "socks5://", 1),
        false => format!("http://{text}"),
    };
    let uri: Uri = text.parse().map_err(|_| ProxyError::NoUrl)?;
    match uri.scheme_str() {
        Some("http" | "https" | "socks5") if uri.host().is_some() => match has_bad_port(&uri) {
            true => Err(ProxyError::Port),
            false => Ok(uri),
        },
        scheme => Err(ProxyError::Scheme(scheme.unwrap_or("none").to_owned())),
    }
}

/// There is something after the host's colon, and it is no port.
fn has_bad_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let name = host.rsplit_once(']').map_or(host, |(_, after)| after);
    uri.port_u16().is_none() && name.split_once(':').is_some_and(|(_, port)| !port.is_empty())
}

/// NO_PROXY excludes a server, or it is on this machine.
fn is_excluded(server: &Uri, none: &str) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port =
        server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    none.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            let network: Option<(IpAddr, u8)> = network.parse().ok().zip(bits.parse().ok());
            return network
                .zip(address)
                .is_some_and(|((network, bits), address)| is_in(network, bits, address));
        }
        let (name, only) = with_port(&entry);
        if only.is_some_and(|only| only != port) {
            return false;
        }
        match name.parse::<IpAddr>() {
            Ok(excluded) => address == Some(excluded),
            Err(_) => is_of_domain(&host, name),
        }
    })
}

/// An entry without its port, if it has one.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (name, port) = rest.split_once(']').unwrap_or((rest, ""));
        return (name, port.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// `a.b` is a.b and what is below it; `.a.b` and `*.a.b` are what is below it.
fn is_of_domain(host: &str, entry: &str) -> bool {
    let below = |domain: &str| host.ends_with(domain) && host.len() > domain.len();
    match entry.strip_prefix('*').unwrap_or(entry) {
        dotted if dotted.starts_with('.') => below(dotted),
        name => host == name || below(&format!(".{name}")),
    }
}

fn is_in(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let same = |one: &[u8], other: &[u8]| {
        usize::from(bits) <= one.len() * 8
            && one.iter().zip(other).enumerate().all(|(at, (a, b))| {
                let left = usize::from(bits).saturating_sub(at * 8).min(8);
                let mask = 0xff_u16 << (8 - left) & 0xff;
                (u16::from(*a) & mask) == (u16::from(*b) & mask)
            })
    };
    match (network, address) {
        (IpAddr::V4(one), IpAddr::V4(other)) => same(&one.octets(), &other.octets()),
        (IpAddr::V6(one), IpAddr::V6(other)) => same(&one.octets(), &other.octets()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, configured: Option<&str>, https: &str, none: &str) -> String {
        let environment =
            Environment { https: https.into(), http: "http://plain:1".into(), none: none.into() };
        let server = server.parse().unwrap();
        let proxy = proxy_of(&server, configured, &environment).unwrap();
        proxy.map(|uri| uri.to_string()).unwrap_or_default()
    }

    #[test]
    fn proxy_is_chosen_as_client_go_chooses_it() {
        let server = "https://k8s.example.com:6443";
        for (configured, https, none, expected) in [
            (None, "", "", ""),
            (None, "http://p:3128", "", "http://p:3128/"),
            (None, "p:3128", "", "http://p:3128/"),
            (None, "socks5h://p:1080", "", "socks5://p:1080/"),
            (Some(""), "http://p:1", "", "http://p:1/"),
            // A kubeconfig's proxy is used whatever the environment says.
            (Some("socks5://q:1"), "http://p:1", "*", "socks5://q:1/"),
            (None, "http://p:1", "*", ""),
            (None, "http://p:1", "example.com", ""),
            (None, "http://p:1", " .example.com , x", ""),
            (None, "http://p:1", "*.example.com", ""),
            (None, "http://p:1", "k8s.example.com:6443", ""),
            (None, "http://p:1", "k8s.example.com:443", "http://p:1/"),
            (None, "http://p:1", "ample.com,other", "http://p:1/"),
        ] {
            assert_eq!(proxy(server, configured, https, none), expected, "{https} {none}");
        }
        for (server, none, expected) in [
            ("https://10.1.2.3", "10.1.0.0/16", ""),
            ("https://10.2.2.3", "10.1.0.0/16", "http://p:1/"),
            ("https://10.1.2.3", "10.1.2.3", ""),
            ("https://[fd00::1]:6443", "fd00::/8", ""),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", ""),
            ("https://127.0.0.1:6443", "", ""),
            ("https://localhost:6443", "", ""),
            ("https://[::1]", "", ""),
            ("http://10.1.2.3", "", "http://plain:1/"),
        ] {
            assert_eq!(proxy(server, None, "http://p:1", none), expected, "{server} {none}");
        }
    }

    #[test]
    fn proxy_that_cannot_be_used_is_an_error_without_its_password() {
        let server: Uri = "https://k8s".parse().unwrap();
        for url in ["ftp://user:s3cret@p", "http://user:s3cret@p:port"] {
            let why = proxy_of(&server, Some(url), &Environment::default()).unwrap_err();
            let why = why.to_string();
            assert!(why.starts_with("proxy-url ") && !why.contains("s3cret"), "{why}");
        }
    }
}
