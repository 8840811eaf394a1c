//! `tls-certificates`, version 1: why a provider issues no certificate for a request, and what it
//! can issue at all.

use juju_charm::relation::Databag;
use serde::{Deserialize, Serialize};

use crate::pki::{Name, Request, RequestProblem};

/// Databag key of the errors.
pub const ERRORS: &str = "request_errors";
/// Databag key of the capabilities.
pub const CAPABILITIES: &str = "capabilities";

/// An error in a databag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestError {
    /// Request, verbatim. The published schema has another name for it than the library, which
    /// drops the whole databag for that name.
    #[serde(rename = "csr", alias = "certificate_signing_request")]
    pub request: String,
    /// Why.
    pub error: ErrorBody,
}

/// Why a provider issues no certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// 1xx: the request; 2xx: the provider's server; 999: other.
    pub code: i64,
    /// Name of the code.
    pub name: String,
    /// In a sentence.
    pub message: String,
    /// Details.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Provider that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// Requests that a provider can meet; `None` where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Certificates for addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_ip_sans: Option<bool>,
    /// Certificates for wildcards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_wildcard_dns: Option<bool>,
    /// Certificates for subdomains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_subdomain: Option<bool>,
    /// Certificates of authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_ca_certificates: Option<bool>,
    /// Domains that it issues for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_domains: Option<Vec<String>>,
    /// Kind of provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_type: Option<String>,
}

impl RequestError {
    /// The error of a refused request; `by` is the provider.
    pub fn refused(request: &str, problem: &RequestProblem, by: &str) -> Self {
        let (code, name) = match problem {
            RequestProblem::ForeignName(Name::Ip(_)) => (101, "IP_NOT_ALLOWED"),
            RequestProblem::ForeignName(Name::Wildcard(_)) => (103, "WILDCARD_NOT_ALLOWED"),
            RequestProblem::ForeignName(_) | RequestProblem::NotAName(_) => {
                (102, "DOMAIN_NOT_ALLOWED")
            }
            _ => (999, "OTHER"),
        };
        let error = ErrorBody {
            code,
            name: name.into(),
            message: problem.to_string(),
            provider: Some(by.into()),
            ..ErrorBody::default()
        };
        Self { request: request.trim().to_owned(), error }
    }
}

impl std::fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, name, message, reason, endpoint, .. } = self;
        let name = if name.is_empty() { format!("error {code}") } else { name.clone() };
        write!(f, "{name}: {message}")?;
        if let Some(reason) = reason {
            write!(f, " ({reason})")?;
        }
        match endpoint {
            Some(endpoint) => write!(f, ", at {endpoint}"),
            None => Ok(()),
        }
    }
}

impl Capabilities {
    /// Requests that the charm's own authority can meet.
    pub fn own() -> Self {
        Self {
            supports_ip_sans: Some(true),
            supports_wildcard_dns: Some(true),
            supports_subdomain: Some(true),
            supports_ca_certificates: Some(false),
            provider_type: Some("self-signed".into()),
            ..Self::default()
        }
    }

    /// What is passed on of an upstream provider: there are no certificates of authorities.
    pub fn passed_on(self) -> Self {
        Self { supports_ca_certificates: Some(false), ..self }
    }

    /// The part of a request that the provider cannot issue.
    pub fn lack(&self, request: &Request) -> Option<String> {
        request.names.iter().find_map(|name| self.lack_of(name))
    }

    fn lack_of(&self, name: &Name) -> Option<String> {
        let domain = match name {
            Name::Ip(_) => {
                return (self.supports_ip_sans == Some(false)).then(|| "addresses".into());
            }
            Name::Wildcard(_) if self.supports_wildcard_dns == Some(false) => {
                return Some("wildcards".into());
            }
            Name::Dns(domain) | Name::Wildcard(domain) => domain,
        };
        // An empty list says as little as none.
        let allowed = self.allowed_domains.as_ref().filter(|allowed| !allowed.is_empty())?;
        let is_at = |allowed: &String| domain.eq_ignore_ascii_case(allowed);
        let is_below = |allowed: &String| {
            let suffix = format!(".{}", allowed.to_ascii_lowercase());
            domain.to_ascii_lowercase().ends_with(&suffix)
        };
        let is_exact = matches!(name, Name::Dns(_)) && allowed.iter().any(is_at);
        let is_subdomain =
            allowed.iter().any(|allowed| is_below(allowed) || is_at(allowed) && !is_exact);
        let is_allowed = is_exact || is_subdomain && self.supports_subdomain != Some(false);
        (!is_allowed).then(|| name.to_string())
    }
}

