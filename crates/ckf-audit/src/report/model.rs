//! The report as data: verdicts with their findings, counts and the score.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::requirements::FrameworkReport;
use crate::catalog::{self, Severity};
use crate::controls::{Assessment, Context, Distribution, Finding, Verdict, Waived, assess};
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::facts::object::ObjectRef;
use crate::finding::count;
use crate::policy::{Policy, is_like};
use crate::views::Detected;

/// Identifier of the report's schema, with its version.
pub const SCHEMA: &str = "ckf-hardening/report/v1";

/// Verdicts of an audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Report {
    /// `ckf-hardening/report/v1`.
    pub schema: String,
    /// The program that wrote the report.
    #[serde(default)]
    pub tool: Tool,
    /// Release of Charmed Kubeflow, null if it could not be detected.
    pub release: Option<String>,
    /// The audited cluster.
    pub cluster: Cluster,
    /// Number of controls by verdict.
    pub summary: Summary,
    /// Share of controls that pass, and share that was assessed.
    #[serde(default)]
    pub score: Score,
    /// What the audit was held against, and which controls were selected.
    #[serde(default)]
    pub scope: Scope,
    /// Verdicts by the requirements of another framework, if one was selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<FrameworkReport>,
    /// Problems with the policy or the snapshot.
    pub problems: Vec<String>,
    /// Controls in the order of the security guide.
    pub controls: Vec<ControlReport>,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Tool {
    /// `ckf-hardening`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What an audit was held against, and which controls were selected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Scope {
    /// Selected controls, a text for each option; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selected: Vec<String>,
    /// Number of controls that the selection leaves out.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// `baseline` or `strict`.
    pub profile: String,
    /// Digest of the policy: equal policies have equal digests.
    pub policy: String,
    /// Waivers of the policy.
    pub waivers: usize,
    /// Attestations of the policy.
    pub attestations: usize,
    /// Custom controls of the policy.
    pub custom_controls: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Scope {
    fn of(policy: &Policy) -> Self {
        Self {
            profile: policy.profile.name().into(),
            // The policy has no form of its own to hash but the one for developers.
            policy: crate::digest(format!("{policy:?}")),
            waivers: policy.waivers.len(),
            attestations: policy.attestations.len(),
            custom_controls: policy.controls.len(),
            ..Self::default()
        }
    }

    /// One line about the policy.
    pub fn policy_line(&self) -> String {
        format!(
            "policy {} (profile {}): {}, {}, {}",
            self.policy,
            self.profile,
            crate::controls::count(self.waivers, "waiver"),
            crate::controls::count(self.attestations, "attestation"),
            crate::controls::count(self.custom_controls, "custom control"),
        )
    }

    /// One line about a selection, if there is one.
    pub fn selected_line(&self) -> Option<String> {
        (!self.selected.is_empty()).then(|| {
            let left_out = crate::controls::count(self.left_out, "control");
            format!("selected: {}; {left_out} left out", self.selected.join("; "))
        })
    }
}

/// The audited cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    /// Namespace of the platform.
    pub namespace: String,
    /// Time of the audit's facts, RFC 3339.
    pub collected_at: String,
    /// Kubernetes version, null if it could not be read.
    pub version: Option<String>,
    /// Kubernetes distribution.
    pub distribution: String,
    /// URL of the distribution's security guide.
    pub security_guide: String,
    /// Kinds that could not be read, each with the reason.
    pub unknown: Vec<String>,
    /// URL of the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Context of the kubeconfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// UID of the namespace kube-system, which identifies the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// Number of controls by verdict.
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

impl Summary {
    pub(super) fn of(controls: &[ControlReport]) -> Self {
        let mut summary = Self::default();
        for control in controls {
            match control.verdict {
                Verdict::Pass => summary.pass += 1,
                Verdict::Fail => summary.fail += 1,
                Verdict::Waived => summary.waived += 1,
                Verdict::NotApplicable => summary.not_applicable += 1,
                Verdict::NotAssessed => summary.not_assessed += 1,
            }
        }
        summary
    }

    /// Number of controls that are counted.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.waived + self.not_applicable + self.not_assessed
    }
}

