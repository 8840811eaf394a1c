//! Validation errors that COS charms report in their application databag.

use juju_charm::relation::Databag;
use serde_json::Value;

/// Errors that the peer reports for this charm's databag; `None` if there are none.
pub fn refusal(remote: &Databag) -> Option<String> {
    let event: Value = serde_json::from_str(remote.get("event")?).ok()?;
    let mut errors = Vec::new();
    for key in ["errors", "scrape_job_errors"] {
        match &event[key] {
            Value::String(text) if !text.is_empty() => errors.push(text.clone()),
            Value::Array(all) if !all.is_empty() => {
                errors.extend(all.iter().map(|one| match one["error"].as_str() {
                    Some(text) => text.to_owned(),
                    None => one.to_string(),
                }));
            }
            _ => {}
        }
    }
    (!errors.is_empty()).then(|| errors.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_errors_are_parsed() {
        let of = |text: &str| refusal(&Databag::from([("event".into(), text.into())]));
        assert_eq!(of("{}"), None);
        assert_eq!(of("not json"), None);
        assert_eq!(refusal(&Databag::new()), None);
        assert_eq!(of(r#"{"errors": "bad expr"}"#).as_deref(), Some("bad expr"));
        let of_grafana = r#"{"errors": [{"dashboard_id": "x", "error": "no xz"}]}"#;
        assert_eq!(of(of_grafana).as_deref(), Some("no xz"));
    }
}
