//! Certificates as providers and people send them: in any order, with doubles, comments and roots;
//! here normalised and put into order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Reasons to reject a text of certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainProblem {
    /// A block is not PEM, or not a certificate.
    #[error("{0}")]
    Malformed(String),
    /// There is no certificate.
    #[error("it has no certificate")]
    Empty,
    /// A private key is among the certificates.
    #[error("it contains a private key; a key must not be among certificates")]
    PrivateKey,
}

/// A certificate in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// PEM, without comments and without a trailing newline.
    pub pem: String,
    /// Whether it signed itself.
    pub is_root: bool,
    der: Vec<u8>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
}

impl Link {
    fn parse(der: Vec<u8>) -> Result<Self, ChainProblem> {
        let (_, parsed) = X509Certificate::from_der(&der)
            .map_err(|error| ChainProblem::Malformed(error.to_string()))?;
        let (mut key_id, mut issuer_key_id) = (None, None);
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    issuer_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                _ => {}
            }
        }
        let (subject, issuer) =
            (parsed.subject().as_raw().to_vec(), parsed.issuer().as_raw().to_vec());
        let has_own_key = issuer_key_id.is_none() || key_id.is_none() || issuer_key_id == key_id;
        let is_root = subject == issuer && has_own_key;
        Ok(Self { pem: encode(&der), is_root, der, subject, issuer, key_id, issuer_key_id })
    }

    fn is_issued_by(&self, other: &Self) -> bool {
        let is_key = match (&self.issuer_key_id, &other.key_id) {
            (Some(of_issuer), Some(of_other)) => of_issuer == of_other,
            _ => true,
        };
        self.issuer == other.subject && is_key
    }
}

fn encode(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    // Base64 is ASCII, so every byte is a character.
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", lines.join("\n"))
}

/// Certificates of a text, in its order. Comments are dropped.
pub fn certificates(text: &[u8]) -> Result<Vec<Link>, ChainProblem> {
    let mut links = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|error| ChainProblem::Malformed(error.to_string()))?;
        match kind {
            SectionKind::Certificate => links.push(Link::parse(der)?),
            SectionKind::RsaPrivateKey | SectionKind::PrivateKey | SectionKind::EcPrivateKey => {
                return Err(ChainProblem::PrivateKey);
            }
            _ => {}
        }
    }
    match links.is_empty() {
        true => Err(ChainProblem::Empty),
        false => Ok(links),
    }
}

/// Puts certificates into order: the first, its issuer, and so on, to a root if there is one. What
/// does not belong to this chain is dropped.
pub fn arrange(links: Vec<Link>) -> Vec<Link> {
    let mut rest = links;
    let mut chain: Vec<Link> = Vec::new();
    let mut next = (!rest.is_empty()).then(|| rest.remove(0));
    while let Some(link) = next.take() {
        rest.retain(|other| other.der != link.der);
        if !link.is_root {
            let issuers = rest.iter().enumerate().filter(|(_, other)| link.is_issued_by(other));
            // A root ends the chain; one that another root signed does not.
            let issuer = issuers.max_by_key(|(_, other)| other.is_root).map(|(index, _)| index);
            next = issuer.map(|index| rest.remove(index));
        }
        chain.push(link);
    }
    chain
}

/// The first private key of a text, without anything around it.
pub fn private_key(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(at) = text[from..].find("-----BEGIN ") {
        let begin = from + at;
        let label = text[begin..].lines().next()?.trim().trim_start_matches("-----BEGIN ");
        let label = label.trim_end_matches("-----");
        if label.ends_with("PRIVATE KEY") {
            let mark = format!("-----END {label}-----");
            let end = text[begin..].find(&mark)?;
            return Some(&text[begin..begin + end + mark.len()]);
        }
        from = begin + "-----BEGIN ".len();
    }
    None
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    /// Leaf, two intermediates and the root.
    fn chain() -> Vec<String> {
        let params = |name: &str, is_ca: bool| {
            let mut params = CertificateParams::new(vec!["kubeflow.example.com".into()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.use_authority_key_identifier_extension = true;
            if is_ca {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            params
        };
        let keys: Vec<KeyPair> = (0..4).map(|_| KeyPair::generate().unwrap()).collect();
        let root = params("root", true);
        let mut pems = vec![root.self_signed(&keys[0]).unwrap().pem()];
        let mut above = root;
        for (index, name) in ["one", "two", "leaf"].into_iter().enumerate() {
            let params = params(name, name != "leaf");
            let issuer = Issuer::from_params(&above, &keys[index]);
            pems.push(params.signed_by(&keys[index + 1], &issuer).unwrap().pem());
            above = params;
        }
        pems.reverse();
        pems.into_iter().map(|pem| pem.trim().to_owned()).collect()
    }

    fn pems(links: &[Link]) -> Vec<&str> {
        links.iter().map(|link| link.pem.as_str()).collect()
    }

    #[test]
    fn certificates_in_any_order_are_a_chain() {
        let chain = chain();
        let stranger = self::chain().remove(3);
        let orders: [&[usize]; 6] = [
            &[0, 1, 2, 3],
            &[0, 3, 2, 1],
            &[0, 2, 1, 3],
            &[0, 3, 1, 2, 1, 0],
            &[0, 2, 3, 1],
            &[0, 1, 3, 2],
        ];
        for order in orders {
            let mut text: Vec<&str> = order.iter().map(|at| chain[*at].as_str()).collect();
            text.push(&stranger);
            let links = certificates(text.join("\n").as_bytes()).unwrap();
            let arranged = arrange(links);
            assert_eq!(pems(&arranged), chain, "{order:?}");
            let roots: Vec<bool> = arranged.iter().map(|link| link.is_root).collect();
            assert_eq!(roots, [false, false, false, true]);
        }
        // Without its issuer a chain ends.
        let links = certificates(format!("{}\n{}", chain[0], chain[2]).as_bytes()).unwrap();
        assert_eq!(pems(&arrange(links)), [&chain[0]]);
    }

    #[test]
    fn text_around_certificates_is_dropped_and_private_key_is_refused() {
        let pem = chain().remove(0);
        let text =
            format!("Issuer: Société Générale\r\n{}\r\n\r\n# ende\r\n", pem.replace('\n', "\r\n"));
        assert_eq!(pems(&certificates(text.as_bytes()).unwrap()), [&pem]);
        let latin = [b"\xe9t\xe9\n", pem.as_bytes()].concat();
        assert_eq!(pems(&certificates(&latin).unwrap()), [&pem]);
        let key = KeyPair::generate().unwrap().serialize_pem();
        let both = format!("{pem}\n{key}");
        assert_eq!(certificates(both.as_bytes()), Err(ChainProblem::PrivateKey));
        assert_eq!(certificates(b"no certificate"), Err(ChainProblem::Empty));
        let parameters =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let around = format!("clé\n{parameters}{key}after\n");
        assert_eq!(private_key(&around), Some(key.trim()));
        assert_eq!(private_key(&pem), None);
    }
}
