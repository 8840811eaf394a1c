//! Limits of the platform: which findings no operator can fix, with the issue upstream and what
//! keeps the harm small.

use ckf_hardening::report::{Format, json};
use ckf_test_support::run;
use ckf_worlds::World;
use serde_json::Value;

use crate::{control, report_of};

#[test]
fn limit_covers_what_the_newest_charms_do_and_nothing_else() {
    let mut world = World::stock("1.10");
    let report = report_of(&world, "");
    let severe = control(&report, "UPG-09");
    assert!(!severe.findings.is_empty(), "{severe:?}");
    assert_eq!(severe.fixable(), 0, "{:?}", severe.limits);
    // An older patch release is the operator's to refresh.
    let older = world.objects.iter_mut().filter(|o| o.to_string().contains("/pilot:1.24.2"));
    for object in older {
        let text = object.to_string().replace("/pilot:1.24.2", "/pilot:1.24.1");
        *object = serde_json::from_str(&text).unwrap();
    }
    let older = report_of(&world, "");
    assert!(control(&older, "UPG-09").fixable() > 0);
    let without = report.controls.iter().filter(|c| c.id != "UPG-09");
    assert!(without.clone().all(|c| c.limits.is_empty() && c.fixable() == c.findings.len()));
}

#[test]
fn limit_is_shown_with_its_issue_and_mitigation() {
    let report = report_of(&World::stock("1.10"), "");
    let limit = &control(&report, "UPG-09").limits[0];
    let data: Value = serde_json::from_str(&json::render(&report)).unwrap();
    let of = data["controls"].as_array().unwrap().iter().find(|c| c["id"] == "UPG-09").unwrap();
    assert_eq!(of["limits"][0]["issue"], limit.issue.as_str());
    assert_eq!(of["limits"][0]["mitigation"], limit.mitigation.as_str());
    let explained = run(&["explain", "UPG-09"]);
    let explained = String::from_utf8(explained.stdout).unwrap();
    for text in [Format::Html.render(&report), Format::Markdown.render(&report), explained] {
        let limit_of = text.to_lowercase();
        assert!(limit_of.contains("limit of the platform"), "{text}");
        assert!(text.contains(&limit.issue) && text.to_lowercase().contains("mitigation:"));
    }
}
