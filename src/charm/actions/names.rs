//! Parameters of actions that are lists.

use serde::Deserialize;
use serde_json::Value;

/// Names in a parameter of an action, separated by commas. Juju 3.6 passes a list on as a list,
/// Juju 4.0 as the text `[a b]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct Names(pub Vec<String>);

impl From<Value> for Names {
    fn from(value: Value) -> Self {
        let all: Vec<String> = match value {
            Value::Null => Vec::new(),
            Value::Array(list) => list.iter().map(text).collect(),
            other => {
                let text = text(&other);
                let list = text.trim().strip_prefix('[');
                let list = list.and_then(|list| list.strip_suffix(']'));
                let is_gap = |c: char| c == ',' || (list.is_some() && c.is_whitespace());
                let names = list.unwrap_or(&text).split(is_gap);
                names.map(str::to_owned).collect()
            }
        };
        let bare = all.iter().map(|name| name.trim().trim_matches(['"', '\'']));
        Self(bare.filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
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
        // What is no name is not made two.
        for form in [json!("no body"), json!(["no body"])] {
            let names: Names = serde_json::from_value(form).unwrap();
            assert_eq!(names.0, ["no body"]);
        }
        for nothing in [json!(null), json!(""), json!("[]"), json!([])] {
            assert_eq!(serde_json::from_value::<Names>(nothing).unwrap(), Names::default());
        }
    }
}
