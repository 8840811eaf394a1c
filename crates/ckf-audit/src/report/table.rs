//! The report as a table for terminals: a line for each failing control, a summary, what to do next.

use comfy_table::{ContentArrangement, Table, presets};
use printable::line;

use super::columns::{self, Column};
use super::links;
use super::model::{ControlReport, Report};
use super::style::{Ink, Style};
use crate::catalog::{self, Severity, Source};
use crate::controls::Verdict;

/// Width of tables in characters where the terminal's width is unknown.
pub const WIDTH: u16 = 120;

/// How a table is rendered.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Width in characters.
    pub width: u16,
    /// Colours and emphasis.
    pub style: Style,
    /// Reasons of failures, and the controls that do not fail.
    pub is_verbose: bool,
    /// Commands to run next.
    pub has_next: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: WIDTH, style: Style::default(), is_verbose: true, has_next: false }
    }
}

/// Renders a report with all controls.
pub fn render(report: &Report) -> String {
    render_with(report, &Look::default())
}

/// Renders a report with all controls in this width in characters.
pub fn render_within(report: &Report, width: u16) -> String {
    render_with(report, &Look { width, ..Look::default() })
}

/// Renders a report. Texts of the cluster are escaped; the style's own codes are not.
pub fn render_with(report: &Report, look: &Look) -> String {
    let mut out = head(report, look);
    out.push_str(&failures(report, look));
    if look.is_verbose {
        out.push_str(&others(report, look));
    }
    if let Some(framework) = &report.framework {
        out.push_str(&format!("\n{}", framework.table(look)));
    }
    out.push_str(&summary(report, look));
    if look.has_next {
        out.push_str(&next(report, look));
    }
    trimmed(&out)
}

/// What was audited, with what, and what was wrong with that.
fn head(report: &Report, look: &Look) -> String {
    let cluster = &report.cluster;
    let mut first = format!(
        "Charmed Kubeflow {} in namespace {}, {} {}",
        report.release.as_deref().unwrap_or("(release unknown)"),
        line(&cluster.namespace),
        line(&cluster.distribution),
        line(cluster.version.as_deref().unwrap_or("(version unknown)")),
    );
    if let Some(server) = &cluster.server {
        let context = cluster.context.as_deref().map(|name| format!(" (context {})", line(name)));
        first.push_str(&format!(", at {}{}", line(server), context.unwrap_or_default()));
    }
    let mut lines = vec![first];
    if look.is_verbose {
        lines.push(format!("security guide: {}", cluster.security_guide));
        lines.push(format!("read at {} by {}", cluster.collected_at, report.tool()));
        lines.extend(cluster.uid.iter().map(|uid| format!("cluster {}", line(uid))));
        lines.push(report.scope.policy_line());
    }
    if let Some(selected) = report.scope.selected_line() {
        lines.push(line(&selected).into_owned());
    }
    let mut out = wrapped(&lines.join("\n"), look.width);
    out.push('\n');
    for problem in &report.problems {
        let text = wrapped(&format!("problem: {}", line(problem)), look.width);
        out.push_str(&look.style.paint(Ink::Warning, &text));
        out.push('\n');
    }
    out
}

/// A cell with the id of a control, which opens its page where the terminal has links.
pub(super) fn linked(cell: &str, look: &Look) -> String {
    let id = cell.trim_end();
    let page = links::control_page(id);
    look.style.link(page.as_deref(), &look.style.paint(Ink::Id, id)) + &cell[id.len()..]
}

