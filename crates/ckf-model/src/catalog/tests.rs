//! Tests of the catalogue.

use serde_json::{Value, json};

use super::*;

/// A control with these fields changed; null takes one away.
fn control(changes: Value) -> Result<Control, ControlError> {
    let mut control = json!({
        "id": "TLS-99", "title": "t", "section": "s", "severity": "low", "source": "kubernetes",
        "why": "w", "check": "c", "fix": "Do it.", "waive": "Never.", "mappings": {},
        "fix-breaks": "Nothing: it only reads.",
        "fix-works-on": {"releases": ["1.10"], "meshes": ["sidecar"]},
        "fix-proof": {"kind": "test", "name": "tests/a.rs::b", "shows": "That it holds."},
    });
    for (field, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(control.as_object_mut().unwrap().remove(field)),
            value => control[field] = value.clone(),
        }
    }
    Control::parse(&control.to_string())
}

#[test]
fn control_has_no_text_left_to_be_written() {
    for (name, text) in CONTROL_FILES {
        assert!(!text.contains("TODO"), "{name}: replace each TODO");
    }
}

#[test]
fn control_without_what_its_fix_may_break_is_refused() {
    assert!(control(json!({})).is_ok());
    let source = |repository: &str, revision: &str| {
        json!({"kind": "source", "repository": repository, "revision": revision,
            "path": "src/charm.py:1", "shows": "That it holds."})
    };
    let none = json!({"kind": "none", "reason": "no option sets it"});
    let limit = |field: &str, seen: &str, issue: &str| json!({"field": field, "seen": seen, "issue": issue, "why": "w", "mitigation": "m"});
    let mitigated = "There is no good fix: no option sets it. Mitigation: close the port.";
    assert!(control(json!({"fix-proof": source("a/b", "0123456789ab")})).is_ok());
    assert!(control(json!({"fix-proof": none, "fix": mitigated})).is_ok());
    for (changes, expected) in [
        (json!({"fix-breaks": null}), "fix-breaks"),
        (json!({"fix-works-on": null}), "fix-works-on"),
        (json!({"fix-proof": null}), "fix-proof"),
        (json!({"fix-breaks": " "}), "fix-breaks is empty"),
        (json!({"fix-works-on": {"releases": [], "meshes": ["sidecar"]}}), "names no release"),
        (json!({"fix-works-on": {"releases": ["1.10"], "meshes": ["mesh"]}}), "mesh"),
        (json!({"fix-proof": {"kind": "hope"}}), "hope"),
        (json!({"fix-proof": {"kind": "test", "name": "b", "shows": "s"}}), "FILE.rs::TEST"),
        (json!({"fix-proof": source("a/b", "main")}), "no commit"),
        (json!({"fix-proof": source("b", "0123456789ab")}), "OWNER/NAME"),
        (json!({"fix-proof": none}), "There is no good fix"),
        (json!({"limits": [limit("*", "*", "https://example.com")]}), "covers every finding"),
        (json!({"limits": [limit("image a", "1.*", "a#1")]}), "no https URL"),
        (json!({"limits": [limit("", "1.*", "https://example.com")]}), "is empty"),
    ] {
        let error = control(changes.clone()).unwrap_err().to_string();
        assert!(error.contains(expected), "{changes}: {error}");
    }
}

#[test]
fn control_of_unknown_family_is_refused() {
    for id in ["TSL-01", "TLS-1", "TLS01", "tls-01", "TLS-0x"] {
        let error = control(json!({"id": id})).unwrap_err().to_string();
        assert!(error.contains(id), "{error}");
    }
}

#[test]
fn requirement_of_a_framework_with_titles_has_one() {
    for control in controls() {
        for (framework, id) in control.mappings.all() {
            let edition = editions().get(framework);
            let edition = edition.unwrap_or_else(|| panic!("no edition of {framework}"));
            let has = edition.titles.is_empty() || edition.titles.contains_key(id);
            assert!(has, "{}: {framework} {id} has no title", control.id);
        }
    }
}

#[test]
fn controls_are_sorted_by_family_and_number() {
    let order = |control: &Control| (Family::of(&control.id).unwrap(), control.id.clone());
    assert!(controls().is_sorted_by_key(order));
    for family in Family::ALL {
        let mut ids = controls().iter().map(|control| Family::of(&control.id));
        assert!(ids.any(|of| of == Some(family)), "{family:?} has no control");
    }
}

#[test]
fn catalogue_has_a_control_of_each_file_and_every_text_of_it() {
    assert_eq!(controls().len(), CONTROL_FILES.len());
    for control in controls() {
        let file = format!("{}.yaml", control.id);
        assert!(CONTROL_FILES.iter().any(|(name, _)| *name == file), "no file {file}");
        let texts = [&control.why, &control.check, &control.fix, &control.waive, &control.finding];
        let is_whole = |text: &&String| text.trim().ends_with(['.', ')']) || text.ends_with('`');
        assert!(texts.iter().all(|text| !text.trim().is_empty()), "{}", control.id);
        let checks = [&control.check, &control.waive];
        assert!(checks.iter().all(is_whole), "{}", control.id);
    }
}

#[test]
fn fix_works_on_releases_of_the_catalogue_in_their_own_mesh() {
    for control in controls() {
        let works = &control.fix_works_on;
        for name in &works.releases {
            let release = release(name);
            let release = release.unwrap_or_else(|| panic!("{}: {name}", control.id));
            let runs = works.meshes.iter().any(|mesh| release.has_mesh(*mesh));
            assert!(runs, "{}: {name} runs in no such mesh", control.id);
        }
    }
}

#[test]
fn charm_of_a_release_has_what_it_needs_of_kubernetes() {
    for release in releases() {
        for (name, application) in &release.applications {
            let known = companions().get(&application.charm);
            assert!(known.is_some(), "{}: {name}", release.name);
        }
    }
}
