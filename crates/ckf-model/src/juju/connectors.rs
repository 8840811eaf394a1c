//! What Dex's option `connectors` says of each identity provider. Its secrets are not retained.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A connector of Dex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Connector {
    /// Type, for example `oidc` or `ldap`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Identifier.
    pub id: String,
    /// Fields that hold a secret of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Fields that switch off what protects login, with their values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsafe_fields: Vec<(String, String)>,
}

/// Connectors that log in any user.
const MOCK: [&str; 2] = ["mockCallback", "mockPassword"];
/// Switches that must not be on. `insecureEnableGroups` is none: it is a name only.
const SWITCHES: [&str; 7] = [
    "insecureNoSSL",
    "insecureSkipVerify",
    "insecureSkipEmailVerified",
    "insecureSkipSignatureValidation",
    "insecureSkipIssuerCallbackDomainCheck",
    "skipTLSVerify",
    "insecureCA",
];
/// Fields with the address of the provider.
const ADDRESSES: [&str; 9] = [
    "issuer",
    "baseURL",
    "ssoURL",
    "tokenURL",
    "authURL",
    "authorizationURL",
    "userInfoURL",
    "keystoneHost",
    "usersURL",
];
/// Fields with secrets.
const SECRETS: [&str; 6] =
    ["clientSecret", "bindPW", "keystonePassword", "password", "serviceAccountKey", "apiKey"];

/// The connectors of the option; none if it is no list.
pub fn connectors(text: &str) -> Vec<Connector> {
    let all: Value = serde_yaml::from_str(text).unwrap_or_default();
    let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(Connector::of).collect()
}

impl Connector {
    fn of(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let mut found = Self { kind: text("type"), id: text("id"), ..Self::default() };
        if MOCK.iter().any(|mock| mock.eq_ignore_ascii_case(&found.kind)) {
            found.unsafe_fields.push(("type".into(), found.kind.clone()));
        }
        let config = value["config"].as_object();
        for (name, value) in config.into_iter().flatten() {
            found.note(name, value);
        }
        found
    }

    fn note(&mut self, name: &str, value: &Value) {
        // Fields are matched in any spelling of case, as Dex's decoder does.
        let is_in = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
        let is_on = value.as_bool() == Some(true) || value.as_str() == Some("true");
        let text = value.as_str().unwrap_or_default();
        let is_plain = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        let is_set = !text.is_empty() || value.is_number();
        if is_in(&SECRETS) && is_set && !text.starts_with('$') {
            self.secrets.push(name.to_owned());
        }
        if is_in(&SWITCHES) && is_on {
            self.unsafe_fields.push((name.to_owned(), "true".into()));
        }
        // The host alone: the path or a login in it may be secret.
        if is_in(&ADDRESSES) && is_plain {
            self.unsafe_fields.push((name.to_owned(), "http".into()));
        }
        if self.kind == "ldap" && name.eq_ignore_ascii_case("host") && text.ends_with(":389") {
            self.unsafe_fields.push((name.to_owned(), "port 389, of LDAP in clear text".into()));
        }
        if self.kind == "authproxy" && name.eq_ignore_ascii_case("userHeader") {
            let what = "a header that any client can send".to_owned();
            self.unsafe_fields.push((name.to_owned(), what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connector_lists_switches_and_secrets_without_values() {
        let all = connectors(
            "- type: ldap\n  id: corp\n  config: {host: 'ldap.example.com:389', InsecureNoSSL: true, bindPW: hunter2}\n\
             - {type: oidc, id: idp, config: {issuer: 'http://idp.example.com', clientSecret: $IDP}}\n\
             - {type: mockCallback, id: mock}\n\
             - {type: oidc, id: good, config: {issuer: 'https://idp.example.com', insecureEnableGroups: true}}",
        );
        let of = |id: &str| all.iter().find(|one| one.id == id).unwrap();
        assert_eq!(of("corp").secrets, ["bindPW"]);
        assert_eq!(of("corp").unsafe_fields.len(), 2);
        assert_eq!(of("idp").unsafe_fields, [("issuer".into(), "http".into())]);
        assert_eq!((of("idp").secrets.len(), of("mock").unsafe_fields.len()), (0, 1));
        assert!(of("good").unsafe_fields.is_empty());
        assert!(!format!("{all:?}").contains("hunter2"));
        assert!(connectors("- ]").is_empty() && connectors("a: b").is_empty());
    }
}
