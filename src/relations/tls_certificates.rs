//! `tls-certificates`, version 1: a requirer's requests, and a provider's answers.
//!
//! A requirer writes into its units' databags, as all libraries read it there; a provider
//! into its application's.

use juju_charm::relation::Databag;
use serde::{Deserialize, Serialize};

use crate::pki::Issued;

/// Where a requirer has its requests.
pub const REQUESTS: &str = "certificate_signing_requests";
/// Where a provider has its answers.
pub const ANSWERS: &str = "certificates";

/// A request as it stands in a databag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// The request, PEM.
    #[serde(rename = "certificate_signing_request")]
    pub pem: String,
    /// Whether a certificate of an authority is asked for. Libraries of version 4 skip a
    /// databag where it is not said.
    #[serde(default, rename = "ca")]
    pub wants_authority: bool,
}

/// An answer as it stands in a databag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerEntry {
    /// The request as it came: its text is how it is found.
    #[serde(rename = "certificate_signing_request")]
    pub request: String,
    /// The certificate, PEM.
    pub certificate: String,
    /// Who signed it, PEM.
    pub ca: String,
    /// From the certificate to the root. Without it version 3 never renews.
    #[serde(default)]
    pub chain: Vec<String>,
    /// Never written: istio-pilot answers it by wiping its key.
    #[serde(default, skip_serializing, deserialize_with = "null_is_false")]
    pub revoked: bool,
}

fn null_is_false<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or_default())
}

/// A databag that does not say what it should.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {source}")]
pub struct BadDatabag {
    key: &'static str,
    source: serde_json::Error,
}

impl AnswerEntry {
    /// The entry of an answer.
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

    /// What it answers with.
    pub fn issued(&self) -> Issued {
        Issued {
            certificate: self.certificate.clone(),
            ca: self.ca.clone(),
            chain: self.chain.clone(),
        }
    }
}

/// The requests of a unit's databag.
pub fn requests(databag: &Databag) -> Result<Vec<RequestEntry>, BadDatabag> {
    read(databag, REQUESTS)
}

/// The answers of an application's databag.
pub fn answers(databag: &Databag) -> Result<Vec<AnswerEntry>, BadDatabag> {
    read(databag, ANSWERS)
}

fn read<T: serde::de::DeserializeOwned>(
    databag: &Databag,
    key: &'static str,
) -> Result<Vec<T>, BadDatabag> {
    // An empty value is what a key is deleted with.
    let Some(text) = databag.get(key).filter(|text| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    serde_json::from_str(text).map_err(|source| BadDatabag { key, source })
}

/// What a requirer writes; an empty value deletes.
pub fn write_requests(entries: &[RequestEntry]) -> Databag {
    write(REQUESTS, entries)
}

/// What a provider writes.
pub fn write_answers(entries: &[AnswerEntry]) -> Databag {
    write(ANSWERS, entries)
}

fn write<T: Serialize>(key: &str, entries: &[T]) -> Databag {
    let text = match entries {
        [] => String::new(),
        // Texts and booleans cannot fail to be written.
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
    fn a_revoked_answer_is_read_and_never_written() {
        let text = r#"[{"certificate_signing_request": "r", "certificate": "c", "ca": "a",
            "chain": ["c", "a"], "revoked": true, "recommended_expiry_notification_time": 48},
            {"certificate_signing_request": "s", "certificate": "c", "ca": "a", "revoked": null}]"#;
        let read = answers(&databag(ANSWERS, text)).unwrap();
        assert!(read[0].revoked && !read[1].revoked);
        assert!(!write_answers(&read)[ANSWERS].contains("revoked"));
    }

    #[test]
    fn nothing_is_written_as_nothing_and_a_bad_databag_is_told() {
        assert_eq!(write_requests(&[])[REQUESTS], "");
        assert_eq!(requests(&write_requests(&[])).unwrap(), []);
        assert_eq!(requests(&Databag::new()).unwrap(), []);
        let why = requests(&databag(REQUESTS, "-----BEGIN")).unwrap_err();
        assert!(why.to_string().starts_with("certificate_signing_requests: "));
    }
}
