//! Certificates and private keys in values of any kind: data of Secrets and ConfigMaps, variables
//! and arguments of containers. Only their public parts are retained.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::private_key::PrivateKey;
use crate::text::Interned;

/// Certificates and private keys of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CryptoMaterial {
    /// Name of the value: a key of a Secret or ConfigMap, a variable, the number of an argument.
    pub field: Interned,
    /// Certificates, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Certificate>,
    /// Private keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<PrivateKey>,
}

/// Begins every block of PEM.
const BEGIN: &[u8] = b"-----BEGIN ";
/// The same in base64 once and twice, as far as whole groups of it go.
const BEGIN_ENCODED: [&[u8]; ENCODED] = [b"LS0tLS1CRUdJTi", b"TFMwdExTMUNSVWRK"];
/// How often PEM may be encoded in base64.
const ENCODED: usize = 2;

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut from = 0;
    while let Some(at) = text.get(from..)?.iter().position(|byte| *byte == first) {
        let start = from + at;
        if text[start..].starts_with(part) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

impl CryptoMaterial {
    /// What a value holds: PEM, also within other text or in base64, a certificate or key in DER,
    /// and keystores.
    pub fn of(field: impl Into<Interned>, value: &[u8]) -> Option<Self> {
        let mut found = Self { field: field.into(), ..Self::default() };
        found.read(value, ENCODED);
        (!found.chain.is_empty() || !found.keys.is_empty()).then_some(found)
    }

    fn read(&mut self, value: &[u8], encoded: usize) {
        if position(value, BEGIN).is_some() {
            // As JSON and shells write lines.
            let lines = Zeroizing::new(value.to_vec());
            let text = Zeroizing::new(String::from_utf8_lossy(&lines).replace("\\n", "\n"));
            blocks(&text, |label, der, is_encrypted| self.add(label, der, is_encrypted));
        } else if let Some(start) = BEGIN_ENCODED.iter().find_map(|begin| position(value, begin)) {
            let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte);
            let all = value[start..].iter().take_while(is_part);
            let all = all.copied().filter(|byte| !byte.is_ascii_whitespace());
            let text = Zeroizing::new(all.collect::<Vec<u8>>());
            if let (Ok(inner), true) = (BASE64.decode(text.as_slice()), encoded > 0) {
                self.read(&Zeroizing::new(inner), encoded - 1);
            }
        } else if let Some(store) = PrivateKey::keystore(value) {
            self.keys.push(store);
        } else if value.first() == Some(&0x30) {
            match Certificate::from_der(value) {
                Ok(certificate) => self.chain.push(certificate),
                Err(_) => self.keys.extend(PrivateKey::of_der(value)),
            }
        }
    }

    fn add(&mut self, label: &str, der: &[u8], is_encrypted: bool) {
        match label {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => {
                self.chain.extend(Certificate::from_der(der));
            }
            label if label.ends_with("PRIVATE KEY") => {
                self.keys.push(PrivateKey::of_block(label, der, is_encrypted));
            }
            _ => {}
        }
    }

    /// Whether it holds the private key of this public one.
    pub fn holds_key_of(&self, public_key: &str) -> bool {
        self.keys.iter().any(|key| key.public_key.as_deref() == Some(public_key))
    }
}

/// Calls for each block of PEM in a text, with its label, its content, and whether a header says
/// that it is encrypted.
fn blocks(text: &str, mut each: impl FnMut(&str, &[u8], bool)) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else { return };
        let Some((body, end)) = body.split_once("-----END ") else { return };
        let (headers, body) = body
            .split_once("\n\n")
            .filter(|(headers, _)| headers.contains(':'))
            .unwrap_or(("", body));
        let plain: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        if let Ok(der) = BASE64.decode(plain.as_bytes()) {
            each(label, &Zeroizing::new(der), headers.contains("ENCRYPTED"));
        }
        rest = end;
    }
}

