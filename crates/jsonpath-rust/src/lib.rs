#![doc = include_str!("../README.md")]

use serde_json::Value;

/// A path that is not one of names and indices.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a path of names and indices, such as $.status.token or $['a'][0]")]
pub struct UnsupportedPath(String);

/// Queries of a JSON value.
pub trait JsonPath {
    /// The value at a path; none if there is no such value.
    fn query(&self, path: &str) -> Result<Vec<&Value>, UnsupportedPath>;
}

impl JsonPath for Value {
    fn query(&self, path: &str) -> Result<Vec<&Value>, UnsupportedPath> {
        let steps = steps(path).ok_or_else(|| UnsupportedPath(path.to_owned()))?;
        let mut at = Some(self);
        for step in steps {
            at = at.and_then(|value| match step {
                Step::Name(name) => value.as_object()?.get(name),
                Step::Index(index) => value.as_array()?.get(index),
            });
        }
        Ok(at.into_iter().collect())
    }
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// The steps of a path from the root; `None` if one is of another sort.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(named) = rest.strip_prefix('.') {
            let end = named.find(['.', '[']).unwrap_or(named.len());
            let (name, after) = named.split_at(end);
            let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_plain) {
                return None;
            }
            steps.push(Step::Name(name));
            rest = after;
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = ['\'', '"'].into_iter().find_map(|quote| {
                inside.strip_prefix(quote)?.strip_suffix(quote).filter(|name| {
                    // One that is escaped, or in which the bracket ended, is of another sort.
                    !name.contains([quote, '\\'])
                })
            });
            steps.push(match quoted {
                Some(name) => Step::Name(name),
                None if inside.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Step::Index(inside.parse().ok()?)
                }
                None => return None,
            });
            rest = after;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn path_of_names_and_indices_leads_to_its_value() {
        let printed = json!({"credential": {"access_token": "t", "a.b": ["x", "y"]}});
        let at = |path: &str| printed.query(path).unwrap().into_iter().next().cloned();
        assert_eq!(at("$"), Some(printed.clone()));
        assert_eq!(at("$.credential.access_token"), Some("t".into()));
        assert_eq!(at("$['credential'][\"a.b\"][1]"), Some("y".into()));
        assert_eq!(at("$.credential.access_token.more"), None);
        assert_eq!(at("$.credential.expiry"), None);
        assert_eq!(at("$[0]"), None);
    }

    #[test]
    fn path_of_another_sort_is_refused() {
        for path in [
            "",
            "credential",
            "$.",
            "$..a",
            "$.*",
            "$.a[*]",
            "$.a[?(@.b)]",
            "$.a[-1]",
            "$.a[0:1]",
            "$['a",
            "$['a'b']",
            "$.a[]",
            "$.a b",
            "$x",
        ] {
            let refused = json!({"a": {"b": 1}}).query(path).unwrap_err().to_string();
            assert!(refused.contains("names and indices"), "{path}: {refused}");
        }
    }
}