/// Verdict of a control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ControlReport {
    /// Id, for example `TLS-01`.
    pub id: String,
    /// Title from the catalogue.
    pub title: String,
    /// What is wrong, for a control that fails or is waived.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub headline: String,
    /// Section of the security guide.
    pub section: String,
    /// Severity in the audit's profile.
    pub severity: Severity,
    /// Outcome of the check.
    pub verdict: Verdict,
    /// Reason for the verdict, in a sentence.
    pub reason: String,
    /// Open evidence.
    pub findings: Vec<Finding>,
    /// Evidence that a waiver covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<WaivedFinding>,
    /// How to fix it.
    pub fix: String,
    /// Why it matters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Requirements of other frameworks that it maps to.
    #[serde(default, skip_serializing_if = "catalog::Mappings::is_empty")]
    pub mappings: catalog::Mappings,
    /// Advice on the fix, for a control that fails or is waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<catalog::Advice>,
    /// Limits of the platform by which some of the findings cannot be fixed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<PlatformLimit>,
    /// Catalogue data of a custom control, which the policy defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnControl>,
}

/// A limit of the platform, and the findings that it covers: no operator can fix these, and the
/// report says where upstream has them and what keeps the harm small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PlatformLimit {
    /// Why an operator cannot fix it.
    pub why: String,
    /// URL of the issue or advisory upstream.
    pub issue: String,
    /// What keeps the harm small meanwhile.
    pub mitigation: String,
    /// Positions in `findings` of the findings that it covers, from 0.
    pub findings: Vec<usize>,
}

/// Catalogue data of a custom control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OwnControl {
    /// Rationale of the control.
    pub why: String,
    /// Requirements of other frameworks that it maps to.
    pub mappings: catalog::Mappings,
}

impl PlatformLimit {
    /// Limits of a control that cover some of these findings.
    fn of(control: &catalog::Control, findings: &[Finding]) -> Vec<Self> {
        let covering = |limit: &catalog::Limit| {
            let is_covered = |finding: &Finding| {
                is_like(&limit.field, &finding.field) && is_like(&limit.seen, &finding.seen)
            };
            let all = findings.iter().enumerate();
            let covered = all.filter(|(_, finding)| is_covered(finding)).map(|(at, _)| at);
            Self {
                why: limit.why.trim().to_owned(),
                issue: limit.issue.trim().to_owned(),
                mitigation: limit.mitigation.trim().to_owned(),
                findings: covered.collect(),
            }
        };
        let all = control.limits.iter().map(covering);
        all.filter(|limit| !limit.findings.is_empty()).collect()
    }
}

impl std::fmt::Display for PlatformLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { why, issue, mitigation, findings } = self;
        let number = count(findings.len(), "finding");
        write!(
            f,
            "{number} by a limit of the platform: {why} See {issue}. Mitigation: {mitigation}"
        )
    }
}

impl ControlReport {
    /// Open findings that an operator can fix: those that no limit of the platform covers.
    pub fn fixable(&self) -> usize {
        let is_covered = |at: &usize| self.limits.iter().any(|limit| limit.findings.contains(at));
        (0..self.findings.len()).filter(|at| !is_covered(at)).count()
    }

    /// Rationale and mappings, of the catalogue or of a custom control.
    pub(super) fn known(&self) -> Option<(&str, &catalog::Mappings)> {
        let of_catalogue = || {
            let known = catalog::control(&self.id)?;
            Some((known.why.as_str(), &known.mappings))
        };
        let own = self.own.as_ref();
        own.map(|own| (own.why.as_str(), &own.mappings)).or_else(of_catalogue)
    }

    /// What is wrong with a control that fails or is waived, else what should hold.
    pub fn headline(&self) -> &str {
        match self.headline.as_str() {
            "" => &self.title,
            headline => headline,
        }
    }

    /// The objects that are not as they should be, each once.
    pub fn objects(&self) -> Vec<&ObjectRef> {
        let waived = self.waived.iter().map(|waived| &waived.finding);
        let mut objects: Vec<&ObjectRef> =
            self.findings.iter().chain(waived).map(|finding| &finding.object).collect();
        objects.dedup();
        objects
    }
}

