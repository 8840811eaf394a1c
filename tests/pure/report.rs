//! The report's published schema, and reports by it.

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::{Format, Report, fit, json};
use ckf_worlds::World;
use serde_json::Value;

fn report(objects: &[Value]) -> Report {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, objects);
    Report::audit(&facts, &Policy::default(), None, vec!["policy: a problem".into()])
}

#[test]
fn published_schema_matches_the_code() {
    let published = include_str!("../../docs/report-v1.schema.json");
    assert_eq!(published, json::schema(), "run `cargo xtask docs`");
}

#[test]
fn reports_satisfy_the_published_schema() {
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/report-v1.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for objects in [World::stock("1.10").objects, World::hardened("1.11").objects, Vec::new()] {
        let report: Value = serde_json::from_str(&json::render(&report(&objects))).unwrap();
        let errors: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
        assert_eq!(errors, [""; 0]);
    }
    let mut wrong: Value = serde_json::from_str(&json::render(&report(&[]))).unwrap();
    wrong["controls"][0]["verdict"] = "perhaps".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn long_report_stays_valid_and_says_what_is_left_out() {
    let mut world = World::stock("1.10");
    let pod = world.get("Pod", "minio-0").clone();
    for number in 1..2000 {
        let mut copy = pod.clone();
        copy["metadata"]["name"] = format!("minio-{number}").into();
        world.objects.push(copy);
    }
    let report = report(&world.objects);
    for format in [Format::Json, Format::Table, Format::Markdown] {
        let text = fit(&report, format, 100_000);
        assert!(text.len() <= 100_000);
        if format == Format::Json {
            assert!(json::render(&report).len() > 100_000);
            let short: Report = serde_json::from_str(&text).unwrap();
            assert_eq!(short.controls.len(), report.controls.len());
            assert!(
                short.problems[1].starts_with("omitted for lack of space: ")
                    && short.problems[1].contains(" findings; "),
                "{:?}",
                short.problems
            );
            let verdicts = |r: &Report| r.controls.iter().map(|c| c.verdict).collect::<Vec<_>>();
            assert_eq!(verdicts(&short), verdicts(&report));
        }
    }
    // With room for all, nothing is left out; the table is as narrow as results of actions are.
    let whole = fit(&report, Format::Table, usize::MAX);
    assert!(!whole.contains("omitted for lack of space"), "{whole}");
    for control in report.open() {
        assert!(whole.contains(&control.id), "{}", control.id);
    }
    assert!(whole.lines().count() > 100, "{whole}");
}

#[test]
fn report_reads_back() {
    let report = report(&World::stock("1.10").objects);
    let again: Report = serde_json::from_str(&json::render(&report)).unwrap();
    assert_eq!(again, report);
}
