//! Reports of several clusters in each format and width.

use super::*;
use crate::controls::Verdict;
use crate::facts::Facts;
use crate::policy::Policy;
use crate::report::format::Format;
use crate::report::model::Report;
use crate::report::style::Style;
use crate::report::table::Look;

fn report(fails: &[&str]) -> Report {
    let mut report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
    for control in &mut report.controls {
        control.verdict = match fails.contains(&control.id.as_str()) {
            true => Verdict::Fail,
            false => Verdict::Pass,
        };
        control.headline = crate::catalog::control(&control.id).unwrap().finding.clone();
    }
    report.summary = crate::report::Summary::of(&report.controls);
    report
}

fn fleet() -> Fleet {
    Fleet::new(vec![
        Member::audited("production".into(), report(&["TLS-01", "NET-02"])),
        Member::audited("staging".into(), report(&["NET-02"])),
        Member::audited("evil\u{1b}[2J|<b>,=1".into(), report(&[])),
        Member::without("gone".into(), Outcome::Failed, "no\u{1b}[2J answer, from it".into()),
        Member::without("other".into(), Outcome::Skipped, "no Charmed Kubeflow".into()),
    ])
}

#[test]
fn controls_have_a_column_for_each_cluster_that_fits() {
    let look = Look { width: 120, is_verbose: false, ..Look::default() };
    let text = render_with(&fleet(), &look);
    let status = "5 contexts: 3 audited, 2 with open findings, 1 could not be audited, 1 without Charmed Kubeflow";
    assert!(text.starts_with(status), "{text}");
    let rows: Vec<&str> = text.lines().collect();
    let row = |start: &str| *rows.iter().find(|row| row.starts_with(start)).expect(start);
    assert!(row("SEVERITY").contains("production  staging"), "{text}");
    let verdicts = |start: &str| -> Vec<&str> {
        row(start).split_whitespace().filter(|word| ["FAIL", "pass"].contains(word)).collect()
    };
    assert_eq!(verdicts("critical  TLS-01"), ["FAIL", "pass", "pass"], "{text}");
    assert_eq!(verdicts("high      NET-02"), ["FAIL", "FAIL", "pass"], "{text}");
    let narrow = render_with(&fleet(), &Look { width: 60, ..look });
    assert!(narrow.contains("FAILS IN") && narrow.contains("1 of 3: production"), "{narrow}");
}

#[test]
fn table_of_clusters_fits_any_terminal_and_obeys_no_name() {
    let mut many = fleet();
    let long = format!("arn:aws:eks:eu-central-1:123456789012:cluster/{}", "kubeflow-".repeat(6));
    many.clusters.push(Member::audited(long, report(&["PSS-01"])));
    for number in 0..40 {
        many.clusters.push(Member::audited(format!("edge-{number}"), report(&["TLS-01"])));
    }
    for fleet in [&fleet(), &many, &Fleet::new(Vec::new())] {
        for width in [60, 80, 120, 200] {
            let text = render_with(fleet, &Look { width, has_next: false, ..Look::default() });
            assert!(!text.contains('\u{1b}'), "{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= width.into(), "{width}: {line:?}\n{text}");
            }
        }
    }
    let look = Look { style: Style::colored().with_links(true), ..Look::default() };
    assert!(!render_with(&fleet(), &look).contains("\u{1b}[2J"));
}

#[test]
fn every_format_has_every_cluster() {
    let fleet = fleet();
    let json: Fleet = serde_json::from_str(&fleet.render(Format::Json).unwrap()).unwrap();
    assert_eq!(json.schema, SCHEMA);
    assert_eq!(json.clusters.len(), 5);
    assert_eq!(json.clusters[3].outcome, Outcome::Failed);
    let csv = fleet.render(Format::Csv).unwrap();
    assert!(csv.starts_with("control,severity,section,title,production,staging,"), "{csv}");
    let row = csv.lines().find(|row| row.starts_with("TLS-01,critical,")).unwrap();
    assert!(row.ends_with(",fail,pass,pass,,"), "{row}");
    let page = fleet.render(Format::Html).unwrap();
    for text in ["production", "staging", "&lt;b&gt;", "answer, from it", "verdict-fail"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("<b>"), "{page}");
    let markdown = fleet.render(Format::Markdown).unwrap();
    assert!(markdown.contains("| critical | TLS-01 | "), "{markdown}");
    assert!(!markdown.contains("<b>") && markdown.contains("\\|"), "{markdown}");
    assert!(fleet.render(Format::Sarif).is_none() && fleet.render(Format::Oscal).is_none());
}

#[test]
fn worst_status_is_the_cluster_that_could_not_be_audited() {
    for (statuses, expected) in
        [(&[0, 0][..], 0), (&[0, 3], 3), (&[3, 1, 0], 1), (&[1, 2, 3], 2), (&[], 0)]
    {
        assert_eq!(statuses.iter().copied().fold(0, worst), expected, "{statuses:?}");
    }
}
