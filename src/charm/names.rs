//! Parameters of actions that are lists.

use serde::Deserialize;
use serde_json::Value;

/// Names that an action is given, separated by commas. Juju 3.6 hands lists on as lists; 4.0
/// hands on a text of them, `[a b]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct Names(pub Vec<String>);

impl From<Value> for Names {
    fn from(value: Value) -> Self {
        let all = match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            Value::Array(list) => {
                let items = list.into_iter().map(|item| match item {
                    Value::String(text) => text,
                    other => other.to_string(),
                });
                items.collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        let bare = all.trim().trim_start_matches('[').trim_end_matches(']');
        let names = bare.split(|c: char| c == ',' || c.is_whitespace());
        let names = names.map(|name| name.trim_matches(['"', '\'']));
        Self(
            names
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_in_each_form_that_juju_hands_on_are_the_same() {
        for form in [
            json!("dex,mysql/katib-db/root"),
            json!(" dex, mysql/katib-db/root ,"),
            json!(["dex", "mysql/katib-db/root"]),
            json!("[dex mysql/katib-db/root]"),
            json!("[dex, 'mysql/katib-db/root']"),
        ] {
            let names: Names = serde_json::from_value(form.clone()).unwrap();
            assert_eq!(names.0, ["dex", "mysql/katib-db/root"], "{form}");
        }
        for nothing in [json!(null), json!(""), json!("[]"), json!([])] {
            assert_eq!(
                serde_json::from_value::<Names>(nothing).unwrap(),
                Names::default()
            );
        }
    }
}
