//! Reports as those services keep them that show and track findings: SIEMs, GitLab, Jenkins,
//! DefectDojo, Policy Reporter.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use ckf_hardening::controls::Verdict;
use ckf_hardening::report::{Format, Report, openreports};
use ckf_worlds::World;
use serde_json::Value;

use crate::formats::{hostile, python};
use crate::reports::{WAIVERS, report_of};

fn reports() -> [Report; 3] {
    [World::stock("1.10"), World::hardened("1.11"), hostile()].map(|w| report_of(&w, WAIVERS))
}

fn open(report: &Report) -> usize {
    report.controls.iter().map(|control| control.findings.len()).sum()
}

fn waived(report: &Report) -> usize {
    report.controls.iter().map(|control| control.waived.len()).sum()
}

#[test]
fn ocsf_events_satisfy_the_schema_of_compliance_findings() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("schema.json");
    let script = "
import json, sys
from ocsf_json_schema import get_ocsf_schema, OcsfJsonSchemaEmbedded
schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version='1.5.0'))
json.dump(schema.get_class_schema(schema.lookup_class_name_from_uid(2003)), open(sys.argv[1], 'w'))
";
    python(&["ocsf-json-schema==1.2.0"], "ocsf", script, &[&file]);
    let mut schema: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    // Its $id is an address, and nothing is fetched.
    schema.as_object_mut().unwrap().remove("$id");
    let schema = jsonschema::validator_for(&schema).unwrap();
    for report in reports() {
        let text = Format::Ocsf.render(&report);
        let mut counts: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> = schema.iter_errors(&event).map(|e| e.to_string()).collect();
            assert_eq!(errors, [""; 0], "{event}");
            assert!(ids.insert(event["finding_info"]["uid"].to_string()), "{event}");
            let of = |value: &Value| value.as_u64().unwrap();
            let key = (of(&event["compliance"]["status_id"]), of(&event["status_id"]));
            *counts.entry(key).or_default() += 1;
        }
        let count = |key| counts.get(&key).copied().unwrap_or_default();
        let s = &report.summary;
        assert_eq!(count((3, 1)), open(&report));
        assert_eq!(count((3, 3)), waived(&report));
        assert_eq!(count((1, 1)), s.pass);
        assert_eq!(count((2, 1)), s.not_assessed);
        assert_eq!(count((99, 1)), s.not_applicable);
    }
}

/// GitLab's rules: `app/validators/json_schemas/codeclimate.json` at 33827e3 of gitlabhq, and
/// `lib/gitlab/ci/reports/codequality_reports.rb` at 4315ed0, which keeps an entry a fingerprint.
#[test]
fn gitlab_keeps_every_open_finding() {
    for report in reports() {
        let entries: Value = serde_json::from_str(&Format::Gitlab.render(&report)).unwrap();
        let mut kept = BTreeMap::new();
        for entry in entries.as_array().unwrap() {
            assert!(entry["description"].is_string() && entry["check_name"].is_string());
            let severities = ["blocker", "critical", "major", "minor", "info"];
            assert!(severities.contains(&entry["severity"].as_str().unwrap()), "{entry}");
            assert!(entry["location"]["path"].is_string(), "{entry}");
            assert!(entry["location"]["lines"]["begin"].is_u64(), "{entry}");
            kept.insert(entry["fingerprint"].as_str().unwrap(), entry);
        }
        assert_eq!(kept.len(), open(&report));
    }
}

