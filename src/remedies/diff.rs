//! What differs between two JSON values, a line each.

use serde_json::Value;

/// Lines `field: seen -> wanted`, by the path of each field that differs.
pub(super) fn lines(path: &str, seen: &Value, wanted: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare(path, seen, wanted, &mut lines);
    lines
}

fn compare(path: &str, seen: &Value, wanted: &Value, lines: &mut Vec<String>) {
    let null = Value::Null;
    match (seen, wanted) {
        (seen, wanted) if seen == wanted => {}
        (Value::Object(seen), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                compare(&format!("{path}.{key}"), seen.get(key).unwrap_or(&null), wanted, lines);
            }
            for (key, seen) in seen.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
                compare(&format!("{path}.{key}"), seen, &null, lines);
            }
        }
        (Value::Array(seen), Value::Array(wanted)) => {
            for at in 0..seen.len().max(wanted.len()) {
                let (seen, wanted) =
                    (seen.get(at).unwrap_or(&null), wanted.get(at).unwrap_or(&null));
                compare(&format!("{path}[{at}]"), seen, wanted, lines);
            }
        }
        (seen, wanted) => lines.push(format!("{path}: {} -> {}", show(seen), show(wanted))),
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn each_field_that_differs_has_a_line() {
        let seen = json!({"a": 1, "b": [1, {"c": "x"}], "gone": true});
        let wanted = json!({"a": 1, "b": [2, {"c": "y"}, 3], "new": {"d": null}});
        assert_eq!(
            lines("spec", &seen, &wanted),
            [
                "spec.b[0]: 1 -> 2",
                "spec.b[1].c: x -> y",
                "spec.b[2]: nothing -> 3",
                "spec.new: nothing -> {\"d\":null}",
                "spec.gone: true -> nothing",
            ]
        );
        assert_eq!(lines("spec", &seen, &seen), [""; 0]);
    }
}
