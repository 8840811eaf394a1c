//! The report as a self-contained HTML page that works without scripts.

use std::fmt::Write as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::html_charts as charts;
use super::html_control as control;
use super::html_text::escape;
use super::model::{ControlReport, Report};
use super::select;
use crate::catalog::Severity;
use crate::controls::Verdict;

pub(super) const STYLE: &str = include_str!("../../../../catalog/page/style.css");
const SCRIPT: &str = include_str!("../../../../catalog/page/script.js");

/// Content-Security-Policy of the page: allows only its inline style and script.
pub fn content_security_policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        format!("{}; script-src 'sha256-{}'; frame-ancestors 'self'", style_policy(), hash(SCRIPT))
    })
}

/// The same of a page without a script, and without what only a header can have.
pub(super) fn style_policy() -> String {
    let style = hash(STYLE);
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'")
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

/// Renders a report without history.
pub fn render(report: &Report) -> String {
    page(report, &[])
}

/// Renders a report with its history: numbers of open controls by severity, most severe first, with
/// the time in seconds since 1970.
pub fn page(report: &Report, past: &[(i64, [usize; 5])]) -> String {
    let mut out = String::with_capacity(128 << 10);
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
    charts::history(out, past)?;
    framework(out, report)?;
    out.push_str("<h2>Controls</h2>\n");
    filter(out, report)?;
    out.push_str("<div id=\"controls\">\n");
    let mut controls: Vec<&ControlReport> = report.controls.iter().collect();
    controls.sort_by_key(|control| (rank(control.verdict), std::cmp::Reverse(control.severity)));
    for (place, one) in controls.into_iter().enumerate() {
        control::write(out, report, one, place)?;
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

/// What was audited, by what and against what.
fn about(out: &mut String, report: &Report) -> std::fmt::Result {
    let cluster = &report.cluster;
    writeln!(
        out,
        "<p class=\"about\">Charmed Kubeflow {} in namespace {}, read at <time datetime=\"{time}\">{time}</time></p>",
        escape(report.release.as_deref().unwrap_or("(release unknown)")),
        escape(&cluster.namespace),
        time = escape(&cluster.collected_at),
    )?;
    let version = cluster.version.as_deref().unwrap_or("(version unknown)");
    let guide = escape(&cluster.security_guide);
    let mut facts = vec![("Cluster", escape(&format!("{} {version}", cluster.distribution)))];
    facts.extend(cluster.server.iter().map(|server| ("API server", escape(server))));
    facts.extend(cluster.context.iter().map(|context| ("Context", escape(context))));
    facts.extend(cluster.uid.iter().map(|uid| ("Cluster UID", escape(uid))));
    let policy = report.scope.policy_line();
    facts.push(("Policy", escape(policy.strip_prefix("policy ").unwrap_or(&policy))));
    let selected = report.scope.selected_line();
    let selected = selected.as_deref().map(|line| line.trim_start_matches("selected: "));
    facts.push(("Scope", escape(selected.unwrap_or("all controls"))));
    facts.push((
        "Tool",
        format!("<a href=\"https://charmhub.io/ckf-hardening\">{}</a>", escape(&report.tool())),
    ));
    if guide.starts_with("https://") {
        let name = format!("Security of {}", escape(&cluster.distribution));
        facts.push(("Guide", format!("<a href=\"{guide}\">{name}</a>")));
    }
    out.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts {
        writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
    }
    out.push_str("</dl>\n");
    Ok(())
}

fn summary(out: &mut String, report: &Report) -> std::fmt::Result {
    // Not the number of controls: a report that is cut to a size has fewer.
    let counted = &report.summary;
    let assessed = counted.pass + counted.fail + counted.waived;
    let applicable = assessed + counted.not_assessed;
    out.push_str("<section class=\"overview\" aria-label=\"Overview\">\n");
    charts::score(out, report)?;
    charts::severities(out, report)?;
    charts::sections(out, report)?;
    out.push_str("</section>\n");
    writeln!(
        out,
        "<p class=\"coverage\"><strong>{assessed} of {applicable} applicable controls assessed.</strong> {}.</p>",
        escape(&report.status_line()),
    )?;
    let unread = report.cluster.unknown.iter().map(|why| format!("could not be read: {why}"));
    for problem in report.problems.iter().cloned().chain(unread) {
        writeln!(out, "<p class=\"problem\">Incomplete: {}</p>", escape(&problem))?;
    }
    out.push_str("<dl class=\"counts\">\n");
    let s = &report.summary;
    for (class, name, number) in [
        ("fail", "fail", s.fail),
        ("ok", "pass", s.pass),
        ("", "waived", s.waived),
        ("", "not applicable", s.not_applicable),
        ("", "not assessed", s.not_assessed),
    ] {
        writeln!(out, "<div class=\"{class}\"><dt>{name}</dt><dd>{number}</dd></div>")?;
    }
    out.push_str("</dl>\n");
    Ok(())
}

/// Verdicts by the requirements of a framework, if one is selected.
fn framework(out: &mut String, report: &Report) -> std::fmt::Result {
    let Some(framework) = &report.framework else {
        return Ok(());
    };
    writeln!(
        out,
        "<h2>{}</h2>\n<p class=\"reason\">{}</p>\n<div class=\"scroll\"><table><thead><tr>\
         <th scope=\"col\">Requirement</th><th scope=\"col\">Title</th>\
         <th scope=\"col\">Verdict</th><th scope=\"col\">Controls</th></tr></thead><tbody>",
        escape(&framework.name),
        escape(&framework.line()),
    )?;
    for requirement in &framework.requirements {
        let link = |id: &String| {
            let id = escape(id);
            format!("<a href=\"#{id}\">{id}</a>")
        };
        let controls: Vec<String> = requirement.controls.iter().map(link).collect();
        let verdict = requirement.verdict.name();
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"verdict-{verdict}\">{verdict}</td><td>{}</td></tr>",
            escape(&requirement.id),
            escape(&requirement.title),
            controls.join(" "),
        )?;
    }
    out.push_str("</tbody></table></div>\n");
    Ok(())
}

fn filter(out: &mut String, report: &Report) -> std::fmt::Result {
    let options = |names: &[&str]| {
        let options = names.iter().map(|name| format!("<option>{}</option>", escape(name)));
        options.collect::<String>()
    };
    let has = |section: &&str| report.controls.iter().any(|c| c.section == **section);
    let mut sections: Vec<&str> = select::sections().into_iter().filter(has).collect();
    for control in &report.controls {
        if !sections.contains(&control.section.as_str()) {
            sections.push(&control.section);
        }
    }
    writeln!(
        out,
        "<form class=\"filter\" hidden>\n\
         <label>Words<input type=\"search\" name=\"text\"></label>\n\
         <label>Verdict<select name=\"verdict\"><option value=\"\">any</option>{}</select></label>\n\
         <label>Severity<select name=\"severity\"><option value=\"\">any</option>{}</select></label>\n\
         <label>Section<select name=\"section\"><option value=\"\">any</option>{}</select></label>\n\
         <label>Order<select name=\"sort\"><option value=\"worst\">worst first</option><option value=\"id\">by id</option></select></label>\n\
         <button type=\"button\" name=\"expand\">Expand all</button>\n\
         <button type=\"button\" name=\"collapse\">Collapse all</button>\n\
         <span id=\"shown\" role=\"status\"></span>\n</form>",
        options(&["fail", "waived", "not-assessed", "not-applicable", "pass"]),
        options(&Severity::ALL.map(Severity::name)),
        options(&sections),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Finding;
    use crate::facts::Facts;
    use crate::facts::object::ObjectRef;
    use crate::policy::Policy;
    use crate::report::WaivedFinding;

    fn report() -> Report {
        Report::audit(&Facts::default(), &Policy::default(), None, Vec::new())
    }

    #[test]
    fn cluster_text_with_markup_is_escaped() {
        let mut report = report();
        let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>`";
        let control = &mut report.controls[0];
        control.verdict = Verdict::Fail;
        control.reason = hostile.into();
        let finding = Finding {
            object: ObjectRef::new("v1", "Pod", hostile, hostile),
            field: hostile.into(),
            seen: hostile.into(),
            wanted: hostile.into(),
            owner: None,
        };
        control.findings = vec![finding.clone()];
        control.waived = vec![WaivedFinding {
            finding,
            owner: hostile.into(),
            reason: hostile.into(),
            until: hostile.into(),
        }];
        control.fix = hostile.into();
        control.headline = hostile.into();
        control.section = hostile.into();
        report.cluster.namespace = hostile.into();
        report.cluster.server = Some(hostile.into());
        report.cluster.context = Some(hostile.into());
        report.scope.selected.push(hostile.into());
        report.problems.push(hostile.into());
        let page = page(&report, &[]);
        assert_eq!(page.matches("<script>").count(), 1);
        assert!(!page.contains("<img") && !page.contains("><script>alert"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn page_with_many_findings_is_limited() {
        let mut report = report();
        let finding = Finding {
            object: ObjectRef::new("v1", "Pod", "kubeflow", "a-pod-of-some-application-0"),
            field: "container x".into(),
            seen: "docker.io/library/x:latest".into(),
            wanted: "a digest".into(),
            owner: None,
        };
        report.controls[0].findings = vec![finding; 10_000];
        let page = page(&report, &[(0, [1, 2, 3, 4, 5]), (600, [0, 1, 0, 0, 0])]);
        assert!(page.len() < 400_000, "{}", page.len());
        assert!(page.contains("and 9900 more, in the JSON report"));
        assert!(page.contains("1970-01-01 00:00") && page.contains("1970-01-01 00:10"));
    }

    #[test]
    fn page_of_a_report_that_lacks_controls_counts_all() {
        let mut report = report();
        let whole = page(&report, &[]);
        report.controls.truncate(1);
        let line = |page: &str| {
            let at = page.find("applicable controls assessed").unwrap();
            page[at - 20..at].to_owned()
        };
        assert_eq!(line(&page(&report, &[])), line(&whole));
    }

    #[test]
    fn page_names_its_subject() {
        let mut report = report();
        report.cluster.server = Some("https://k8s.example.com:6443".into());
        report.cluster.context = Some("production".into());
        report.cluster.uid = Some("8d1f".into());
        let control = report.controls.iter_mut().find(|control| control.id == "TLS-01").unwrap();
        control.verdict = Verdict::Fail;
        report.framework = Some(super::super::framework::Framework::Nist.assess(&report));
        let page = page(&report, &[]);
        for text in [
            "https://k8s.example.com:6443",
            "production",
            "8d1f",
            &format!("ckf-hardening {}", crate::VERSION),
            "profile baseline",
            "Boundary Protection",
            "<a href=\"#TLS-01\">TLS-01</a>",
            "<code>juju integrate ckf-hardening:gateway-certificates",
            "NIST SP 800-53: SC-8, SC-13",
            "name=\"section\"",
        ] {
            assert!(page.contains(text), "{text}");
        }
    }
}