fn failures(report: &Report, look: &Look) -> String {
    let open = report.open();
    if open.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 4]> = open.iter().map(|control| row(control)).collect();
    let columns = columns::fit(
        [
            Column::fixed("SEVERITY", &rows, 0),
            Column::fixed("ID", &rows, 1),
            Column::flexible("FINDING", &rows, 2),
            Column::flexible("OBJECT", &rows, 3),
        ],
        usize::from(look.width),
    );
    let mut out = format!("\n{}\n", look.style.paint(Ink::Heading, &columns.heading()));
    for (control, row) in open.iter().zip(&rows) {
        for cells in columns.lines(row) {
            let [severity, cell, finding, object] = cells;
            out.push_str(&format!(
                "{}  {}  {finding}  {}\n",
                look.style.paint(Ink::of(control.severity), &severity),
                linked(&cell, look),
                look.style.paint(Ink::Quiet, object.trim_end())
            ));
        }
        if look.is_verbose {
            let indent = columns.indent();
            let reason = format!("{}{}", " ".repeat(indent), line(&control.reason));
            out.push_str(&look.style.paint(Ink::Quiet, &wrapped(&reason, look.width)));
            out.push('\n');
        }
    }
    out
}

fn row(control: &ControlReport) -> [String; 4] {
    let objects = control.objects();
    let object = match objects.as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    [
        control.severity.name().to_owned(),
        line(&control.id).into_owned(),
        line(control.headline()).into_owned(),
        object,
    ]
}

/// Controls that do not fail, by verdict and reason.
fn others(report: &Report, look: &Look) -> String {
    let mut out = String::new();
    for verdict in [Verdict::Waived, Verdict::NotAssessed, Verdict::NotApplicable, Verdict::Pass] {
        let controls: Vec<_> = report.controls.iter().filter(|c| c.verdict == verdict).collect();
        if controls.is_empty() {
            continue;
        }
        let name = format!("{}:", verdict.name());
        out.push_str(&format!("\n{}\n", look.style.paint(Ink::Heading, &name)));
        let mut lines = Vec::new();
        match verdict {
            Verdict::Waived => {
                for control in controls {
                    lines.push(format!("  {} {}", control.id, line(&control.reason)));
                    let waived = control.waived.iter();
                    lines.extend(waived.map(|w| format!("    {}", line(&w.to_string()))));
                }
            }
            // Reasons for a pass all differ, so only ids are listed.
            Verdict::Pass => {
                let ids: Vec<&str> = controls.iter().map(|c| c.id.as_str()).collect();
                lines.push(format!("  {}", ids.join(" ")));
            }
            _ => lines.extend(by_reason(&controls)),
        }
        out.push_str(&wrapped(&lines.join("\n"), look.width));
        out.push('\n');
    }
    out
}

fn by_reason(controls: &[&ControlReport]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for control in controls {
        match reasons.iter_mut().find(|(reason, _)| *reason == control.reason) {
            Some((_, ids)) => ids.push(&control.id),
            None => reasons.push((&control.reason, vec![&control.id])),
        }
    }
    let line_of =
        |(reason, ids): (&str, Vec<&str>)| format!("  {}: {}", ids.join(" "), line(reason));
    reasons.into_iter().map(line_of).collect()
}

fn summary(report: &Report, look: &Look) -> String {
    let style = &look.style;
    let mut out =
        format!("\n{}\n", style.paint(Ink::Heading, &wrapped(&report.score_line(), look.width)));
    let counts = Severity::ALL.map(|severity| {
        let number = report.open_of(severity);
        let text = format!("{number} {}", severity.name());
        style.paint(if number > 0 { Ink::of(severity) } else { Ink::Quiet }, &text)
    });
    let s = &report.summary;
    out.push_str(&format!("{} fail: {}\n", s.fail, counts.join(", ")));
    let rest = format!(
        "{} pass, {} waived, {} not applicable, {} not assessed",
        s.pass, s.waived, s.not_applicable, s.not_assessed
    );
    out.push_str(&format!("{}\n", wrapped(&rest, look.width)));
    if let Some(note) = juju_note(report) {
        out.push_str(&style.paint(Ink::Warning, &wrapped(&note, look.width)));
        out.push('\n');
    }
    out
}

