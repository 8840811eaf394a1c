//! `tls-certificates`, version 1: requests of the requirer, and certificates of the provider.
//!
//! A requirer writes to its unit databags, where all libraries read them; a provider writes to its
//! application databag.

use juju_charm::relation::Databag;
use serde::{Deserialize, Serialize};

use crate::pki::{AnswerProblem, Issued};

/// Databag key of the requests.
pub const REQUESTS: &str = "certificate_signing_requests";
/// Databag key of the certificates.
pub const ANSWERS: &str = "certificates";

/// A request in a databag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// Certificate signing request, PEM.
    #[serde(rename = "certificate_signing_request")]
    pub pem: String,
    /// Whether a CA certificate is requested. Libraries of version 4 ignore a databag without
    /// this field.
    #[serde(default, rename = "ca")]
    pub wants_authority: bool,
}

/// A certificate in a databag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerEntry {
    /// Request, verbatim: the requirer looks up its certificate by this text.
    #[serde(rename = "certificate_signing_request")]
    pub request: String,
    /// Certificate, PEM.
    pub certificate: String,
    /// Certificate of the issuer, PEM.
    pub ca: String,
    /// Chain from the certificate to the root. Without it libraries of version 3 never renew.
    #[serde(default)]
    pub chain: Vec<String>,
    /// Whether it is revoked. Never written: istio-pilot reacts by wiping its key.
    #[serde(default, skip_serializing, deserialize_with = "null_is_false")]
    pub revoked: bool,
}

fn null_is_false<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or_default())
}

/// A malformed value in a databag.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {source}")]
pub struct BadDatabag {
    key: &'static str,
    source: serde_json::Error,
}

impl AnswerEntry {
    /// Creates the entry of an issued certificate.
    pub fn new(request: &str, issued: Issued) -> Self {
        let trimmed = |pem: String| pem.trim().to_owned();
        Self {
            request: request.to_owned(),
            certificate: trimmed(issued.certificate),
            ca: trimmed(issued.ca),
            chain: issued.chain.into_iter().map(trimmed).collect(),
            revoked: false,
        }
    }

    /// The issued certificate, as it is written here.
    pub fn issued(&self) -> Issued {
        Issued {
            certificate: self.certificate.clone(),
            ca: self.ca.clone(),
            chain: self.chain.clone(),
        }
    }

    /// The issued certificate, whatever the order in which a provider wrote its chain.
    pub fn arranged(&self) -> Result<Issued, AnswerProblem> {
        Issued::of_provider(&self.certificate, &self.ca, &self.chain)
    }
}

/// Parses the requests of a unit databag.
pub fn requests(databag: &Databag) -> Result<Vec<RequestEntry>, BadDatabag> {
    read(databag, REQUESTS)
}

/// Parses the certificates of an application databag.
pub fn answers(databag: &Databag) -> Result<Vec<AnswerEntry>, BadDatabag> {
    read(databag, ANSWERS)
}

fn read<T: serde::de::DeserializeOwned>(
    databag: &Databag,
    key: &'static str,
) -> Result<Vec<T>, BadDatabag> {
    // Juju deletes a key by setting it to an empty value.
    let Some(text) = databag.get(key).filter(|text| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    serde_json::from_str(text).map_err(|source| BadDatabag { key, source })
}

/// Unit databag of a requirer; an empty value deletes the key.
pub fn write_requests(entries: &[RequestEntry]) -> Databag {
    write(REQUESTS, entries)
}

/// Application databag of a provider; an empty value deletes the key.
pub fn write_answers(entries: &[AnswerEntry]) -> Databag {
    write(ANSWERS, entries)
}

fn write<T: Serialize>(key: &str, entries: &[T]) -> Databag {
    let text = match entries {
        [] => String::new(),
        // Serializing strings and booleans cannot fail.
        entries => serde_json::to_string(entries).unwrap_or_default(),
    };
    Databag::from([(key.to_owned(), text)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn databag(key: &str, text: &str) -> Databag {
        Databag::from([(key.to_owned(), text.to_owned())])
    }

    #[test]
    fn revoked_is_parsed_and_never_written() {
        let text = r#"[{"certificate_signing_request": "r", "certificate": "c", "ca": "a",
            "chain": ["c", "a"], "revoked": true, "recommended_expiry_notification_time": 48},
            {"certificate_signing_request": "s", "certificate": "c", "ca": "a", "revoked": null}]"#;
        let read = answers(&databag(ANSWERS, text)).unwrap();
        assert!(read[0].revoked && !read[1].revoked);
        assert!(!write_answers(&read)[ANSWERS].contains("revoked"));
    }

    #[test]
    fn empty_list_is_empty_value_and_malformed_databag_is_error() {
        assert_eq!(write_requests(&[])[REQUESTS], "");
        assert_eq!(requests(&write_requests(&[])).unwrap(), []);
        assert_eq!(requests(&Databag::new()).unwrap(), []);
        let why = requests(&databag(REQUESTS, "-----BEGIN")).unwrap_err();
        assert!(why.to_string().starts_with("certificate_signing_requests: "));
    }
}
