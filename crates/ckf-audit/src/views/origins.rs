//! Origins whose pages a route lets read its answers with the user's session: what cross-origin
//! resource sharing opens to origins that anyone may have.
//!
//! Source: Envoy's cors filter, Istio's CorsPolicy and the Gateway API's HTTPCORSFilter.

use regex_lite::Regex;

use super::Context;
use crate::facts::istio::{CorsFilter, CorsPolicy, StringMatch};

/// A host that anyone may have.
const STRANGER: &str = "0-zq7.example";

/// Which foreign origins a policy of Istio lets in with the user's session, in words.
pub fn opened(context: &Context<'_>, policy: &CorsPolicy) -> Option<String> {
    if !policy.allow_credentials {
        return None;
    }
    let own = context.policy.external_hostname.as_deref();
    if policy.allow_origins.is_empty() {
        return policy.allow_origin.iter().find_map(|origin| of_exact(origin));
    }
    policy.allow_origins.iter().find_map(|matched| of_match(matched, own))
}

/// The same for a filter of the Gateway API.
pub fn opened_by_filter(filter: &CorsFilter) -> Option<String> {
    let origins = filter.allow_origins.iter().filter(|_| filter.allow_credentials);
    origins.into_iter().find_map(|origin| match origin.rsplit_once('*') {
        None => of_exact(origin),
        Some(("", "")) => of_exact("*"),
        Some((start, "")) => of_prefix(start),
        Some((_, end)) => {
            // Names below a domain belong to its owner; those below a top one do not.
            let is_below = end.starts_with('.') && end.matches('.').count() > 1;
            let is_scheme = end.starts_with("://");
            (!is_below && !is_scheme).then(|| format!("every origin that ends with {end}"))
        }
    })
}

fn of_match(matched: &StringMatch, own: Option<&str>) -> Option<String> {
    let StringMatch { prefix, exact, regex } = matched;
    if let Some(exact) = exact {
        return of_exact(exact);
    }
    if let Some(prefix) = prefix {
        return of_prefix(prefix);
    }
    let pattern = regex.as_deref()?;
    let Ok(whole) = Regex::new(&format!("^(?:{pattern})$")) else {
        return Some(format!("origins by {pattern}, which was not understood"));
    };
    let mut strangers = vec![
        "*".to_owned(),
        "null".to_owned(),
        format!("https://{STRANGER}"),
        format!("http://{STRANGER}"),
        format!("https://a.{STRANGER}:8443"),
    ];
    if let Some(own) = own {
        strangers.push(format!("https://{own}.{STRANGER}"));
        strangers.push(format!("https://0-zq7{own}"));
        strangers.push(format!("https://{}", own.replacen('.', "x", 1)));
    }
    let met = strangers.iter().find(|stranger| whole.is_match(stranger))?;
    Some(match met.as_str() {
        "*" => "every origin".to_owned(),
        met => format!("origins by {pattern}, {met} among them"),
    })
}

/// Envoy takes a star for every origin; `null` is the origin of any page in a sandbox.
fn of_exact(origin: &str) -> Option<String> {
    match origin {
        "*" => Some("every origin".into()),
        "null" => Some("pages without an origin".into()),
        _ => None,
    }
}

/// A prefix ends no name: an owner of a domain may begin a name below it so. A port ends it.
fn of_prefix(prefix: &str) -> Option<String> {
    let host = prefix.split_once("://").map_or("", |(_, host)| host);
    let has_port = host.split_once(':').is_some_and(|(_, port)| !port.is_empty());
    (!has_port).then(|| match host {
        "" => "every origin".to_owned(),
        _ => format!("every origin that begins with {prefix}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(origin: Value) -> Option<String> {
        of_match(&serde_json::from_value(origin).unwrap(), Some("kubeflow.example.com"))
    }

    #[test]
    fn origins_open_to_anyone_are_reported() {
        for origin in [
            json!({"exact": "*"}),
            json!({"exact": "null"}),
            json!({"prefix": ""}),
            json!({"prefix": "https://"}),
            json!({"prefix": "https://kubeflow.example.com"}),
            json!({"regex": ".*"}),
            json!({"regex": "https?://.*"}),
            json!({"regex": "https://kubeflow.example.com"}),
            json!({"regex": r"https://.*kubeflow\.example\.com"}),
            json!({"regex": r"https://kubeflow\.example\.com.*"}),
            json!({"regex": "["}),
        ] {
            assert!(of(origin.clone()).is_some(), "{origin}");
        }
        for origin in [
            json!({"exact": "https://hub.example.com"}),
            json!({"prefix": "https://kubeflow.example.com:8443"}),
            json!({"regex": r"https://kubeflow\.example\.com"}),
            json!({"regex": r"https://[a-z]+\.hub\.example\.com"}),
        ] {
            assert_eq!(of(origin.clone()), None, "{origin}");
        }
    }

    #[test]
    fn filter_of_the_gateway_api_is_read_with_its_stars() {
        let of = |origin: &str, credentials: bool| {
            let filter = json!({"allowOrigins": [origin], "allowCredentials": credentials});
            opened_by_filter(&serde_json::from_value(filter).unwrap())
        };
        for open in
            ["*", "https://*", "https://*.com", "https://*example.com", "https://a.example.com*"]
        {
            assert!(of(open, true).is_some(), "{open}");
            assert_eq!(of(open, false), None, "{open}");
        }
        for closed in ["https://*.example.com", "https://a.example.com", "*://a.example.com"] {
            assert_eq!(of(closed, true), None, "{closed}");
        }
    }
}
