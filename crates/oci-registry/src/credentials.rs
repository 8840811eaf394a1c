//! Logins to registries, in the form of Docker's `config.json`.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Problems of a file of logins, without its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not JSON, or not of this form.
    #[error("it is no config.json of Docker, {{\"auths\": {{HOST: {{\"auth\": BASE64}}}}}}")]
    Form,
    /// A login is not.
    #[error(
        "the login for {0} is neither auth, USER:PASSWORD in base64, nor username and password"
    )]
    Login(String),
}

/// Logins by host of a registry. They do not print.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, Zeroizing<String>>);

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Zeroizing<String>,
    username: String,
    password: Zeroizing<String>,
}

impl Credentials {
    /// Parses a `config.json` of Docker. Helpers that it names are not run.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let file: File = serde_json::from_str(text).map_err(|_| CredentialError::Form)?;
        let mut all = BTreeMap::new();
        for (host, entry) in file.auths {
            let bad = || CredentialError::Login(host.clone());
            let login = if !entry.username.is_empty() {
                Zeroizing::new(format!("{}:{}", entry.username, *entry.password))
            } else {
                let bytes = Zeroizing::new(STANDARD.decode(entry.auth.trim()).map_err(|_| bad())?);
                let text = std::str::from_utf8(&bytes).map_err(|_| bad())?;
                Zeroizing::new(text.to_owned())
            };
            if !login.contains(':') {
                return Err(bad());
            }
            all.insert(bare(&host).to_owned(), login);
        }
        Ok(Self(all))
    }

    /// `USER:PASSWORD` in base64, for a host.
    pub(crate) fn basic(&self, host: &str) -> Option<Zeroizing<String>> {
        let login = self.0.get(host)?;
        Some(Zeroizing::new(STANDARD.encode(login.as_bytes())))
    }
}

/// `https://index.docker.io/v1/` and the like are written for `docker.io`.
fn bare(host: &str) -> &str {
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    match host.split('/').next().unwrap_or(host) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials(for {:?})", self.0.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_by_host_and_never_print() {
        let auth = STANDARD.encode("robot:s3cret:with colon");
        let text = format!(
            r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{auth}"}}, "r.example:5000": {{"username": "u", "password": "pw0rd"}}}}, "credsStore": "x"}}"#
        );
        let credentials = Credentials::parse(&text).unwrap();
        assert_eq!(*credentials.basic("docker.io").unwrap(), auth);
        assert_eq!(*credentials.basic("r.example:5000").unwrap(), STANDARD.encode("u:pw0rd"));
        assert!(credentials.basic("r.example").is_none());
        assert!(!format!("{credentials:?}").contains("cret"));
    }

    #[test]
    fn malformed_credentials_are_reported_without_values() {
        for (text, expected) in [
            ("hunter2", CredentialError::Form),
            (r#"{"auths": {"h": {"auth": "!"}}}"#, CredentialError::Login("h".into())),
            (r#"{"auths": {"h": {"auth": "bm9jb2xvbg=="}}}"#, CredentialError::Login("h".into())),
        ] {
            assert_eq!(Credentials::parse(text).unwrap_err(), expected);
        }
    }
}