/// Certificates and keys in variables of a container. Of the values nothing else is retained.
pub(crate) fn in_variables<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<[CryptoMaterial]>>, D::Error> {
    #[derive(Deserialize)]
    struct Variable {
        #[serde(default)]
        name: Interned,
        #[serde(default)]
        field: Interned,
        #[serde(default)]
        value: Held,
        #[serde(default)]
        chain: Vec<Certificate>,
        #[serde(default)]
        keys: Vec<PrivateKey>,
    }
    let all = Option::<Vec<Variable>>::deserialize(deserializer)?.unwrap_or_default();
    let found = all.into_iter().filter_map(|of| match of.value.0 {
        Some(found) => Some(CryptoMaterial { field: of.name, ..found }),
        // As a snapshot has it.
        None if of.chain.is_empty() && of.keys.is_empty() => None,
        None => Some(CryptoMaterial { field: of.field, chain: of.chain, keys: of.keys }),
    });
    Ok(boxed(found.collect()))
}

/// The same in arguments.
pub(crate) fn in_arguments<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<[CryptoMaterial]>>, D::Error> {
    let all = Option::<Vec<Held>>::deserialize(deserializer)?.unwrap_or_default();
    let found = all.into_iter().enumerate().filter_map(|(index, held)| {
        let found = held.0?;
        match found.field.is_empty() {
            true => Some(CryptoMaterial { field: index.to_string().as_str().into(), ..found }),
            false => Some(found),
        }
    });
    Ok(boxed(found.collect()))
}

fn boxed(found: Vec<CryptoMaterial>) -> Option<Box<[CryptoMaterial]>> {
    (!found.is_empty()).then(|| found.into_boxed_slice())
}

/// What a text holds, or what a snapshot says of it.
#[derive(Default)]
struct Held(Option<CryptoMaterial>);

impl<'de> Deserialize<'de> for Held {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Held;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Held, E> {
                Ok(Held(CryptoMaterial::of("", text.as_bytes())))
            }

            fn visit_unit<E: Error>(self) -> Result<Held, E> {
                Ok(Held(None))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Held, A::Error> {
                let of = serde::de::value::MapAccessDeserializer::new(map);
                CryptoMaterial::deserialize(of).map(|found| Held(Some(found)))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["a.example.com".into()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn key_is_found_in_any_wrapping() {
        let (certificate, key) = pair();
        let bare = Certificate::from_pem(certificate.as_bytes()).unwrap().remove(0);
        let json = serde_json::json!({"type": "service_account", "private_key": key}).to_string();
        let once = BASE64.encode(&key);
        for text in [
            key.clone(),
            format!("{certificate}{key}"),
            format!("--tls-key={}", key.replace('\n', "\\n")),
            json,
            once.clone(),
            format!("--key={once}"),
            BASE64.encode(&once),
        ] {
            let found = CryptoMaterial::of("x", text.as_bytes()).unwrap();
            assert!(found.holds_key_of(&bare.public_key), "{found:?}");
            let shown = serde_json::to_string(&found).unwrap();
            assert!(!shown.contains("PRIVATE") && !shown.contains(&once[..40]), "{shown}");
        }
        assert_eq!(CryptoMaterial::of("x", b"nothing of the kind"), None);
        assert_eq!(CryptoMaterial::of("x", certificate.as_bytes()).unwrap().keys, []);
    }

    #[test]
    fn variables_and_arguments_keep_nothing_but_public_parts() {
        let (_, key) = pair();
        let container = serde_json::json!({"name": "main", "env": [{"name": "A", "value": "hunter2"},
            {"name": "TLS_KEY", "value": key}, {"name": "B", "valueFrom": {}}], "args": ["--x", key]});
        let container: crate::core::Container = serde_json::from_value(container).unwrap();
        let text = serde_json::to_string(&container).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("PRIVATE"), "{text}");
        let again: crate::core::Container = serde_json::from_str(&text).unwrap();
        assert_eq!(container, again);
        let fields = |found: &Option<Box<[CryptoMaterial]>>| {
            found.iter().flatten().map(|one| one.field.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            (fields(&again.env), fields(&again.args)),
            (vec!["TLS_KEY".into()], vec!["1".into()])
        );
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = CryptoMaterial::of("x", &bytes);
            let _ = CryptoMaterial::of("x", &[BEGIN, &bytes, b"-----\nMA==\n-----END x-----"].concat());
            for begin in BEGIN_ENCODED {
                let _ = CryptoMaterial::of("x", &[begin, &bytes].concat());
            }
        }
    }
}
