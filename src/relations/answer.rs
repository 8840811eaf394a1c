//! What COS's charms answer in their application's databag when they do not take ours.

use juju_charm::relation::Databag;
use serde_json::Value;

/// What is wrong with what we wrote, in the peer's words; `None` if nothing is.
pub fn refusal(remote: &Databag) -> Option<String> {
    let event: Value = serde_json::from_str(remote.get("event")?).ok()?;
    let mut told = Vec::new();
    for key in ["errors", "scrape_job_errors"] {
        match &event[key] {
            Value::String(text) if !text.is_empty() => told.push(text.clone()),
            Value::Array(all) if !all.is_empty() => {
                told.extend(all.iter().map(|one| match one["error"].as_str() {
                    Some(text) => text.to_owned(),
                    None => one.to_string(),
                }));
            }
            _ => {}
        }
    }
    (!told.is_empty()).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_does_not_take_it_says_why() {
        let of = |text: &str| refusal(&Databag::from([("event".into(), text.into())]));
        assert_eq!(of("{}"), None);
        assert_eq!(of("not json"), None);
        assert_eq!(refusal(&Databag::new()), None);
        assert_eq!(of(r#"{"errors": "bad expr"}"#).as_deref(), Some("bad expr"));
        let of_grafana = r#"{"errors": [{"dashboard_id": "x", "error": "no xz"}]}"#;
        assert_eq!(of(of_grafana).as_deref(), Some("no xz"));
    }
}