/// DefectDojo's rules: `dojo/tools/generic/json_parser.py` at 03609eb of django-DefectDojo, which
/// refuses a file with a field that it does not know.
#[test]
fn defectdojo_imports_open_findings_and_accepted_risks() {
    const REQUIRED: [&str; 3] = ["title", "severity", "description"];
    const ALLOWED: [&str; 13] = [
        "mitigation",
        "impact",
        "references",
        "date",
        "active",
        "verified",
        "risk_accepted",
        "static_finding",
        "dynamic_finding",
        "unique_id_from_tool",
        "vuln_id_from_tool",
        "component_name",
        "severity_justification",
    ];
    for report in reports() {
        let file: Value = serde_json::from_str(&Format::DefectDojo.render(&report)).unwrap();
        let (mut ids, mut accepted) = (BTreeSet::new(), 0);
        for finding in file["findings"].as_array().unwrap() {
            let fields = finding.as_object().unwrap();
            assert!(REQUIRED.iter().all(|name| fields.contains_key(*name)), "{finding}");
            let is_known =
                |name: &str| REQUIRED.contains(&name) || ALLOWED.contains(&name) || name == "tags";
            assert!(fields.keys().all(|name| is_known(name)), "{finding}");
            let severities = ["Critical", "High", "Medium", "Low", "Info"];
            assert!(severities.contains(&finding["severity"].as_str().unwrap()));
            assert!(finding["title"].as_str().unwrap().chars().count() <= 511);
            assert!(finding["date"].as_str().unwrap().parse::<jiff::civil::Date>().is_ok());
            let is_accepted = finding["risk_accepted"].as_bool().unwrap();
            assert_eq!(finding["active"], !is_accepted);
            accepted += usize::from(is_accepted);
            ids.insert(finding["unique_id_from_tool"].as_str().unwrap());
        }
        assert_eq!((ids.len() - accepted, accepted), (open(&report), waived(&report)));
    }
}

/// Policy Reporter's rules: `pkg/openreports` and `pkg/database/bun.go` at 4e5e05b of
/// kyverno/policy-reporter. It keeps the first result of each id, which is `resultID` of the
/// properties, and shows the message.
#[test]
fn policy_reporter_keeps_every_result() {
    for report in reports() {
        for kind in [openreports::Kind::OpenReports, openreports::Kind::PolicyReport] {
            let object = kind.of(&report);
            let results = object["results"].as_array().unwrap();
            let id = |result: &Value| result["properties"]["resultID"].as_str().map(str::to_owned);
            let kept: BTreeSet<String> = results.iter().filter_map(id).collect();
            assert_eq!(kept.len(), results.len());
            for failed in results.iter().filter(|result| result["result"] == "fail") {
                let name = failed["resources"][0]["name"].as_str().unwrap();
                assert!(failed["message"].as_str().unwrap().contains(name), "{failed}");
            }
            let fails = results.iter().filter(|result| result["result"] == "fail").count();
            assert_eq!(fails, open(&report));
        }
    }
}

/// Jenkins' rules: `junit-10.xsd` at 031e285 of jenkinsci/xunit-plugin, which allows these
/// attributes and no others. GitLab distinguishes tests by class and name.
#[test]
fn jenkins_and_gitlab_show_a_test_for_each_control() {
    let directory = tempfile::tempdir().unwrap();
    let script = "
import sys
import xml.etree.ElementTree as ET
allowed = {
    'testsuites': ({'name', 'time', 'tests', 'failures', 'errors'}, {'testsuite'}),
    'testsuite': ({'name', 'tests', 'failures', 'errors', 'skipped', 'timestamp', 'time'}, {'testcase', 'system-out'}),
    'testcase': ({'name', 'classname', 'time'}, {'skipped', 'failure'}),
    'failure': ({'type', 'message'}, set()), 'skipped': ({'type', 'message'}, set()), 'system-out': (set(), set()),
}
cases = set()
for node in ET.parse(sys.argv[1]).iter():
    attributes, children = allowed[node.tag]
    assert set(node.attrib) <= attributes, (node.tag, node.attrib)
    assert {child.tag for child in node} <= children, node.tag
    if node.tag == 'testsuite':
        assert {'name', 'tests', 'failures', 'errors'} <= set(node.attrib)
    if node.tag == 'testcase':
        cases.add((node.attrib['classname'], node.attrib['name']))
print(len(cases))
";
    for report in reports() {
        let file = directory.path().join("junit.xml");
        fs::write(&file, Format::Junit.render(&report)).unwrap();
        let shown = python(&["junitparser==5.0.3"], "junit", script, &[&file]);
        assert_eq!(shown, format!("{}\n", report.controls.len()));
        assert!(report.controls.iter().any(|control| control.verdict == Verdict::Fail));
    }
}
