//! Private keys: kind, size and public part. Nothing else of them is retained.

use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{FromDer, Integer, OctetString, Sequence};
use zeroize::Zeroizing;

/// A private key, without its private part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrivateKey {
    /// `RSA`, `EC`, `Ed25519`, `OpenSSH`, `PKCS#12`, `JKS` or an object identifier; empty if it
    /// cannot be detected.
    pub key_type: String,
    /// Size in bits; 0 if it is not known.
    pub key_bits: usize,
    /// Curve of an elliptic key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
    /// Whether a password is needed to use it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), in hex, for comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// Object identifiers as DER has them.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const PKCS7_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// Curves: identifier, name, bits.
const CURVES: &[(&[u8], &str, usize)] = &[
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01], "P-192", 192),
    (&[0x2b, 0x81, 0x04, 0x00, 0x21], "P-224", 224),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], "P-256", 256),
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], "P-384", 384),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "P-521", 521),
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1", 256),
];

/// Name and size of a curve, by its object identifier in DER.
pub(crate) fn curve(identifier: &[u8]) -> Option<(&'static str, usize)> {
    let known = CURVES.iter().find(|(known, ..)| *known == identifier);
    known.map(|(_, name, bits)| (*name, *bits))
}

/// Tag and content of the first value of DER, and what follows it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short if short < 0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            if bytes.len() > 4 {
                return None;
            }
            (bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn tagged(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    value(der).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const IDENTIFIER: u8 = 0x06;

/// Curve and public point of an `ECPrivateKey`, with the curve that PKCS#8 may have named before.
fn elliptic(der: &[u8], outer: Option<&[u8]>) -> Option<PrivateKey> {
    let (content, _) = tagged(der, SEQUENCE)?;
    let (_, rest) = tagged(content, INTEGER)?;
    let (_, mut rest) = tagged(rest, OCTETS)?;
    let (mut named, mut point) = (outer, None);
    while let Some((tag, content, after)) = value(rest) {
        match tag {
            0xa0 => named = tagged(content, IDENTIFIER).map(|(identifier, _)| identifier),
            0xa1 => point = tagged(content, 0x03).map(|(bits, _)| bits),
            _ => {}
        }
        rest = after;
    }
    let named = named?;
    let (curve, key_bits) = curve(named).map_or((None, 0), |(name, bits)| (Some(name), bits));
    let identifier = |content: &[u8]| [&[IDENTIFIER, content.len() as u8], content].concat();
    let public_key = point.filter(|point| point.len() < 0x100).map(|point| {
        let algorithm = [identifier(EC), identifier(named)].concat();
        let algorithm = [&[SEQUENCE, algorithm.len() as u8][..], &algorithm].concat();
        let point = match point.len() {
            short if short < 0x80 => [&[0x03, short as u8][..], point].concat(),
            long => [&[0x03, 0x81, long as u8][..], point].concat(),
        };
        let content = [algorithm, point].concat();
        let head: &[u8] = match content.len() {
            short if short < 0x80 => &[SEQUENCE, short as u8],
            long => &[SEQUENCE, 0x81, long as u8],
        };
        public_key_hash(&[head, &content].concat())
    });
    Some(PrivateKey {
        key_type: "EC".into(),
        key_bits,
        curve: curve.map(str::to_owned),
        encrypted: false,
        public_key,
    })
}

/// Bits of the modulus of an `RSAPrivateKey`.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let (content, _) = tagged(der, SEQUENCE)?;
    let (_, rest) = tagged(content, INTEGER)?;
    let (modulus, _) = tagged(rest, INTEGER)?;
    let modulus = &modulus[modulus.iter().position(|byte| *byte != 0)?..];
    Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
}

impl PrivateKey {
    fn of_kind(kind: &str, key_bits: usize) -> Self {
        Self { key_type: kind.into(), key_bits, ..Self::default() }
    }

    /// A key in DER: PKCS#8, PKCS#1 or SEC 1.
    pub fn of_der(der: &[u8]) -> Option<Self> {
        let (content, _) = tagged(der, SEQUENCE)?;
        let (_, rest) = tagged(content, INTEGER)?;
        let mut key = match value(rest)? {
            (SEQUENCE, algorithm, rest) => {
                let (inner, _) = tagged(rest, OCTETS)?;
                let (kind, parameters) = tagged(algorithm, IDENTIFIER)?;
                match kind {
                    RSA => Self::of_kind("RSA", rsa_bits(inner)?),
                    EC => elliptic(inner, tagged(parameters, IDENTIFIER).map(|(id, _)| id))?,
                    ED25519 => Self::of_kind("Ed25519", 256),
                    _ => Self::default(),
                }
            }
            (OCTETS, ..) => elliptic(der, None)?,
            (INTEGER, ..) => Self::of_kind("RSA", rsa_bits(der)?),
            _ => return None,
        };
        key.public_key = public_key_of_private_der(der).or(key.public_key);
        Some(key)
    }

    /// A key of a block of PEM.
    pub(crate) fn of_block(label: &str, der: &[u8], is_encrypted: bool) -> Self {
        match label {
            "ENCRYPTED PRIVATE KEY" => Self { encrypted: true, ..Self::default() },
            "OPENSSH PRIVATE KEY" => Self::of_kind("OpenSSH", 0),
            _ if is_encrypted => Self { encrypted: true, ..Self::default() },
            _ => Self::of_der(der).unwrap_or_default(),
        }
    }

    /// A keystore: PKCS#12, or Java's own.
    pub(crate) fn keystore(value: &[u8]) -> Option<Self> {
        let kind = match value {
            [0xfe, 0xed, 0xfe, 0xed, ..] => "JKS",
            [SEQUENCE, ..] => {
                let (content, _) = tagged(value, SEQUENCE)?;
                let (version, rest) = tagged(content, INTEGER)?;
                let (data, _) = tagged(rest, SEQUENCE)?;
                let (kind, _) = tagged(data, IDENTIFIER)?;
                (version == [3] && kind == PKCS7_DATA).then_some("PKCS#12")?
            }
            _ => return None,
        };
        Some(Self { key_type: kind.into(), encrypted: true, ..Self::default() })
    }

    /// What it is, in words.
    pub fn describe(&self) -> String {
        let kind = match (self.key_type.as_str(), self.curve.as_deref(), self.key_bits) {
            ("", ..) => "private key".to_owned(),
            (store @ ("PKCS#12" | "JKS"), ..) => return format!("{store} keystore"),
            (kind, Some(curve), _) => format!("{kind} {curve} private key"),
            (kind, None, 0) => format!("{kind} private key"),
            (kind, None, bits) => format!("{kind} {bits} private key"),
        };
        if self.encrypted { format!("encrypted {kind}") } else { kind }
    }
}

/// SHA-256 of a SubjectPublicKeyInfo (DER), in hex.
pub fn public_key_hash(spki: &[u8]) -> String {
    Sha256::digest(spki).iter().map(|b| format!("{b:02x}")).collect()
}

/// Hash of the public key that belongs to a PEM private key, for comparison with
/// [`Certificate::public_key`]; `None` for unsupported key types. Nothing of the private key is
/// retained.
pub fn public_key_of_private(pem: &[u8]) -> Option<String> {
    let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let known = public_key_of_key(&key);
    // Of curves that ring does not know, what the key itself says.
    known.or_else(|| PrivateKey::of_der(key.secret_der())?.public_key)
}

/// The same of a private key in DER.
fn public_key_of_private_der(der: &[u8]) -> Option<String> {
    public_key_of_key(&PrivateKeyDer::try_from(der).ok()?)
}

fn public_key_of_key(key: &PrivateKeyDer<'_>) -> Option<String> {
    let spki = match key {
        PrivateKeyDer::Pkcs1(der) => rsa_public(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => rsa_of_pkcs8(der.secret_pkcs8_der()),
        _ => None,
    };
    spki.or_else(|| crate::tls::public_key_of(key)).map(|spki| public_key_hash(&spki))
}

// ring accepts RSA keys of 2048 to 4096 bits only; weaker keys must be reported, so modulus and
// exponent are parsed here.
fn rsa_public(pkcs1: &[u8]) -> Option<Vec<u8>> {
    let (_, sequence) = Sequence::from_der(pkcs1).ok()?;
    let (rest, _version) = Integer::from_der(&sequence.content).ok()?;
    let (rest, modulus) = Integer::from_der(rest).ok()?;
    let (_, exponent) = Integer::from_der(rest).ok()?;
    let numbers = encoded(
        0x30,
        &[encoded(0x02, modulus.as_ref()), encoded(0x02, exponent.as_ref())].concat(),
    );
    let bits = encoded(0x03, &[&[0], &numbers[..]].concat());
    // AlgorithmIdentifier: rsaEncryption, NULL.
    let algorithm =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    Some(encoded(0x30, &[&algorithm[..], &bits].concat()))
}

fn rsa_of_pkcs8(pkcs8: &[u8]) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let (_, sequence) = Sequence::from_der(pkcs8).ok()?;
    let (rest, _version) = Integer::from_der(&sequence.content).ok()?;
    let (rest, algorithm) = Sequence::from_der(rest).ok()?;
    if !algorithm.content.windows(RSA.len()).any(|window| window == RSA) {
        return None;
    }
    let (_, key) = OctetString::from_der(rest).ok()?;
    rsa_public(&Zeroizing::new(key.as_ref().to_vec()))
}

fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().position(|b| *b != 0).unwrap_or(length.len() - 1)..];
    if content.len() < 128 {
        out.push(content.len() as u8);
    } else {
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = rsa_public(&bytes);
            let _ = rsa_of_pkcs8(&bytes);
            let _ = PrivateKey::of_der(&bytes);
        }
    }
}
