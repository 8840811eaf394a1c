//! The report as a self-contained HTML page that works without scripts.

use std::fmt::Write as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use printable;
use sha2::{Digest as _, Sha256};

use super::model::{ControlReport, Report};
use crate::catalog::Severity;
use crate::controls::Verdict;

const STYLE: &str = include_str!("../../../../catalog/page/style.css");
const SCRIPT: &str = include_str!("../../../../catalog/page/script.js");

/// Limit on findings of a control; the JSON report has all.
const SHOWN: usize = 100;

/// Content-Security-Policy of the page: allows only its inline style and script.
pub fn content_security_policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'self'",
            hash(STYLE),
            hash(SCRIPT)
        )
    })
}

/// Renders a report without history.
pub fn render(report: &Report) -> String {
    page(report, &[])
}

/// Renders a report with its history: numbers of open controls by severity, most severe first, with
/// the time in seconds since 1970.
pub fn page(report: &Report, past: &[(i64, [usize; 5])]) -> String {
    let mut out = String::with_capacity(64 << 10);
    // Writing to a string cannot fail.
    let _ = write_page(&mut out, report, past);
    out
}

fn write_page(out: &mut String, report: &Report, past: &[(i64, [usize; 5])]) -> std::fmt::Result {
    let policy = escape(content_security_policy());
    // A file has no header, so the page has the policy; frame-ancestors works in a header only.
    let policy = policy.replace("; frame-ancestors &#39;self&#39;", "");
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <title>Hardening of Charmed Kubeflow: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#controls\">Skip to controls</a>\n<header>\n\
         <h1>Hardening of Charmed Kubeflow</h1>\n",
        escape(&report.status_line())
    )?;
    about(out, report)?;
    out.push_str("</header>\n<main>\n");
    summary(out, report)?;
    history(out, past)?;
    out.push_str("<h2>Controls</h2>\n");
    filter(out)?;
    out.push_str("<div id=\"controls\">\n");
    let mut controls: Vec<&ControlReport> = report.controls.iter().collect();
    controls.sort_by_key(|control| (rank(control.verdict), std::cmp::Reverse(control.severity)));
    for (place, control) in controls.into_iter().enumerate() {
        write_control(out, control, place)?;
    }
    write!(out, "</div>\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

/// Order of controls: failures, then not assessed, then the rest.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::NotAssessed => 1,
        Verdict::Waived => 2,
        Verdict::Pass => 3,
        Verdict::NotApplicable => 4,
    }
}

fn about(out: &mut String, report: &Report) -> std::fmt::Result {
    let cluster = &report.cluster;
    writeln!(
        out,
        "<p class=\"about\">Charmed Kubeflow {} in namespace {}, {} {}, read at <time datetime=\"{time}\">{time}</time></p>",
        escape(report.release.as_deref().unwrap_or("(release unknown)")),
        escape(&cluster.namespace),
        escape(&cluster.distribution),
        escape(cluster.version.as_deref().unwrap_or("(version unknown)")),
        time = escape(&cluster.collected_at),
    )
}

fn summary(out: &mut String, report: &Report) -> std::fmt::Result {
    let all = report.controls.len();
    let assessed = all - report.summary.not_assessed;
    writeln!(
        out,
        "<p class=\"coverage\"><strong>{assessed} of {all} controls assessed.</strong> {}.</p>",
        escape(&report.status_line())
    )?;
    for problem in report.problems.iter().chain(&report.cluster.unknown) {
        writeln!(out, "<p class=\"reason\">Problem: {}</p>", escape(problem))?;
    }
    out.push_str("<dl class=\"counts\">\n");
    for severity in Severity::ALL {
        let (name, number) = (severity.name(), report.open_of(severity));
        writeln!(out, "<div><dt>{name} open</dt><dd>{number}</dd></div>")?;
    }
    let s = &report.summary;
    for (name, number) in [("pass", s.pass), ("waived", s.waived), ("not assessed", s.not_assessed)]
    {
        writeln!(out, "<div><dt>{name}</dt><dd>{number}</dd></div>")?;
    }
    out.push_str("</dl>\n");
    Ok(())
}

/// Chart of the history: one line for all open controls, one for those critical or high.
fn history(out: &mut String, past: &[(i64, [usize; 5])]) -> std::fmt::Result {
    let ([first, .., last], [_, _, ..]) = (past, past) else {
        return Ok(());
    };
    let total = |open: &[usize; 5]| open.iter().sum::<usize>();
    let severe = |open: &[usize; 5]| open[0] + open[1];
    let most = past.iter().map(|(_, open)| total(open)).max().unwrap_or(0).max(1);
    let span = (last.0 - first.0).max(1) as f64;
    let line = |of: &dyn Fn(&[usize; 5]) -> usize| {
        let points = past.iter().map(|(at, open)| {
            let x = (at - first.0) as f64 / span * 1000.0;
            let y = 58.0 - of(open) as f64 / most as f64 * 56.0;
            format!("{x:.1},{y:.1}")
        });
        points.collect::<Vec<_>>().join(" ")
    };
    let minutes = (last.0 - first.0) / 60;
    writeln!(
        out,
        "<h2>The last {minutes} minutes</h2>\n<svg class=\"past\" viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{} open at first and {} now; critical or high {} at first and {} now\">\
         <polyline class=\"all\" points=\"{}\"/><polyline points=\"{}\"/></svg>\n\
         <p class=\"reason\">Upper line: all open controls; lower line: those critical or high.</p>",
        total(&first.1),
        total(&last.1),
        severe(&first.1),
        severe(&last.1),
        line(&total),
        line(&severe),
    )
}

