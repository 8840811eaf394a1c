//! Conditions on the claims of a token, `request.auth.*`.

use serde_json::Value;

use super::matcher::matches;
use super::request::Attribute;
use super::truth::Truth;

/// Whether a value of `requestPrincipals` matches a token: its issuer and its subject, joined by
/// a slash.
pub fn is_principal(value: &str, token: &Attribute<Value>) -> Truth {
    let claims = match token {
        Attribute::Is(claims) => claims,
        Attribute::Absent => return Truth::No,
        Attribute::Unknown => return Truth::Unknown,
    };
    let claim = |name: &str| claims.get(name).and_then(Value::as_str);
    let (Some(issuer), Some(subject)) = (claim("iss"), claim("sub")) else {
        return Truth::No;
    };
    // The issuer may be a URL, so the last slash counts.
    let (of_issuer, of_subject) = match value.rsplit_once('/') {
        Some((issuer, subject)) => (issuer.to_owned(), subject.to_owned()),
        None if value == "*" => ("*".into(), "*".into()),
        None if value.starts_with('*') => ("*".into(), value.into()),
        None if value.ends_with('*') => (value.into(), "*".into()),
        None => (value.into(), String::new()),
    };
    let is_exact = |value: &str, text: &str| value == text;
    let holds = if value.contains('/') && value.starts_with('*') {
        matches(&of_issuer, issuer) && is_exact(&of_subject, subject)
    } else if value.contains('/') && value.ends_with('*') {
        is_exact(&of_issuer, issuer) && matches(&of_subject, subject)
    } else if value.contains('*') && !value.contains('/') {
        matches(&of_issuer, issuer) && matches(&of_subject, subject)
    } else {
        is_exact(&of_issuer, issuer) && is_exact(&of_subject, subject)
    };
    holds.into()
}

/// Whether a claim, or one of a list of claims, matches a value.
pub fn has_claim(path: &[&str], value: &str, token: &Attribute<Value>) -> Truth {
    let claims = match token {
        Attribute::Is(claims) => claims,
        Attribute::Absent => return Truth::No,
        Attribute::Unknown => return Truth::Unknown,
    };
    let claim = path.iter().try_fold(claims, |claims, name| claims.as_object()?.get(*name));
    let fits = |claim: &Value| claim.as_str().is_some_and(|text| matches(value, text));
    // Envoy's filter splits these two at spaces.
    let is_spaced = matches!(path, ["scope" | "permission"]);
    let holds = match claim {
        Some(Value::Array(all)) => all.iter().any(fits),
        Some(Value::String(text)) if is_spaced => {
            text.split(' ').filter(|part| !part.is_empty()).any(|part| matches(value, part))
        }
        Some(one) => fits(one),
        None => false,
    };
    holds.into()
}

/// The names in `[one][two]`; `None` if there are no brackets.
pub fn names(brackets: &str) -> Option<Vec<&str>> {
    let inner = brackets.strip_prefix('[')?.strip_suffix(']')?;
    let nested: Vec<&str> = inner.split("][").collect();
    // Anything else in brackets is one name.
    let is_nested = nested.iter().all(|name| !name.contains(['[', ']']));
    Some(if is_nested { nested } else { vec![inner] })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn principal_is_issuer_and_subject() {
        let token = Attribute::Is(json!({"iss": "https://dex.example.com/dex", "sub": "alice"}));
        for (value, holds) in [
            ("https://dex.example.com/dex/alice", true),
            ("https://dex.example.com/dex/*", true),
            ("https://dex.example.com/*", false),
            ("*/alice", true),
            ("*dex/alice", true),
            ("*", true),
            ("*ice", true),
            ("https*", true),
            ("alice", false),
        ] {
            assert_eq!(is_principal(value, &token), holds.into(), "{value}");
        }
        assert_eq!(is_principal("*", &Attribute::Absent), Truth::No);
        assert_eq!(is_principal("*", &Attribute::Unknown), Truth::Unknown);
    }

    #[test]
    fn claims_are_texts_or_lists_of_them() {
        let token = Attribute::Is(json!({"aud": ["a", "b"], "scope": "read write",
            "realm": {"roles": ["admin"]}, "number": 1}));
        let has = |path: &[&str], value: &str| has_claim(path, value, &token) == Truth::Yes;
        assert!(has(&["aud"], "b") && !has(&["aud"], "c") && has(&["aud"], "*"));
        assert!(has(&["scope"], "read") && !has(&["scope"], "read write"));
        assert!(has(&["realm", "roles"], "adm*") && !has(&["realm"], "*"));
        assert!(!has(&["number"], "1"));
        assert_eq!(names("[realm][roles]"), Some(vec!["realm", "roles"]));
        assert_eq!(names("[x"), None);
    }
}
