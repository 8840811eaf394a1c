//! Reports compared with each other.

use std::fs;

use ckf_hardening::report::{Report, json};
use ckf_test_support::run;
use ckf_worlds::World;

use crate::{WAIVERS, report_of};

/// Every pod is another one, and every image has another tag.
#[test]
fn diff_around_a_rollout_is_empty() {
    let old = report_of(&World::stock("1.10"), "");
    let text = serde_json::to_string(&World::stock("1.10").objects).unwrap();
    let text = text.replace("6d4cf56db6-x2x9z", "7b9c8d6f4-q8z2k");
    let text =
        text.replace("-6d4cf56db6", "-7b9c8d6f4").replace("0.120.0-24.04_", "0.121.0-24.04_");
    let new = report_of(&World { objects: serde_json::from_str(&text).unwrap() }, "");
    let all = |report: &Report| {
        let controls = report.controls.iter();
        controls.flat_map(|c| c.findings.clone()).filter(|f| f.object.kind == "Pod").count()
    };
    assert!(all(&old) > 20, "{}", all(&old));
    let diff = ckf_hardening::report::diff::Diff::of(&old, &new);
    assert!(diff.text().starts_with("0 new, 0 fixed, "), "{}", diff.text());
}

#[test]
fn diff_compares_evidence_and_never_guesses() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, report: &Report| {
        let file = directory.path().join(name);
        fs::write(&file, json::render(report)).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let old = write("old.json", &report_of(&World::stock("1.10"), ""));
    let mut changed = World::stock("1.10");
    changed.get("Pod", "minio-0")["spec"]["containers"][0]["image"] =
        "elsewhere.io/minio:latest".into();
    changed.remove("EnvoyFilter", "istio-pilot-authn-filter");
    let new = write("new.json", &report_of(&changed, ""));
    let waived = write("waived.json", &report_of(&World::stock("1.10"), WAIVERS));
    let says = |status: i32, arguments: &[&str]| {
        let output = run(&[&["diff"], arguments].concat());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
        text
    };
    assert!(says(0, &[&old, &old]).starts_with("0 new, 0 fixed, "));
    let text = says(1, &[&old, &new]);
    assert!(text.contains("new AUTHN-01 (critical)"), "{text}");
    assert!(text.contains("new IMG-02 (high) Pod kubeflow/minio-0"), "{text}");
    let text = says(0, &[&new, &old]);
    assert!(text.contains("fixed AUTHN-01 (critical)"), "{text}");
    says(0, &[&old, &new, "--fail-on", "never"]);
    says(1, &[&new, &old, "--fail-on", "fixed:high"]);
    // What is waived is still there.
    let text = says(1, &[&old, &waived]);
    assert!(text.contains("2 new, 0 fixed, "), "{text}");
    assert!(text.contains("new POL-01 (medium) Waiver 3"), "{text}");
    let refused = says(2, &[&old, "/nowhere.json"]);
    assert!(refused.contains("report /nowhere.json"), "{refused}");
    assert!(says(2, &[&old, &new, "--fail-on", "worse"]).contains("new:SEVERITY"));

    // What one of both could not assess is not reported.
    let unread = World { objects: Vec::new() };
    let mut report = report_of(&World::stock("1.10"), "");
    let unread = report_of(&unread, "");
    for control in &mut report.controls {
        if control.id == "AUTHN-01" {
            *control = ckf_hardening::report::ControlReport {
                verdict: ckf_hardening::controls::Verdict::NotAssessed,
                ..unread.controls[0].clone()
            };
            control.id = "AUTHN-01".into();
        }
    }
    let partial = write("partial.json", &report);
    let text = says(1, &[&partial, &new, "--fail-on", "new:high"]);
    assert!(text.contains("incomparable AUTHN-01: not-assessed -> fail"), "{text}");
    assert!(!text.contains("new AUTHN-01"), "{text}");
}
