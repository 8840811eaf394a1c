//! The report: verdicts as data, and one file a format.

pub mod diff;
mod fit;
pub mod framework;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod openreports;
pub mod oscal;
mod redact;
pub mod rocks;
pub mod sarif;
pub mod table;
mod users;

pub use self::redact::redact;
pub use self::users::{Row as UserRow, Users};

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::{self, Severity};
use crate::controls::{Assessment, Context, Distribution, Finding, Verdict, Waived, assess};
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::policy::Policy;
use crate::remedies::Remedy;

/// The name of the report's form and version.
pub const SCHEMA: &str = "ckf-hardening/report/v1";

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Report {
    /// `ckf-hardening/report/v1`.
    pub schema: String,
    /// Release of Charmed Kubeflow, null if it could not be told.
    pub release: Option<String>,
    /// The cluster.
    pub cluster: Cluster,
    /// How many controls have each verdict.
    pub summary: Summary,
    /// How much holds, and how much was judged.
    #[serde(default)]
    pub score: Score,
    /// What was wrong with policy or snapshot.
    pub problems: Vec<String>,
    /// The controls, in the order of the guide.
    pub controls: Vec<ControlReport>,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    /// Namespace of the platform.
    pub namespace: String,
    /// When it was read, RFC 3339.
    pub collected_at: String,
    /// Version of Kubernetes, null if it could not be read.
    pub version: Option<String>,
    /// Distribution of Kubernetes.
    pub distribution: String,
    /// The distribution's security guide.
    pub security_guide: String,
    /// Kinds that could not be read, and why.
    pub unknown: Vec<String>,
}

/// How many controls have each verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Summary {
    /// Verdict pass.
    pub pass: usize,
    /// Verdict fail.
    pub fail: usize,
    /// Verdict waived.
    pub waived: usize,
    /// Verdict not-applicable.
    pub not_applicable: usize,
    /// Verdict not-assessed.
    pub not_assessed: usize,
}

/// One control of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ControlReport {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Section of the guide.
    pub section: String,
    /// Severity.
    pub severity: Severity,
    /// Verdict.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Evidence that is open.
    pub findings: Vec<Finding>,
    /// Evidence that somebody takes responsibility for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<WaivedFinding>,
    /// How to put it right.
    pub fix: String,
    /// What to know before the fix is followed: of a control that fails or is waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<catalog::Advice>,
    /// What the catalogue would tell, of a control of the policy's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnControl>,
}

/// What the catalogue would tell of a control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OwnControl {
    /// Why it matters.
    pub why: String,
    /// Where it stands in other catalogues.
    pub mappings: catalog::Mappings,
}

impl ControlReport {
    /// Why it matters, and where it stands in other catalogues.
    fn known(&self) -> Option<(&str, &catalog::Mappings)> {
        let of_catalogue = || {
            let known = catalog::control(&self.id)?;
            Some((known.why.as_str(), &known.mappings))
        };
        let own = self.own.as_ref();
        own.map(|own| (own.why.as_str(), &own.mappings)).or_else(of_catalogue)
    }
}

/// Evidence that somebody takes responsibility for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WaivedFinding {
    /// The evidence.
    pub finding: Finding,
    /// Who takes it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Last day on which it holds.
    pub until: String,
}

/// How much of what was judged holds, and how much was judged: one says nothing without the
/// other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Score {
    /// Of the controls that pass, fail or are waived those that pass, in percent, each
    /// weighted by its severity: critical 10, high 6, medium 3, low 1, info 0. Rounded down.
    pub passed: u32,
    /// Of the controls that apply those that were judged, in percent. Rounded down.
    pub covered: u32,
}

impl Score {
    fn of(controls: &[ControlReport]) -> Self {
        let weight = |control: &ControlReport| match control.severity {
            Severity::Critical => 10,
            Severity::High => 6,
            Severity::Medium => 3,
            Severity::Low => 1,
            Severity::Info => 0,
        };
        let (mut passed, mut judged, mut covered, mut applying) = (0, 0, 0, 0);
        for control in controls {
            match control.verdict {
                Verdict::Pass => {
                    (passed, judged) = (passed + weight(control), judged + weight(control))
                }
                Verdict::Fail | Verdict::Waived => judged += weight(control),
                Verdict::NotApplicable => continue,
                Verdict::NotAssessed => {}
            }
            applying += 1;
            covered += u32::from(control.verdict != Verdict::NotAssessed);
        }
        let percent = |part: u32, whole: u32| (100 * part).checked_div(whole).unwrap_or(0);
        Self { passed: percent(passed, judged), covered: percent(covered, applying) }
    }
}

