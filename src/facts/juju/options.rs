//! Which options of applications hold secrets. A value is kept only where its option is known
//! to be harmless; of all others it is told whether they are set, whether they hold a secret,
//! and whether they are as declared.

use serde_json::Value;

use crate::catalog;
use crate::rocks::names_images;

/// What an option holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sensitivity {
    /// Nothing that must not be shown.
    Harmless,
    /// A secret.
    Secret,
    /// A text that may have secrets among other things.
    Document,
    /// It is not known; nothing of it is shown.
    Private,
}

/// What an option of a charm holds, by the catalogue, else by its name.
pub(crate) fn sensitivity(charm: &str, option: &str) -> Sensitivity {
    let known = catalog::charm_options(charm);
    let is_in = |list: &[String]| list.iter().any(|name| name == option);
    match known {
        Some(known) if is_in(&known.secret) => Sensitivity::Secret,
        Some(known) if is_in(&known.document) => Sensitivity::Document,
        Some(known) if is_in(&known.private) => Sensitivity::Private,
        Some(known) if is_in(&known.shown) => Sensitivity::Harmless,
        _ if looks_secret(option) => Sensitivity::Secret,
        _ if names_images(option) => Sensitivity::Harmless,
        _ => Sensitivity::Private,
    }
}

/// Whether an option holds nothing secret in any charm that has it, so that its value may be
/// recorded and shown where the charm is not known.
pub(crate) fn holds_no_secret(option: &str) -> bool {
    let mut is_shown = names_images(option) && !looks_secret(option);
    for known in catalog::all_charm_options().values() {
        let is_in = |list: &[String]| list.iter().any(|name| name == option);
        if is_in(&known.secret) || is_in(&known.document) || is_in(&known.private) {
            return false;
        }
        is_shown |= is_in(&known.shown);
    }
    is_shown
}

/// Words of an option's name that say that its value is a secret.
const SECRET_WORDS: [&str; 16] = [
    "apikey",
    "connectors",
    "credential",
    "credentials",
    "key",
    "keys",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
];
/// Last words of a name that is of something about a secret.
const ABOUT: [&str; 16] = [
    "age",
    "endpoint",
    "file",
    "format",
    "id",
    "interval",
    "length",
    "name",
    "namespace",
    "path",
    "port",
    "ref",
    "size",
    "ttl",
    "type",
    "url",
];

fn looks_secret(option: &str) -> bool {
    let words: Vec<String> =
        option.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect();
    let is_about = words.last().is_some_and(|last| ABOUT.contains(&last.as_str()));
    !is_about && words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
}

/// Whether a text has a private key, or a URL with a login: no option is meant to.
pub(crate) fn holds_login(text: &str) -> bool {
    text.contains("PRIVATE KEY-----") || text.split("://").skip(1).any(has_login)
}

/// Whether the part of a URL after its scheme begins with `USER:PASSWORD@`.
fn has_login(rest: &str) -> bool {
    let end = rest.find(|c: char| "/?#\"'<>".contains(c) || c.is_whitespace());
    let authority = &rest[..end.unwrap_or(rest.len())];
    let login = authority.rsplit_once('@').map(|(login, _)| login);
    login.is_some_and(|login| {
        login.split_once(':').is_some_and(|(_, password)| !password.is_empty())
    })
}

/// Longest document that is searched, in bytes; a longer one is taken to hold a secret.
const LONGEST_DOCUMENT: usize = 1 << 20;
/// Documents within documents that are opened.
const DEEPEST: usize = 4;

/// Whether a document in YAML or JSON has a secret in it, by the names of its fields.
pub(crate) fn holds_secret(text: &str) -> bool {
    if holds_login(text) || text.len() > LONGEST_DOCUMENT {
        return true;
    }
    match serde_yaml::from_str::<Value>(text) {
        Ok(document) => is_secret_in(&document, DEEPEST),
        // What is not understood is searched for the names.
        Err(_) => {
            text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).any(names_secret)
        }
    }
}