/// Evidence that a waiver covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WaivedFinding {
    /// The evidence.
    pub finding: Finding,
    /// Who is responsible for the waiver.
    pub owner: String,
    /// Reason for the waiver.
    pub reason: String,
    /// Last day on which the waiver applies.
    pub until: String,
}

impl std::fmt::Display for WaivedFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (owner, until, reason) = (&self.owner, &self.until, &self.reason);
        write!(f, "{}: waived by {owner} until {until}: {reason}", self.finding)
    }
}

/// Share of assessed controls that pass, and share of controls that was assessed; neither is
/// meaningful without the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Score {
    /// Passing share of the controls that pass, fail or are waived, in percent, weighted by
    /// severity: critical 10, high 6, medium 3, low 1, info 0. Rounded down.
    pub passed: u32,
    /// Assessed share of the applicable controls, in percent. Rounded down.
    pub covered: u32,
}

impl Score {
    pub(super) fn of(controls: &[ControlReport]) -> Self {
        let weight = |control: &ControlReport| match control.severity {
            Severity::Critical => 10,
            Severity::High => 6,
            Severity::Medium => 3,
            Severity::Low => 1,
            Severity::Info => 0,
        };
        let (mut passed, mut assessed, mut covered, mut applicable) = (0, 0, 0, 0);
        for control in controls {
            match control.verdict {
                Verdict::Pass => {
                    (passed, assessed) = (passed + weight(control), assessed + weight(control))
                }
                Verdict::Fail | Verdict::Waived => assessed += weight(control),
                Verdict::NotApplicable => continue,
                Verdict::NotAssessed => {}
            }
            applicable += 1;
            covered += u32::from(control.verdict != Verdict::NotAssessed);
        }
        let percent = |part: u32, whole: u32| (100 * part).checked_div(whole).unwrap_or(0);
        Self { passed: percent(passed, assessed), covered: percent(covered, applicable) }
    }
}

/// Removes the characters that neither XML nor YAML can represent.
pub(super) fn printable(text: &str) -> String {
    let is_allowed = |c: &char| match *c {
        '\t' | '\n' | '\r' => true,
        c => !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'),
    };
    text.chars().filter(is_allowed).collect()
}

/// Stable digest of a control's evidence: equal evidence has an equal digest.
pub fn fingerprint(control: &str, finding: &Finding) -> String {
    crate::digest(format!("{control} {}", finding.identity()))
}

impl Report {
    /// Assesses all controls on these facts.
    pub fn audit(
        facts: &Facts,
        policy: &Policy,
        release: Option<&str>,
        problems: Vec<String>,
    ) -> Self {
        let assessments = assess(facts, policy, release);
        Self::of(assessments.into_iter(), facts, policy, release, problems)
    }

