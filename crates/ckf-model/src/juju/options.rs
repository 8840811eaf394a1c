//! Sensitivity of charm options. Values are retained only for options known to be harmless; of
//! all others only whether they are set, contain a secret, and equal the declared value.

use serde_json::Value;

use crate::catalog;

/// Sensitivity of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensitivity {
    /// The value may be shown.
    Harmless,
    /// The value is a secret.
    Secret,
    /// The value is a document that may contain secrets.
    Document,
    /// Unknown; the value is not shown.
    Private,
}

/// Sensitivity of a charm's option, by the catalogue, else by its name.
pub fn sensitivity(charm: &str, option: &str) -> Sensitivity {
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

/// Whether an option is harmless in every charm that has it, so that its value may be recorded
/// and shown even if the charm is unknown.
pub fn holds_no_secret(option: &str) -> bool {
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

/// Words that mark an option as secret.
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
/// Last words that mark an option as metadata of a secret.
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

/// Whether a text contains a private key, or a URL with a password.
pub fn holds_login(text: &str) -> bool {
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

/// Largest document to search, in bytes; longer ones count as secret.
const LONGEST_DOCUMENT: usize = 1 << 20;
/// Largest depth of documents within documents.
const DEEPEST: usize = 4;

/// Whether a YAML or JSON document contains a secret, by its field names.
pub fn holds_secret(text: &str) -> bool {
    if holds_login(text) || text.len() > LONGEST_DOCUMENT {
        return true;
    }
    match serde_yaml::from_str::<Value>(text) {
        Ok(document) => is_secret_in(&document, DEEPEST),
        // Malformed documents are searched for secret field names.
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

/// Whether a field's name marks its value as secret, in any spelling: `clientSecret`,
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

/// The option names images, by the naming of the platform's charms.
pub fn names_images(option: &str) -> bool {
    let words: Vec<&str> = option.split(['-', '_']).collect();
    option == "image-configuration" || matches!(words[..], [.., _, "image" | "images"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitivity_follows_catalogue_then_name() {
        for (charm, option, expected) in [
            ("dex-auth", "connectors", Sensitivity::Document),
            ("dex-auth", "static-password", Sensitivity::Secret),
            ("dex-auth", "static-username", Sensitivity::Harmless),
            ("minio", "ssl-key", Sensitivity::Secret),
            ("minio", "access-key", Sensitivity::Private),
            ("oidc-gatekeeper", "client-secret", Sensitivity::Secret),
            ("istio-pilot", "tls-secret-id", Sensitivity::Harmless),
            ("argo-controller", "key-format", Sensitivity::Harmless),
            ("custom-charm", "api_token", Sensitivity::Secret),
            ("custom-charm", "admin.password", Sensitivity::Secret),
            ("custom-charm", "ssh-key-secret-id", Sensitivity::Private),
            ("custom-charm", "jupyter-images", Sensitivity::Harmless),
            ("custom-charm", "password-image", Sensitivity::Secret),
            // The same option of another charm may contain anything.
            ("custom-charm", "issuer-url", Sensitivity::Private),
            ("minio", "colour", Sensitivity::Private),
        ] {
            assert_eq!(sensitivity(charm, option), expected, "{charm} {option}");
        }
    }

    #[test]
    fn secrets_in_documents_are_detected_in_any_spelling() {
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
    fn alias_bomb_and_deep_document_are_bounded() {
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