/// Without the characters that neither XML nor YAML can say.
fn printable(text: &str) -> String {
    let is_said = |c: &char| match *c {
        '\t' | '\n' | '\r' => true,
        c => !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'),
    };
    text.chars().filter(is_said).collect()
}

/// Stands for evidence: the same of the same control has the same.
pub fn fingerprint(control: &str, finding: &Finding) -> String {
    crate::mark(format!("{control} {}", finding.identity()))
}

impl Report {
    /// Audits facts.
    pub fn audit(
        facts: &Facts,
        policy: &Policy,
        release: Option<&str>,
        problems: Vec<String>,
    ) -> Self {
        let assessments = assess(facts, policy, release);
        Self::of(assessments.into_iter(), facts, policy, release, problems)
    }

    /// What verdicts on these facts tell.
    pub fn of<A: Into<ControlReport>>(
        assessments: impl Iterator<Item = A>,
        facts: &Facts,
        policy: &Policy,
        release: Option<&str>,
        problems: Vec<String>,
    ) -> Self {
        let context = Context::new(facts, policy, release);
        let distribution = Distribution::of(facts);
        let controls: Vec<ControlReport> = assessments.map(Into::into).collect();
        let mut summary = Summary::default();
        for control in &controls {
            match control.verdict {
                Verdict::Pass => summary.pass += 1,
                Verdict::Fail => summary.fail += 1,
                Verdict::Waived => summary.waived += 1,
                Verdict::NotApplicable => summary.not_applicable += 1,
                Verdict::NotAssessed => summary.not_assessed += 1,
            }
        }
        Self {
            schema: SCHEMA.into(),
            release: context.release().ok().map(|r| r.name.clone()),
            cluster: Cluster {
                namespace: facts.about.namespace.clone(),
                collected_at: facts.about.collected_at.to_string(),
                version: match &facts.version {
                    Known::Known(version) => Some(version.git_version.clone()),
                    Known::Unknown(_) => None,
                },
                distribution: distribution.name().into(),
                security_guide: distribution.guide().into(),
                unknown: facts
                    .kinds()
                    .into_iter()
                    .filter_map(|(kind, why)| Some(format!("{kind}: {}", why?)))
                    .collect(),
            },
            summary,
            score: Score::of(&controls),
            problems,
            controls,
        }
    }

    /// Controls that fail, worst first.
    pub fn open(&self) -> Vec<&ControlReport> {
        let mut open: Vec<_> =
            self.controls.iter().filter(|c| c.verdict == Verdict::Fail).collect();
        open.sort_by_key(|c| std::cmp::Reverse(c.severity));
        open
    }

    /// How many controls of a severity fail.
    pub fn open_of(&self, severity: Severity) -> usize {
        self.controls
            .iter()
            .filter(|c| c.verdict == Verdict::Fail && c.severity == severity)
            .count()
    }

    /// Whether a control of this severity or worse fails.
    pub fn is_open_at(&self, threshold: Severity) -> bool {
        self.controls.iter().any(|c| c.verdict == Verdict::Fail && c.severity >= threshold)
    }

    /// The state in a line: the two worst severities that are open.
    pub fn status_line(&self) -> String {
        let counts =
            Severity::ALL.into_iter().map(|s| (s, self.open_of(s))).filter(|(_, n)| *n > 0);
        let worst: Vec<String> = counts.take(2).map(|(s, n)| format!("{n} {}", s.name())).collect();
        if worst.is_empty() {
            format!(
                "nothing open of {} controls, {} not assessed",
                self.controls.len(),
                self.summary.not_assessed
            )
        } else {
            format!("{} open of {} controls", worst.join(", "), self.controls.len())
        }
    }
}

impl From<&Assessment> for ControlReport {
    fn from(assessment: &Assessment) -> Self {
        assessment.clone().into()
    }
}

/// A large deployment has findings by the ten thousand, so they are not copied.
impl From<Assessment> for ControlReport {
    fn from(a: Assessment) -> Self {
        Self {
            id: a.control.id.clone(),
            title: a.control.title.clone(),
            section: a.control.section.clone(),
            severity: a.severity,
            verdict: a.verdict,
            reason: a.reason,
            findings: few(a.findings),
            waived: a.waived.iter().map(WaivedFinding::from).collect(),
            fix: a.control.fix.clone(),
            advice: match (&a.control, a.verdict) {
                // A report that fits into an action's result says it where there is something to fix.
                (Cow::Borrowed(control), Verdict::Fail | Verdict::Waived) => Some(control.advice()),
                _ => None,
            },
            own: match &a.control {
                Cow::Borrowed(_) => None,
                Cow::Owned(control) => Some(OwnControl {
                    why: control.why.clone(),
                    mappings: control.mappings.clone(),
                }),
            },
        }
    }
}