    /// Builds a report from assessments of these facts.
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
        let origin = &facts.origin;
        let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Self {
            schema: SCHEMA.into(),
            tool: Tool { name: crate::facts::CHARM.into(), version: crate::VERSION.into() },
            release: context.detected().ok().map(|detected| match detected {
                Detected::Known(name) | Detected::Past(name) => name.to_owned(),
            }),
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
                server: known(&origin.server),
                context: known(&origin.context),
                uid: known(&origin.uid),
            },
            summary: Summary::of(&controls),
            score: Score::of(&controls),
            scope: Scope::of(policy),
            framework: None,
            problems,
            controls,
        }
    }

    /// Name and version of the program that wrote the report.
    pub fn tool(&self) -> String {
        format!("{} {}", self.tool.name, self.tool.version)
    }

    /// Score and coverage in one line.
    pub fn score_line(&self) -> String {
        let Score { passed, covered } = self.score;
        format!(
            "score {passed} of 100 (weighted by severity), {covered} % of applicable controls assessed"
        )
    }

    /// Failing controls, most severe first.
    pub fn open(&self) -> Vec<&ControlReport> {
        let mut open: Vec<_> =
            self.controls.iter().filter(|c| c.verdict == Verdict::Fail).collect();
        open.sort_by_key(|c| std::cmp::Reverse(c.severity));
        open
    }

    /// Number of failing controls of a severity.
    pub fn open_of(&self, severity: Severity) -> usize {
        self.controls
            .iter()
            .filter(|c| c.verdict == Verdict::Fail && c.severity == severity)
            .count()
    }

    /// A control of at least this severity fails.
    pub fn is_open_at(&self, threshold: Severity) -> bool {
        self.controls.iter().any(|c| c.verdict == Verdict::Fail && c.severity >= threshold)
    }

    /// One line with the number of failing controls, for the two highest severities among them.
    pub fn status_line(&self) -> String {
        // A report that is cut to a size has fewer controls than it counts.
        let all = self.summary.total();
        let counts =
            Severity::ALL.into_iter().map(|s| (s, self.open_of(s))).filter(|(_, n)| *n > 0);
        let worst: Vec<String> = counts.take(2).map(|(s, n)| format!("{n} {}", s.name())).collect();
        if worst.is_empty() {
            format!("0 open of {all} controls, {} not assessed", self.summary.not_assessed)
        } else {
            format!("{} open of {all} controls", worst.join(", "))
        }
    }
}

impl From<&Assessment> for ControlReport {
    fn from(assessment: &Assessment) -> Self {
        assessment.clone().into()
    }
}

/// Moves the findings: a large deployment has tens of thousands.
impl From<Assessment> for ControlReport {
    fn from(a: Assessment) -> Self {
        let findings = limited(a.findings);
        Self {
            limits: PlatformLimit::of(&a.control, &findings),
            id: a.control.id.clone(),
            title: a.control.title.clone(),
            headline: match a.verdict {
                Verdict::Fail | Verdict::Waived => a.control.finding.clone(),
                _ => String::new(),
            },
            section: a.control.section.clone(),
            severity: a.severity,
            verdict: a.verdict,
            reason: a.reason,
            findings,
            waived: a.waived.iter().map(WaivedFinding::from).collect(),
            fix: a.control.fix.clone(),
            why: a.control.why.trim().to_owned(),
            mappings: a.control.mappings.clone(),
            advice: match (&a.control, a.verdict) {
                // Only where there is something to fix, so that more reports fit an action's result.
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

/// Limit on findings of one object under one control.
const MOST_OF_ONE: usize = 50;
/// Limit on an object's name in bytes: names of most kinds have at most half of it, but RBAC names
/// may have any length.
const LONGEST_NAME: usize = 512;

/// Limits findings per object, so that one object cannot crowd out the others.
fn limited(findings: Vec<Finding>) -> Vec<Finding> {
    let mut limited: Vec<Finding> = Vec::with_capacity(findings.len());
    let (mut of_one, mut omitted) = (0, 0);
    for mut finding in findings {
        let name = &mut finding.object.name;
        if name.len() > LONGEST_NAME {
            let end = (0..=LONGEST_NAME).rev().find(|end| name.is_char_boundary(*end));
            let digest = crate::digest(&*name);
            name.truncate(end.unwrap_or(0));
            name.push_str(&format!("…{digest}"));
        }
        // Findings are sorted by object.
        let is_same = limited.last().is_some_and(|last| last.object == finding.object);
        if !is_same {
            note_omitted(&mut limited, &mut omitted);
            of_one = 0;
        }
        of_one += 1;
        match of_one > MOST_OF_ONE {
            true => omitted += 1,
            false => limited.push(finding),
        }
    }
    note_omitted(&mut limited, &mut omitted);
    limited
}

/// Adds a finding with the number of omitted findings of the last object.
fn note_omitted(findings: &mut Vec<Finding>, omitted: &mut usize) {
    if let Some(last) = findings.last()
        && *omitted > 0
    {
        let note = Finding {
            object: last.object.clone(),
            field: "other fields".into(),
            seen: format!("{omitted} more findings of the same kind"),
            wanted: "none".into(),
            owner: last.owner.clone(),
        };
        findings.push(note);
        *omitted = 0;
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
