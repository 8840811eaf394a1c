//! Tests of the table of advisories.

use serde_json::{Value, json};

use super::*;

fn table(changes: Value) -> Result<AdvisoryTable, TableError> {
    let mut advisory = json!({
        "id": "GHSA-1", "affected": [{"package": {"ecosystem": "Go", "name": "p"}, "ranges": [
            {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.6.14"},
                {"introduced": "3.7.0"}, {"last_affected": "3.7.4"}, {"introduced": "4.0"}]}]}]});
    for (field, value) in changes.as_object().unwrap() {
        advisory[field] = value.clone();
    }
    let table = json!({"reviewed": "2026-11-28", "review-by": "2027-02-28", "sources": [],
        "covers": {"p": ["3.5", "3.7"]}, "advisories": [advisory]});
    AdvisoryTable::parse(&table.to_string())
}

#[test]
fn version_is_read_from_tags_of_rocks_and_releases() {
    for (tag, numbers) in [
        ("3.7.3-be9eb54", Some(vec![3, 7, 3])),
        ("v0.19.0-698153e", Some(vec![0, 19, 0])),
        ("1.29-24.04_stable", Some(vec![1, 29])),
        ("3.7.17-3487b58-20260723121157", Some(vec![3, 7, 17])),
        ("2.0.0-rc.0-ambient-0ec9623", Some(vec![2, 0, 0])),
        ("RELEASE.2025-10-15T17-29-55Z", Some(vec![2025, 10, 15, 17, 29, 55])),
        ("2025.10.15", Some(vec![2025, 10, 15])),
        ("ckf-1.10-b40ac43", None),
        ("vacuum", None),
        ("latest", None),
        ("", None),
    ] {
        assert_eq!(release_numbers(tag), numbers, "{tag}");
    }
}

#[test]
fn version_in_a_range_is_affected_with_its_fix() {
    let table = table(json!({})).unwrap();
    let remedy = |version: &str| {
        let numbers = release_numbers(version).unwrap();
        table.of("p").find_map(|(_, affected)| affected.remedy(&numbers))
    };
    assert_eq!(remedy("3.5.14"), Some(Remedied::In("3.6.14".into())));
    assert_eq!(remedy("3.6.14"), None);
    assert_eq!(remedy("3.7.3"), Some(Remedied::After("3.7.4".into())));
    assert_eq!(remedy("3.7.5"), None);
    assert_eq!(remedy("4.0.1"), Some(Remedied::Nowhere));
    assert!(table.covers("p", &[3, 5, 14]) && !table.covers("p", &[3, 6, 1]));
    assert!(!table.covers("q", &[3, 5]));
}

#[test]
fn advisory_that_is_withdrawn_counts_for_nothing() {
    let table = table(json!({"withdrawn": "2026-01-01T00:00:00Z"})).unwrap();
    assert_eq!(table.of("p").count(), 0);
}

#[test]
fn severity_that_is_not_known_counts_as_severe() {
    for (severity, severe) in [("HIGH", true), ("", true), ("MODERATE", false), ("Low", false)] {
        let table = table(json!({"database_specific": {"severity": severity}})).unwrap();
        assert_eq!(table.advisories[0].is_severe(), severe, "{severity}");
    }
}

#[test]
fn advisory_that_is_not_understood_is_refused() {
    let events = |events: Value| {
        json!({"affected": [{"package": {"ecosystem": "Go", "name": "p"},
            "ranges": [{"type": "ECOSYSTEM", "events": events}]}]})
    };
    for (changes, expected) in [
        (json!({"id": ""}), "id"),
        (events(json!([])), "oldest first"),
        (events(json!([{"fixed": "1"}])), "oldest first"),
        (events(json!([{"introduced": "2"}, {"fixed": "1"}])), "oldest first"),
        (events(json!([{"introduced": "a commit"}])), "oldest first"),
        (events(json!([{"limit": "1"}])), "oldest first"),
        (json!({"affected": [{"package": {"ecosystem": "Go", "name": "p"}}]}), "no range"),
        (
            json!({"affected": [{"package": {"ecosystem": "Go", "name": "p"},
                "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}]}),
            "neither",
        ),
        (
            json!({"affected": [{"package": {"ecosystem": "Go", "name": "other"}, "ranges": []}]}),
            "covers",
        ),
    ] {
        let error = table(changes.clone()).unwrap_err().to_string();
        assert!(error.contains(expected), "{changes}: {error}");
    }
}

#[test]
fn advisory_of_the_catalogue_has_a_source_and_a_page() {
    let table = crate::catalog::advisories();
    assert!(table.reviewed < table.review_by);
    assert!(!table.sources.is_empty());
    for advisory in &table.advisories {
        assert!(!advisory.summary.is_empty(), "{}", advisory.id);
        assert!(advisory.references.iter().any(|page| page.url.starts_with("https://")));
        for affected in &advisory.affected {
            let images = &affected.ecosystem_specific.images;
            assert!(!images.is_empty(), "{}", advisory.id);
        }
    }
}