fn filter(out: &mut String) -> std::fmt::Result {
    let options = |names: &[&str]| {
        let options = names.iter().map(|name| format!("<option>{name}</option>"));
        options.collect::<String>()
    };
    writeln!(
        out,
        "<form class=\"filter\" hidden>\n\
         <label>Words<input type=\"search\" name=\"text\"></label>\n\
         <label>Verdict<select name=\"verdict\"><option value=\"\">any</option>{}</select></label>\n\
         <label>Severity<select name=\"severity\"><option value=\"\">any</option>{}</select></label>\n\
         <label>Order<select name=\"sort\"><option value=\"worst\">worst first</option><option value=\"id\">by id</option></select></label>\n\
         <span id=\"shown\" role=\"status\"></span>\n</form>",
        options(&["fail", "waived", "not-assessed", "not-applicable", "pass"]),
        options(&Severity::ALL.map(Severity::name)),
    )
}

fn write_control(out: &mut String, control: &ControlReport, place: usize) -> std::fmt::Result {
    let is_open = control.verdict == Verdict::Fail;
    let (id, severity, verdict) =
        (escape(&control.id), control.severity.name(), control.verdict.name());
    let class = match control.verdict {
        Verdict::Fail => severity,
        Verdict::Pass => "ok",
        _ => "info",
    };
    writeln!(
        out,
        "<article class=\"{class}\" id=\"{id}\" data-id=\"{id}\" data-rank=\"{place}\" data-verdict=\"{verdict}\" data-severity=\"{severity}\">\
         <details><summary><span class=\"id\">{id}</span><span class=\"title\">{}</span>\
         <span class=\"tag severity\">{severity}</span><span class=\"tag\">{verdict}</span></summary><div class=\"inside\">\
         <p class=\"reason\">{}</p>",
        escape(&control.title),
        escape(&control.reason),
    )?;
    if is_open {
        write!(out, "<p><strong>Fix:</strong> {}</p>", escape(&control.fix))?;
        if let Some(advice) = &control.advice {
            write!(
                out,
                "<p><strong>May break:</strong> {}</p><p><strong>Works on:</strong> {}</p><p><strong>Evidence:</strong> {}</p>",
                escape(&advice.breaks),
                escape(&advice.works_on.to_string()),
                escape(&advice.proof.to_string())
            )?;
        }
    }
    if !control.findings.is_empty() {
        out.push_str("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Object</th><th scope=\"col\">Field</th><th scope=\"col\">Seen</th><th scope=\"col\">Wanted</th></tr></thead><tbody>");
        for finding in control.findings.iter().take(SHOWN) {
            write!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&finding.object.to_string()),
                escape(&finding.field),
                escape(&finding.seen),
                escape(&finding.wanted)
            )?;
        }
        out.push_str("</tbody></table></div>");
        let more = control.findings.len().saturating_sub(SHOWN);
        if more > 0 {
            write!(out, "<p class=\"reason\">and {more} more, in the JSON report</p>")?;
        }
    }
    out.push_str("</div></details></article>\n");
    Ok(())
}

/// Escapes text for an element or an attribute value.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Line breaks have no meaning in HTML, but characters that reverse the writing direction do.
    for c in printable::text(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Finding;
    use crate::facts::Facts;
    use crate::facts::object::ObjectRef;
    use crate::policy::Policy;

    #[test]
    fn cluster_text_with_markup_is_escaped() {
        let mut report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
        let control = &mut report.controls[0];
        control.verdict = Verdict::Fail;
        control.reason = hostile.into();
        control.findings = vec![Finding {
            object: ObjectRef {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: hostile.into(),
                name: hostile.into(),
            },
            field: hostile.into(),
            seen: hostile.into(),
            wanted: hostile.into(),
        }];
        report.cluster.namespace = hostile.into();
        report.problems.push(hostile.into());
        let page = page(&report, &[]);
        assert_eq!(page.matches("<script>").count(), 1);
        assert!(!page.contains("<img") && !page.contains("><script>alert"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn page_with_many_findings_is_limited() {
        let mut report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        let finding = Finding {
            object: ObjectRef {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: "kubeflow".into(),
                name: "a-pod-of-some-application-0".into(),
            },
            field: "container x".into(),
            seen: "docker.io/library/x:latest".into(),
            wanted: "a digest".into(),
        };
        report.controls[0].findings = vec![finding; 10_000];
        let page = page(&report, &[(0, [1, 2, 3, 4, 5]), (600, [0, 1, 0, 0, 0])]);
        assert!(page.len() < 300_000, "{}", page.len());
        assert!(page.contains("and 9900 more, in the JSON report"));
        assert!(page.contains("The last 10 minutes"));
    }
}
