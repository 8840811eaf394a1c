//! The report as data: verdicts with their findings, counts and the score.

mod bounds;
mod control;
mod limits;
mod scope;
mod score;

pub use self::control::{ControlReport, OwnControl, WaivedFinding};
pub use self::scope::{Cluster, Scope, Tool};
pub use self::score::{Score, Summary};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::requirements::FrameworkReport;
use crate::catalog::Severity;
use crate::controls::{Context, Distribution, Finding, Verdict, assess};
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::policy::Policy;
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
    /// Policy and data of the audit, and the selected controls.
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
