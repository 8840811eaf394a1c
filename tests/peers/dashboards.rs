//! The dashboard by the rules of Grafana and of those who show it: dashboard-linter's rules, and
//! grafana-k8s' library, `grafana_dashboard.py` v0.48 at 382e463, which adds variables that are not
//! there by name.

use ckf_hardening::catalog;
use serde_json::Value;

fn panels() -> Vec<Value> {
    let of = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let all = catalog::DASHBOARDS.iter().map(|(_, text)| of(text)["panels"].clone());
    all.flat_map(|panels| panels.as_array().unwrap().clone())
        .filter(|p| p["type"] != "row")
        .collect()
}

#[test]
fn every_panel_has_a_description_a_unit_and_its_own_thresholds() {
    for panel in panels() {
        let title = panel["title"].as_str().unwrap();
        assert!(panel["description"].as_str().is_some_and(|text| text.len() > 10), "{title}");
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(defaults["unit"].is_string(), "{title}");
        if matches!(panel["type"].as_str().unwrap(), "stat" | "bargauge" | "gauge") {
            // Without steps Grafana takes green, and red from 80.
            let steps = defaults["thresholds"]["steps"].as_array();
            let steps = steps.unwrap_or_else(|| panic!("{title} has no thresholds"));
            assert!(steps[0]["value"].is_null(), "{title}");
            let values: Vec<f64> = steps.iter().filter_map(|step| step["value"].as_f64()).collect();
            assert!(values.is_sorted(), "{title}: {values:?}");
        }
        if panel["type"] == "table" {
            let hidden = &panel["transformations"][0]["options"]["excludeByName"];
            assert_eq!(hidden["Time"], true, "{title}");
        }
    }
}

/// The color of a value, as Grafana takes it from the steps.
fn color(title: &str, value: f64) -> String {
    let panels = panels();
    let panel = panels.iter().find(|panel| panel["title"] == title).unwrap();
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
    let mut reached =
        steps.iter().filter(|step| step["value"].as_f64().is_none_or(|at| at <= value));
    reached.next_back().unwrap()["color"].as_str().unwrap().to_owned()
}

#[test]
fn colors_say_what_is_good_and_what_is_not() {
    const DAY: f64 = 86400.0;
    for (title, value, expected) in [
        ("Gateway's certificate expires in", 60.0 * DAY, "green"),
        ("Gateway's certificate expires in", 10.0 * DAY, "orange"),
        ("Gateway's certificate expires in", 79.0, "red"),
        ("Gateway's certificate expires in", -DAY, "red"),
        ("Renewal is due in", 20.0 * DAY, "green"),
        ("Renewal is due in", -2.0 * DAY, "red"),
        ("Next rotation in", 80.0, "green"),
        ("Failing for", 3600.0, "green"),
        ("Failing for", 90.0 * DAY, "red"),
        ("Coverage", 0.1, "red"),
        ("Coverage", 0.9, "orange"),
        ("Coverage", 1.0, "green"),
        ("Score", 0.5, "red"),
        ("Images", 180.0, "blue"),
        ("Unexpected images", 0.0, "green"),
        ("Critical open", 1.0, "red"),
    ] {
        assert_eq!(color(title, value), expected, "{title}: {value}");
    }
}

#[test]
fn every_variable_of_a_query_is_defined_in_the_file() {
    for (name, text) in catalog::DASHBOARDS {
        let dashboard: Value = serde_json::from_str(text).unwrap();
        assert_eq!(dashboard["editable"], false, "{name}");
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let defined: Vec<&str> = variables.iter().map(|v| v["name"].as_str().unwrap()).collect();
        // Names that grafana-k8s would add.
        let juju = ["juju_model", "juju_model_uuid", "juju_application", "juju_unit"];
        assert_eq!(defined, [&["prometheusds"][..], &juju[..]].concat(), "{name}");
        for variable in &variables[1..] {
            assert_eq!(
                (&variable["includeAll"], &variable["allValue"]),
                (&true.into(), &".*".into())
            );
        }
        for word in text.split('$').skip(1) {
            let word = word.trim_start_matches('{');
            let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let word = &word[..end.unwrap_or(word.len())];
            let is_known = defined.contains(&word) || ["__rate_interval", "__all"].contains(&word);
            assert!(is_known, "{name}: ${word}");
        }
    }
}
