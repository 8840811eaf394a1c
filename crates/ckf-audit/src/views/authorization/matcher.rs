//! How values of policies match texts: exact, prefix, suffix, presence and path templates.

/// Istio's match of a value: `*` for any text that is not empty, `*SUFFIX`, `PREFIX*` or exact.
pub fn matches(value: &str, text: &str) -> bool {
    match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
        ("*", ..) => !text.is_empty(),
        (_, Some(suffix), _) => text.ends_with(suffix),
        (_, _, Some(prefix)) => text.starts_with(prefix),
        _ => value == text,
    }
}

/// The same for a header, where `*` asks for presence only.
pub fn matches_header(value: &str, text: Option<&str>) -> bool {
    text.is_some_and(|text| value == "*" || matches(value, text))
}

/// The same for hosts, whose case does not matter.
pub fn matches_host(value: &str, text: &str) -> bool {
    value == "*" || matches(&value.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// Whether a path is one of a template of Envoy's URI templates.
pub fn is_template(path: &str) -> bool {
    path.contains("{*}") || path.contains("{**}")
}

/// Whether a template matches a path: `{*}` one segment, `{**}` any number.
pub fn matches_template(template: &str, path: &str) -> bool {
    let operators = template.replace("{**}", "**").replace("{*}", "*");
    fits(operators.as_bytes(), path.as_bytes())
}

/// Envoy's literals: RFC 3986's `pchar`.
fn is_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte)
}

fn fits(operators: &[u8], path: &[u8]) -> bool {
    match operators {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => {
            let run = path.iter().take_while(|byte| **byte == b'/' || is_literal(**byte)).count();
            (0..=run).any(|taken| fits(rest, &path[taken..]))
        }
        [b'*', rest @ ..] => {
            let run = path.iter().take_while(|byte| is_literal(**byte)).count();
            (1..=run).any(|taken| fits(rest, &path[taken..]))
        }
        [byte, rest @ ..] => path.first() == Some(byte) && fits(rest, &path[1..]),
    }
}

/// What no policy names.
pub(super) const FRESH: &str = "0-zq7";

/// A text that a value matches.
pub(super) fn meets(value: &str) -> String {
    let shown = value.replace("{**}", FRESH).replace("{*}", FRESH);
    match (shown.strip_prefix('*'), shown.strip_suffix('*')) {
        (Some(rest), _) => format!("{FRESH}{rest}"),
        (_, Some(rest)) => format!("{rest}{FRESH}"),
        _ => shown,
    }
}

/// Whether a text is one of a pattern in which `*` stands for any text, empty or not.
pub fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_match_exactly_by_prefix_by_suffix_and_by_presence() {
        assert!(matches("/api", "/api") && !matches("/api", "/api/"));
        assert!(matches("/api*", "/api/v1") && matches("*/v1", "/api/v1"));
        assert!(matches("*", "x") && !matches("*", ""));
        assert!(matches_header("*", Some("")) && !matches_header("*", None));
        assert!(matches_host("Example.*", "EXAMPLE.com") && !matches_host("example.org", "x"));
    }

    #[test]
    fn templates_match_whole_segments() {
        for (template, path, fit) in [
            ("/foo/{*}", "/foo/bar", true),
            ("/foo/{*}", "/foo/", false),
            ("/foo/{*}", "/foo/bar/baz", false),
            ("/foo/{**}", "/foo/", true),
            ("/foo/{**}", "/foo", false),
            ("/{**}", "/", true),
            ("/{**}/baz", "/a/b/baz", true),
            ("/{**}/baz", "/baz", false),
            ("/{*}/x/{**}", "/a/x/b/c", true),
            ("/{**}", "/a[b]", false),
        ] {
            assert_eq!(matches_template(template, path), fit, "{template} {path}");
        }
    }

    #[test]
    fn stars_stand_for_any_text() {
        assert!(like("*/ns/team-*/*", "spiffe://td/ns/team-a/sa/x"));
        assert!(!like("*/ns/team-b/*", "spiffe://td/ns/team-a/sa/x"));
        assert!(like("a", "a") && !like("a", "ab") && like("a*", "a") && like("a*a", "aba"));
        assert!(!like("a*a", "a"));
    }
}
