//! When the gateway's certificates end, and when they are to be renewed.

use crate::facts::Facts;
use crate::facts::certificate::Certificate;
use crate::facts::known::Known;
use crate::pki::renewal_time;

/// A certificate of the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateTimes {
    /// `served` for the certificate that clients get, `secret` for those in Secrets.
    pub source: &'static str,
    /// When it ends, in seconds since 1970.
    pub not_after: i64,
    /// When it is to be renewed.
    pub renewal: i64,
}

/// The certificates that the gateway has: the one that clients get, and the first to end of
/// those that Secrets of its Gateways hold.
pub fn certificates(facts: &Facts) -> Vec<CertificateTimes> {
    let times = |source, certificate: &Certificate| CertificateTimes {
        source,
        not_after: certificate.not_after,
        renewal: renewal_time(certificate.not_before, certificate.not_after),
    };
    let mut all = Vec::new();
    if let Known::Known(seen) = &facts.handshake {
        all.extend(seen.chain.first().map(|leaf| times("served", leaf)));
    }
    let mut of_secrets: Vec<CertificateTimes> = Vec::new();
    if let (Known::Known(gateways), Known::Known(secrets)) = (&facts.gateways, &facts.secrets) {
        let named: Vec<&str> = gateways
            .items
            .iter()
            .flat_map(|gateway| &gateway.spec.servers)
            .filter_map(|server| server.tls.as_ref()?.credential_name.as_deref())
            .collect();
        for secret in &secrets.items {
            let is_of_platform = secret.metadata.namespace == *facts.about.namespace;
            if is_of_platform
                && named.contains(&secret.metadata.name.as_str())
                && let Some(leaf) = secret.tls.as_ref().and_then(|tls| tls.chain.first())
            {
                of_secrets.push(times("secret", leaf));
            }
        }
    }
    all.extend(of_secrets.into_iter().min_by_key(|certificate| certificate.not_after));
    all
}