/// Most findings of one object under one control.
const MOST_OF_ONE: usize = 50;
/// Longest name of an object, in bytes: that of most kinds is shorter than half of it, and that
/// of RBAC may be of any length.
const LONGEST_NAME: usize = 512;

/// Findings without so many of one object that there is room for no other.
fn few(findings: Vec<Finding>) -> Vec<Finding> {
    let mut few: Vec<Finding> = Vec::with_capacity(findings.len());
    let (mut of_one, mut more) = (0, 0);
    for mut finding in findings {
        let name = &mut finding.object.name;
        if name.len() > LONGEST_NAME {
            let end = (0..=LONGEST_NAME).rev().find(|end| name.is_char_boundary(*end));
            let mark = crate::mark(&*name);
            name.truncate(end.unwrap_or(0));
            name.push_str(&format!("…{mark}"));
        }
        // They are in the order of their objects.
        let is_same = few.last().is_some_and(|last| last.object == finding.object);
        if !is_same {
            left_out(&mut few, &mut more);
            of_one = 0;
        }
        of_one += 1;
        match of_one > MOST_OF_ONE {
            true => more += 1,
            false => few.push(finding),
        }
    }
    left_out(&mut few, &mut more);
    few
}

/// Says how many findings of the last object are left out.
fn left_out(few: &mut Vec<Finding>, more: &mut usize) {
    if let Some(last) = few.last()
        && *more > 0
    {
        let told = Finding {
            object: last.object.clone(),
            field: "other fields".into(),
            seen: format!("{more} more findings of the same kind"),
            wanted: "none".into(),
        };
        few.push(told);
        *more = 0;
    }
}

impl From<&Waived> for WaivedFinding {
    fn from(waived: &Waived) -> Self {
        Self {
            finding: waived.finding.clone(),
            owner: waived.by.owner.clone(),
            reason: waived.by.reason.clone(),
            until: waived.by.expires.to_string(),
        }
    }
}

/// A format of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Table,
    /// For programs.
    Json,
    /// For issues and wikis.
    Markdown,
    /// A page that needs nothing else.
    Html,
    /// For services that gather what scanners find: SARIF 2.1.0.
    Sarif,
    /// For build servers: JUnit XML.
    Junit,
    /// An object of Kubernetes: OpenReports.
    #[value(name = "openreports")]
    OpenReports,
    /// An object of Kubernetes, before OpenReports: PolicyReport.
    #[value(name = "policyreport")]
    PolicyReport,
    /// For auditors: OSCAL assessment results.
    Oscal,
}

impl Format {
    /// Whether programs read it, to which a part of it is worth nothing.
    pub fn is_for_programs(self) -> bool {
        !matches!(self, Self::Table | Self::Markdown)
    }

    /// Renders a report.
    pub fn render(self, report: &Report) -> String {
        match self {
            Self::Table => table::render(report),
            Self::Json => json::render(report),
            Self::Markdown => markdown::render(report),
            Self::Html => html::render(report),
            Self::Sarif => sarif::render(report),
            Self::Junit => junit::render(report),
            Self::OpenReports => openreports::render(report),
            Self::PolicyReport => openreports::policy_report(report),
            Self::Oscal => oscal::render(report),
        }
    }
}

pub use self::fit::fit;

/// Explains a control in words.
pub fn explain(control: &catalog::Control) -> String {
    let mut text = format!(
        "{} {}\nsection: {}\nseverity: {}\nread from: {}\n\n{}\n\nchecked: {}\n\nfix: {}\n\nmay break: {}\nworks on: {}\nshown by: {}\n{}\nwaive: {}\n\n",
        control.id,
        control.title,
        control.section,
        control.severity.name(),
        control.source.name(),
        control.why.trim(),
        control.check.trim(),
        control.fix.trim(),
        control.fix_breaks.trim(),
        control.fix_works_on,
        control.fix_proof,
        match control.kept.trim() {
            "" => String::new(),
            kept => format!("\nby the charm: {kept}\n"),
        },
        control.waive.trim(),
    );
    for line in control.mappings.in_words() {
        text.push_str(&line);
        text.push('\n');
    }
    let remedies = Remedy::ALL.iter().map(|remedy| remedy.about());
    let remedies: Vec<&str> = remedies
        .filter(|about| about.controls.contains(&control.id.as_str()))
        .map(|about| about.name)
        .collect();
    if !remedies.is_empty() {
        text.push_str(&format!("\nby remedy: ckf-hardening plan {}\n", remedies.join(" ")));
    }
    text
}
