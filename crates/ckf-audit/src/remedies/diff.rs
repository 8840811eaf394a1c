//! Differences between two JSON values, one per line.

use serde_json::Value;

/// Lines `PATH: SEEN -> WANTED`, one for each field that differs.
pub(super) fn lines(path: &str, seen: &Value, desired: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare(path, seen, desired, &mut lines);
    lines
}

fn compare(path: &str, seen: &Value, desired: &Value, lines: &mut Vec<String>) {
    let null = Value::Null;
    match (seen, desired) {
        (seen, desired) if seen == desired => {}
        (Value::Object(seen), Value::Object(desired)) => {
            for (key, desired) in desired {
                compare(&format!("{path}.{key}"), seen.get(key).unwrap_or(&null), desired, lines);
            }
            for (key, seen) in seen.iter().filter(|(key, _)| !desired.contains_key(*key)) {
                compare(&format!("{path}.{key}"), seen, &null, lines);
            }
        }
        (Value::Array(seen), Value::Array(desired)) => {
            for at in 0..seen.len().max(desired.len()) {
                let (seen, desired) =
                    (seen.get(at).unwrap_or(&null), desired.get(at).unwrap_or(&null));
                compare(&format!("{path}[{at}]"), seen, desired, lines);
            }
        }
        (seen, desired) => lines.push(format!("{path}: {} -> {}", show(seen), show(desired))),
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "(unset)".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn differing_field_has_a_line_with_its_path() {
        let seen = json!({"a": 1, "b": [1, {"c": "x"}], "gone": true});
        let desired = json!({"a": 1, "b": [2, {"c": "y"}, 3], "new": {"d": null}});
        assert_eq!(
            lines("spec", &seen, &desired),
            [
                "spec.b[0]: 1 -> 2",
                "spec.b[1].c: x -> y",
                "spec.b[2]: (unset) -> 3",
                "spec.new: (unset) -> {\"d\":null}",
                "spec.gone: true -> (unset)",
            ]
        );
        assert_eq!(lines("spec", &seen, &seen), [""; 0]);
    }
}
