//! Names of Gateways and hosts, resolved as istiod resolves them.
//!
//! Source: istiod's `resolveGatewayName` and `ResolveShortnameToFQDN`.

/// The proxies of pods, as a VirtualService names them among its gateways.
pub const MESH: &str = "mesh";
const DOMAIN: &str = ".svc.cluster.local";

/// Namespace and name of a Gateway that a VirtualService of this namespace names: `name`,
/// `namespace/name`, `./name`, or the older `name.namespace` with or without a domain.
pub fn gateway<'a>(named: &'a str, own: &'a str) -> (&'a str, &'a str) {
    match named.split_once('/') {
        Some((".", name)) => (own, name),
        Some(full) => full,
        None => match named.split_once('.') {
            Some((name, rest)) => (rest.split('.').next().unwrap_or(rest), name),
            None => (own, named),
        },
    }
}

/// Service and namespace of a destination: a short name is of the route's own namespace.
pub fn destination<'a>(host: &'a str, own: &'a str) -> (&'a str, &'a str) {
    let mut parts = host.split('.');
    let service = parts.next().unwrap_or_default();
    (service, parts.next().unwrap_or(own))
}

/// Namespace of the Services that a host of the mesh covers: the host may begin with a star.
pub fn namespace_of_host<'a>(host: &'a str, own: &'a str) -> Option<&'a str> {
    if !host.contains('.') {
        return Some(own);
    }
    let name = host.strip_suffix(DOMAIN)?;
    Some(name.split_once('.').map_or(name, |(_, namespace)| namespace))
}

/// Which Services a host of the mesh covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered<'a> {
    /// All of every namespace.
    Every,
    /// Those of a namespace that its stars leave open.
    Namespace(&'a str),
    /// One, by namespace and name.
    One(&'a str, &'a str),
}

/// The Services that a host covers for the proxies of pods: in full, with a star, or by one of the
/// shorter names by which pods know a Service.
pub fn covered<'a>(host: &'a str, own: &'a str) -> Option<Covered<'a>> {
    if let Some(rest) = host.strip_prefix("*.") {
        return match rest {
            "local" | "cluster.local" | "svc.cluster.local" => Some(Covered::Every),
            // Of other hosts with a star the Services' own names are the nearer match.
            _ => rest.strip_suffix(DOMAIN).map(Covered::Namespace),
        };
    }
    let short = host.strip_suffix(DOMAIN).or_else(|| host.strip_suffix(".svc")).unwrap_or(host);
    match short.split_once('.') {
        None => Some(Covered::One(own, short)),
        Some((name, namespace)) => {
            (!namespace.contains('.')).then_some(Covered::One(namespace, name))
        }
    }
}

/// Whether a server's host admits a route of this namespace: it may have a namespace before it.
pub fn admits(host: &str, gateway: &str, route: &str) -> bool {
    match host.split_once('/') {
        Some((".", _)) => gateway == route,
        Some(("*", _)) | None => true,
        Some((namespace, _)) => namespace == route,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateway_is_resolved_in_each_spelling() {
        for named in ["a/gw", "gw.a", "gw.a.svc.cluster.local", "gw.a.svc", "./gw", "gw"] {
            assert_eq!(gateway(named, "a"), ("a", "gw"), "{named}");
        }
        assert_eq!(gateway("gw", "b"), ("b", "gw"));
        assert_eq!(gateway("mesh", "b"), ("b", MESH));
    }

    #[test]
    fn host_covers_services_in_each_spelling() {
        let one = Some(Covered::One("b", "a"));
        for host in ["a.b.svc.cluster.local", "a.b.svc", "a.b"] {
            assert_eq!(covered(host, "own"), one, "{host}");
        }
        assert_eq!(covered("a", "own"), Some(Covered::One("own", "a")));
        assert_eq!(covered("*.b.svc.cluster.local", "own"), Some(Covered::Namespace("b")));
        for host in ["*.local", "*.cluster.local", "*.svc.cluster.local"] {
            assert_eq!(covered(host, "own"), Some(Covered::Every), "{host}");
        }
        for host in ["*.example.com", "a.b.example.com"] {
            assert_eq!(covered(host, "own"), None, "{host}");
        }
    }

    #[test]
    fn host_of_the_mesh_is_of_a_namespace() {
        assert_eq!(namespace_of_host("a.b.svc.cluster.local", "own"), Some("b"));
        assert_eq!(namespace_of_host("*.b.svc.cluster.local", "own"), Some("b"));
        assert_eq!(namespace_of_host("a", "own"), Some("own"));
        assert_eq!(namespace_of_host("a.b", "own"), None);
        assert!(admits("./*", "a", "a") && !admits("./*", "a", "b"));
        assert!(admits("*", "a", "b") && admits("b/*", "a", "b") && !admits("c/*", "a", "b"));
    }
}