/// Parses the errors of a provider's databag. What is malformed is left out: it must not hide a
/// certificate.
pub fn errors(databag: &Databag) -> Vec<RequestError> {
    let text = databag.get(ERRORS).map(String::as_str).unwrap_or_default();
    let all: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect()
}

/// Parses the capabilities of a provider's databag; `None` if it says none.
pub fn capabilities(databag: &Databag) -> Option<Capabilities> {
    serde_json::from_str(databag.get(CAPABILITIES)?).ok()
}

/// Databag of a provider; an empty value deletes the key.
pub fn write(errors: &[RequestError], capabilities: Option<&Capabilities>) -> Databag {
    // Serializing strings, numbers and booleans cannot fail.
    let errors = match errors {
        [] => String::new(),
        errors => serde_json::to_string(errors).unwrap_or_default(),
    };
    let capabilities = capabilities.map(|known| serde_json::to_string(known).unwrap_or_default());
    Databag::from([
        (ERRORS.to_owned(), errors),
        (CAPABILITIES.to_owned(), capabilities.unwrap_or_default()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_beyond_the_domains_of_a_provider_is_what_it_lacks() {
        let known = |text: &str| {
            capabilities(&Databag::from([(CAPABILITIES.into(), text.into())])).unwrap()
        };
        let of = |name: &str, text: &str| known(text).lack_of(&name.parse().unwrap());
        let lack = |name: &str| Some(name.to_owned());
        let domains = r#"{"allowed_domains": ["example.com", "kf.corp"]}"#;
        let exact = r#"{"allowed_domains": ["example.com"], "supports_subdomain": false}"#;
        for (name, capabilities, wanted) in [
            ("kubeflow.example.com", domains, None),
            ("example.com", domains, None),
            ("*.example.com", domains, None),
            ("10.0.0.1", domains, None),
            ("kubeflow.example.org", domains, lack("kubeflow.example.org")),
            ("badexample.com", domains, lack("badexample.com")),
            ("example.com", exact, None),
            ("kubeflow.example.com", exact, lack("kubeflow.example.com")),
            ("*.example.com", exact, lack("*.example.com")),
            ("kubeflow.example.com", r#"{"supports_subdomain": false}"#, None),
            ("kubeflow.example.com", r#"{"allowed_domains": []}"#, None),
            ("*.example.com", r#"{"supports_wildcard_dns": false}"#, lack("wildcards")),
            ("10.0.0.1", r#"{"supports_ip_sans": false}"#, lack("addresses")),
        ] {
            assert_eq!(of(name, capabilities), wanted, "{name} by {capabilities}");
        }
    }

    #[test]
    fn errors_under_either_name_are_read_and_written_under_the_librarys() {
        let text = r#"[
            {"csr": "one", "error": {"code": 102, "name": "DOMAIN_NOT_ALLOWED", "message": "no"}},
            {"certificate_signing_request": "two", "error": {"code": 201, "name": "",
             "message": "down", "reason": "timeout", "endpoint": "https://vault:8200"}},
            {"error": "malformed"}]"#;
        let read = errors(&Databag::from([(ERRORS.into(), text.into())]));
        let texts: Vec<String> = read.iter().map(|one| one.error.to_string()).collect();
        let down = "error 201: down (timeout), at https://vault:8200";
        assert_eq!(texts, ["DOMAIN_NOT_ALLOWED: no", down]);
        let written = write(&read, Some(&Capabilities::own()));
        assert!(!written[ERRORS].contains("certificate_signing_request"));
        assert_eq!(errors(&written), read);
        assert_eq!(capabilities(&written), Some(Capabilities::own()));
        assert_eq!(write(&[], None).values().collect::<Vec<_>>(), ["", ""]);
    }
}
