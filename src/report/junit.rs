//! The report as JUnit XML, as build servers show it: a suite for each section of the
//! guide, a case for each control.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::{ControlReport, Report, printable};
use crate::controls::Verdict;

/// Renders it.
pub fn render(report: &Report) -> String {
    let mut sections: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for control in &report.controls {
        let section = control.section.as_str();
        let suite = sections
            .entry(section)
            .or_insert_with(|| TestSuite::new(printable(section)));
        suite.add_test_case(case(control));
    }
    let mut suites = Suites::new(format!(
        "ckf-hardening {}",
        printable(&report.cluster.namespace)
    ));
    suites.add_test_suites(sections.into_values());
    // Writing into memory does not fail, and no text has a character that XML has not.
    let mut text = suites.to_string().unwrap_or_default();
    text.push('\n');
    text
}

fn case(control: &ControlReport) -> TestCase {
    let status = match control.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => {
            let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let lines: Vec<String> = control.findings.iter().map(ToString::to_string).collect();
            let text = format!("{}\n\n{}", lines.join("\n"), control.fix.trim());
            failure
                .set_message(printable(&control.reason))
                .set_type(control.severity.name())
                .set_description(printable(&text));
            failure
        }
        Verdict::Waived | Verdict::NotApplicable | Verdict::NotAssessed => {
            let mut skipped = TestCaseStatus::skipped();
            let verdict = control.verdict.name();
            skipped.set_message(printable(&format!("{verdict}: {}", control.reason)));
            skipped
        }
    };
    let mut case = TestCase::new(
        printable(&format!("{} {}", control.id, control.title)),
        status,
    );
    case.set_classname(printable(&control.section));
    case
}