/// Which controls Juju's login is missing for, and how to get it.
fn juju_note(report: &Report) -> Option<String> {
    let needs_login = |control: &&ControlReport| {
        control.verdict == Verdict::NotAssessed
            && control.reason.contains("needs Juju credentials")
            && catalog::control(&control.id).is_some_and(|c| c.source != Source::Attestation)
    };
    let ids: Vec<&str> =
        report.controls.iter().filter(needs_login).map(|c| c.id.as_str()).collect();
    (!ids.is_empty()).then(|| {
        format!(
            "{} of them for lack of a login to Juju ({}): run `juju login`, or name a controller \
             with --controller",
            ids.len(),
            ranges(&ids)
        )
    })
}

/// Ids with consecutive numbers as ranges: `CRED-01 to CRED-03, UPG-01`.
fn ranges(ids: &[&str]) -> String {
    let split = |id: &str| {
        let (family, number) = id.split_once('-')?;
        Some((family.to_owned(), number.parse::<u32>().ok()?))
    };
    let mut all: Vec<(&str, &str)> = Vec::new();
    for id in ids {
        let follows = |last: &str| match (split(last), split(id)) {
            (Some((one, n)), Some((other, m))) => one == other && n + 1 == m,
            _ => false,
        };
        match all.last_mut() {
            Some((_, last)) if follows(last) => *last = id,
            _ => all.push((id, id)),
        }
    }
    let texts = all.into_iter().map(|(first, last)| match first == last {
        true => first.to_owned(),
        false => format!("{first} to {last}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// Commands to run next.
fn next(report: &Report, look: &Look) -> String {
    let mut commands: Vec<(String, &str)> = Vec::new();
    if let Some(worst) = report.open().first() {
        commands.push((format!("ckf-hardening explain {}", worst.id), "why, and how to fix it"));
        commands.push(("ckf-hardening plan --all".into(), "preview the remedies"));
    }
    if !look.is_verbose {
        commands.push(("ckf-hardening audit -v".into(), "reasons, and all other controls"));
    }
    let longest = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    let lines = commands.iter().enumerate().map(|(place, (command, why))| {
        let label = if place == 0 { "next:" } else { "     " };
        // A narrow terminal has the commands only.
        if label.len() + longest + why.len() + 3 > usize::from(look.width) {
            return format!("{label} {}\n", look.style.paint(Ink::Id, command));
        }
        let command = format!("{command:longest$}");
        format!("{label} {}  {why}\n", look.style.paint(Ink::Id, &command))
    });
    format!("\n{}", lines.collect::<String>())
}

/// Trims trailing blanks of each line, with which tables pad their last column.
pub fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    lines.join("\n")
}

/// Wraps lines at this width in characters, between words; continued lines repeat the
/// indentation.
pub fn wrapped(text: &str, width: u16) -> String {
    let width = usize::from(width);
    let mut out = Vec::new();
    for line in text.split('\n') {
        if line.chars().count() <= width {
            out.push(line.to_owned());
            continue;
        }
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let (mut now, mut length) = (String::new(), 0);
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let more = word.chars().count();
            if length > 0 && length + 1 + more > width {
                out.push(std::mem::take(&mut now));
                length = 0;
            }
            let gap = if length == 0 { indent.as_str() } else { " " };
            now.push_str(gap);
            now.push_str(word);
            length += gap.len() + more;
        }
        out.push(now);
    }
    out.join("\n")
}

/// Fields of a record under each other, a name and its value each, within this width in
/// characters: for what has too many fields for a line.
pub fn fields(fields: &[(&str, String)], width: u16) -> String {
    let longest = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let indent = " ".repeat(longest + 4);
    let room = width.saturating_sub(u16::try_from(indent.len()).unwrap_or(width));
    let mut out = String::new();
    for (name, value) in fields {
        let value = wrapped(value, room).replace('\n', &format!("\n{indent}"));
        out.push_str(&format!("  {name:longest$}  {value}\n"));
    }
    out
}

/// A table of this width in characters.
pub fn new_table_within(header: &[&str], width: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    table.set_header(header.iter().copied());
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Finding;
    use crate::facts::Facts;
    use crate::facts::object::ObjectRef;
    use crate::policy::Policy;

    fn failing() -> Report {
        let mut report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        for id in ["TLS-01", "NET-02", "IMG-01"] {
            let control = report.controls.iter_mut().find(|c| c.id == id).unwrap();
            control.verdict = Verdict::Fail;
            control.headline = catalog::control(id).unwrap().finding.clone();
            let object = ObjectRef::new(
                "v1",
                "Pod",
                "kubeflow",
                "a-pod-of-some-application-whose-name-is-long-0",
            );
            control.findings = vec![Finding {
                object,
                field: "f".into(),
                seen: "s\u{1b}[2J".into(),
                wanted: "w".into(),
                owner: None,
            }];
            control.reason = "hostile\u{1b}[2J\nnext".into();
        }
        report.cluster.namespace = "evil\u{1b}[2J".into();
        report.summary = super::super::model::Summary::of(&report.controls);
        report
    }

    #[test]
    fn table_fits_any_terminal() {
        let report = failing();
        for width in [60, 80, 120, 160, 200] {
            for is_verbose in [false, true] {
                let look = Look { width, is_verbose, has_next: true, ..Look::default() };
                let text = render_with(&report, &look);
                for line in text.lines() {
                    assert!(line.chars().count() <= width.into(), "{width}: {line:?}");
                    assert_eq!(line, line.trim_end());
                }
                assert!(text.contains("SEVERITY  ID      FINDING"), "{text}");
            }
        }
    }

    #[test]
    fn long_value_of_a_record_continues_below_itself() {
        let of = [("TLS", "no".to_owned()), ("leads to", "one two three".to_owned())];
        assert_eq!(fields(&of, 20), "  TLS       no\n  leads to  one two\n            three\n");
    }

    #[test]
    fn wide_table_has_one_line_for_each_finding() {
        let look = Look { width: 160, is_verbose: false, ..Look::default() };
        let text = render_with(&failing(), &look);
        let row = "critical  TLS-01  The ingress gateway does not serve HTTPS";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("3 fail: 1 critical, 2 high, 0 medium, 0 low, 0 info"), "{text}");
        assert!(!text.contains("not-assessed:"), "{text}");
    }

    #[test]
    fn colour_codes_are_only_those_of_the_style() {
        let report = failing();
        let plain = render_with(&report, &Look::default());
        assert!(!plain.contains('\u{1b}'), "{plain}");
        let look = Look { style: Style::colored(), ..Look::default() };
        let colored = render_with(&report, &look);
        assert!(colored.contains("\u{1b}[1;31mcritical"), "{colored}");
        assert!(!colored.contains("\u{1b}[2J"), "{colored}");
    }

    #[test]
    fn ids_link_to_their_pages_where_the_terminal_has_links() {
        let mut report = failing();
        let own = report.controls.iter_mut().find(|c| c.id == "IMG-01").unwrap();
        own.id = "ACME-01\u{1b}]8;;https://evil.example".into();
        let look = Look { style: Style::default().with_links(true), ..Look::default() };
        let text = render_with(&report, &look);
        let page = "https://charmhub.io/ckf-hardening/docs/reference-controls-tls-01";
        let link = format!("\u{1b}]8;;{page}\u{1b}\\TLS-01\u{1b}]8;;\u{1b}\\ ");
        assert!(text.contains(&link), "{text}");
        assert!(!text.contains("\u{1b}]8;;https://evil"), "{text}");
        // Without its codes it is the table that has no links.
        let bare = text.split("\u{1b}]8;;").map(|part| match part.split_once("\u{1b}\\") {
            Some((_, rest)) => rest,
            None => part,
        });
        let without = Look { style: Style::default(), ..look };
        assert_eq!(bare.collect::<String>(), render_with(&report, &without));
    }

    #[test]
    fn missing_login_to_juju_names_controls_and_command() {
        let note = juju_note(&failing()).unwrap();
        assert!(note.contains("`juju login`") && note.contains("CRED-01 to CRED-0"), "{note}");
        assert_eq!(ranges(&["A-01", "A-02", "A-04", "B-05"]), "A-01 to A-02, A-04, B-05");
    }
}
