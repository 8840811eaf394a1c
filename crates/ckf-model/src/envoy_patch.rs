//! Content of a patch of Envoy's configuration, field by field: names as protobuf has them, in
//! whichever of its two JSON spellings they were written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Fields by path, for example `typed_config.failure_mode_allow`, with their values.
pub type Fields = BTreeMap<String, String>;

/// Last names of paths whose texts are kept: names, addresses and matches. Others may be secrets,
/// such as tokens or sources of code, and are only noted.
const KEPT: [&str; 24] = [
    "@type",
    "append_action",
    "cipher_suites",
    "cluster",
    "cluster_name",
    "context",
    "denominator",
    "exact",
    "host",
    "key",
    "name",
    "operation",
    "path_prefix",
    "prefix",
    "proxy_version",
    "service",
    "sni",
    "suffix",
    "timeout",
    "tls_maximum_protocol_version",
    "tls_minimum_protocol_version",
    "transport_protocol",
    "type_url",
    "uri",
];
/// Stands for a text that is not kept.
pub const NOT_KEPT: &str = "(set)";
/// Header whose value is kept.
const HSTS: &str = "strict-transport-security";

/// A value whose fields all have protobuf's own names, `snake_case`.
pub fn snake_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<(String, Value)> = fields.collect();
            let mut spellings: BTreeMap<String, usize> = BTreeMap::new();
            for (name, _) in &fields {
                *spellings.entry(snake(name)).or_default() += 1;
            }
            // A field in both spellings is no message of protobuf: both stay as they are, so that
            // neither hides the other.
            let renamed = fields.into_iter().map(|(name, value)| {
                let snake = snake(&name);
                let name = if spellings[&snake] > 1 { name } else { snake };
                (name, snake_case(value))
            });
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(snake_case).collect()),
        other => other,
    }
}

/// A field's name; a key of a map, such as a filter's name, is left as it is.
fn snake(name: &str) -> String {
    if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return name.to_owned();
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The fields of a value in `snake_case`.
pub fn fields(value: &Value) -> Fields {
    let mut fields = Fields::new();
    flatten(value, "", &mut fields);
    fields
}

fn flatten(value: &Value, path: &str, fields: &mut Fields) {
    match value {
        Value::Null => {}
        Value::Object(map) if !map.is_empty() => {
            let is_hsts = is_hsts(map);
            for (name, value) in map {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                match value {
                    Value::String(text) if is_hsts && name == "value" => {
                        fields.insert(path, text.clone());
                    }
                    value => flatten(value, &path, fields),
                }
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                flatten(value, &format!("{path}[{index}]"), fields);
            }
        }
        Value::String(text) => {
            let last = path.rsplit('.').next().unwrap_or(path);
            let last = last.split('[').next().unwrap_or(last);
            let text = if KEPT.contains(&last) { text } else { NOT_KEPT };
            fields.insert(path.to_owned(), text.to_owned());
        }
        other => {
            if !path.is_empty() {
                fields.insert(path.to_owned(), other.to_string());
            }
        }
    }
}

fn is_hsts(map: &Map<String, Value>) -> bool {
    map.get("key").and_then(Value::as_str).is_some_and(|key| key.eq_ignore_ascii_case(HSTS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_have_the_same_fields() {
        let snake = json!({"typed_config": {"failure_mode_allow": true, "http_service": {"server_uri": {"uri": "http://a"}}},
            "typed_per_filter_config": {"envoy.filters.http.ext_authz": {"disabled": true}}});
        let camel = json!({"typedConfig": {"failureModeAllow": true, "httpService": {"serverUri": {"uri": "http://a"}}},
            "typedPerFilterConfig": {"envoy.filters.http.ext_authz": {"disabled": true}}, "x": null});
        assert_eq!(fields(&snake_case(snake)), fields(&snake_case(camel)));
    }

    #[test]
    fn field_in_both_spellings_is_seen_twice() {
        let both = snake_case(json!({"failureModeAllow": true, "failure_mode_allow": false}));
        assert_eq!(fields(&both).len(), 2, "{both}");
    }

    #[test]
    fn texts_that_may_be_secrets_are_noted_only() {
        let value = json!({"inline_string": "token", "filter_enabled": {}, "list": [{"name": "a"}, 1],
            "add": [{"header": {"key": "authorization", "value": "token"}},
                {"header": {"key": "Strict-Transport-Security", "value": "max-age=1"}}]});
        let fields = fields(&snake_case(value));
        assert!(!format!("{fields:?}").contains("token"), "{fields:?}");
        assert_eq!(fields["inline_string"], NOT_KEPT);
        assert_eq!(fields["filter_enabled"], "{}");
        assert_eq!(fields["list[0].name"], "a");
        assert_eq!(fields["list[1]"], "1");
        assert_eq!(fields["add[1].header.value"], "max-age=1");
    }
}