fn is_secret_in(value: &Value, deepest: usize) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(name, value)| {
            let is_value = match value {
                Value::String(text) => !text.is_empty(),
                Value::Number(_) => true,
                _ => false,
            };
            names_secret(name) && is_value || is_secret_in(value, deepest)
        }),
        Value::Array(all) => all.iter().any(|value| is_secret_in(value, deepest)),
        Value::String(text) if deepest > 0 && text.contains([':', '=']) => {
            match serde_yaml::from_str::<Value>(text) {
                Ok(inner @ (Value::Object(_) | Value::Array(_))) => {
                    is_secret_in(&inner, deepest - 1)
                }
                _ => holds_login(text),
            }
        }
        _ => false,
    }
}

/// Whether a field's name says that its value is a secret, in any spelling: `clientSecret`,
/// `client_secret`, `bindPW`.
fn names_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let about = ["url", "uri", "endpoint", "path", "file", "name", "ref", "id", "type", "attr"];
    if about.iter().any(|end| plain.ends_with(end)) {
        return false;
    }
    let parts = [
        "secret",
        "password",
        "passwd",
        "passphrase",
        "bindpw",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "credential",
    ];
    plain == "pw" || plain == "pwd" || parts.iter().any(|part| plain.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_hold_secrets_are_known_by_the_catalogue_or_by_their_names() {
        for (charm, option, expected) in [
            ("dex-auth", "connectors", Sensitivity::Document),
            ("dex-auth", "static-password", Sensitivity::Secret),
            ("dex-auth", "static-username", Sensitivity::Harmless),
            ("minio", "ssl-key", Sensitivity::Secret),
            ("minio", "access-key", Sensitivity::Private),
            ("oidc-gatekeeper", "client-secret", Sensitivity::Secret),
            ("istio-pilot", "tls-secret-id", Sensitivity::Harmless),
            ("argo-controller", "key-format", Sensitivity::Harmless),
            ("somebody-s", "api_token", Sensitivity::Secret),
            ("somebody-s", "admin.password", Sensitivity::Secret),
            ("somebody-s", "ssh-key-secret-id", Sensitivity::Private),
            ("somebody-s", "jupyter-images", Sensitivity::Harmless),
            ("somebody-s", "password-image", Sensitivity::Secret),
            // Another charm's option of the same name may hold anything.
            ("somebody-s", "issuer-url", Sensitivity::Private),
            ("minio", "colour", Sensitivity::Private),
        ] {
            assert_eq!(sensitivity(charm, option), expected, "{charm} {option}");
        }
    }

    #[test]
    fn secrets_in_documents_are_found_in_every_spelling() {
        for text in [
            "- type: oidc\n  config: {clientID: x, clientSecret: s}",
            r#"[{"type": "ldap", "config": {"bindDN": "cn=x", "bindPW": "s"}}]"#,
            "[{config: {client_secret: s}}]",
            "[{config: {\"Client-Secret\": s}}]",
            "[{config: {keystonePassword: 7}}]",
            "config: |\n  clientSecret: s\n",
            "config: '{\"clientSecret\": \"s\"}'",
            "- type: oidc\n config: {clientSecret: s",
            "a: &a {clientSecret: s}\nb: *a",
            "key: |\n  -----BEGIN EC PRIVATE KEY-----\n",
            "issuer: https://user:pw@idp.example.com/",
        ] {
            assert!(holds_secret(text), "{text}");
        }
        for text in [
            "",
            "[]",
            "- type: oidc",
            "[{config: {clientID: x, issuer: 'https://idp.example.com', clientSecret: ''}}]",
            "[{config: {tokenURL: 'https://idp.example.com/token', secretName: idp}}]",
            "https://idp.example.com/a:b@c",
            "https://user@idp.example.com/",
        ] {
            assert!(!holds_secret(text), "{text}");
        }
    }

    #[test]
    fn a_bomb_of_aliases_and_a_deep_document_are_taken_for_no_more_than_they_are() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            let all = vec![format!("*a{before}"); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
        }
        assert!(!holds_secret(&bomb));
        assert!(!holds_secret(&"[".repeat(100_000)));
    }
}
