//! Forwards what services print to Loki.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::plan::LogTarget;
use super::state::{App, State};

/// How often.
const PERIOD: Duration = Duration::from_secs(1);

/// A target gets what is printed from when it is in the plan.
pub(super) fn follow(state: &mut State) {
    let end = state.logs.end();
    let targets = &state.plan.log_targets;
    state.places.retain(|name, _| targets.contains_key(name));
    for name in targets.keys() {
        state.places.entry(name.clone()).or_insert(end);
    }
}

/// Forwards until it is dropped.
pub(super) async fn forward(app: App) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let due = due(&mut app.lock());
        for (url, body) in due {
            let sent = tokio::task::spawn_blocking(move || {
                ureq::post(&url)
                    .header("content-type", "application/json; charset=utf-8")
                    .send(body.to_string())
            });
            // What Loki does not take is lost: there is no client to report it to.
            let _ = sent.await;
        }
    }
}

/// What each target has yet to get.
fn due(state: &mut State) -> Vec<(String, Value)> {
    let end = state.logs.end();
    let mut due = Vec::new();
    for (name, target) in &state.plan.log_targets {
        let Some(place) = state.places.get_mut(name) else {
            continue;
        };
        let mut streams: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for line in state.logs.since(std::mem::replace(place, end)) {
            if takes(target, &line.service) {
                let time = line.time.as_nanosecond().to_string();
                let values = streams.entry(&line.service).or_default();
                values.push(json!([time, line.message]));
            }
        }
        let (true, Some(url)) =
            (target.r#type.as_deref() == Some("loki") && !streams.is_empty(), &target.location)
        else {
            continue;
        };
        let streams: Vec<Value> = streams
            .into_iter()
            .map(|(service, values)| {
                let of_service = state.plan.services.get(service);
                let environment = of_service.map(|service| &service.environment.0);
                let labels = target.labels.0.iter();
                let mut labels: BTreeMap<&str, String> = labels
                    .map(|(name, value)| (name.as_str(), filled(value, environment)))
                    .collect();
                labels.insert("pebble_service", service.to_owned());
                json!({"stream": labels, "values": values})
            })
            .collect();
        due.push((url.clone(), json!({"streams": streams})));
    }
    due
}

/// Whether a target takes a service: the last word on it counts.
fn takes(target: &LogTarget, service: &str) -> bool {
    let said = target.services.iter().rev().find_map(|word| {
        let (takes, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.as_str()),
        };
        (name == "all" || name == service).then_some(takes)
    });
    said.unwrap_or(false)
}

/// A label with the service's variables in it.
fn filled(value: &str, environment: Option<&BTreeMap<String, String>>) -> String {
    let mut parts = value.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = match part.strip_prefix('{').and_then(|p| p.split_once('}')) {
            Some(braced) => braced,
            None => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                part.split_at(part.find(|c| !is_name(c)).unwrap_or(part.len()))
            }
        };
        let variable = environment.and_then(|all| all.get(name));
        text.push_str(variable.map_or("", String::as_str));
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{filled, takes};
    use crate::pebble::plan::LogTarget;

    #[test]
    fn log_target_selects_services_by_its_last_entry() {
        let of = |words: &[&str], service: &str| {
            let services = words.iter().map(|word| (*word).to_owned()).collect();
            let target = LogTarget { services, ..LogTarget::default() };
            takes(&target, service)
        };
        assert!(of(&["all", "-web"], "db") && !of(&["all", "-web"], "web"));
        assert!(of(&["-all", "web"], "web") && !of(&[], "web"));
    }

    #[test]
    fn label_expands_variables_of_its_service() {
        let environment = BTreeMap::from([("PORT".to_owned(), "8080".to_owned())]);
        for (label, wanted) in
            [("$PORT", "8080"), ("p-${PORT}x", "p-8080x"), ("$NONE/", "/"), ("plain", "plain")]
        {
            assert_eq!(filled(label, Some(&environment)), wanted);
        }
        assert_eq!(filled("$PORT", None), "");
    }
}
