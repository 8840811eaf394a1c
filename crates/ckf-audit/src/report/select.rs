//! Selection of controls: a report of some of them, with the counts and the score of those.

use std::str::FromStr;

use super::framework::Framework;
use super::model::{ControlReport, Report, Score, Summary};
use crate::catalog::{self, Severity, UnknownSeverity};
use crate::policy::is_like;

/// Severities: names, or one and every worse one as `high+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severities {
    text: String,
    all: Vec<Severity>,
}

impl FromStr for Severities {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        let lower = text.trim().to_ascii_lowercase();
        let all = match lower.strip_suffix('+') {
            None => vec![lower.parse()?],
            Some(least) => {
                let least: Severity = least.parse()?;
                Severity::ALL.into_iter().filter(|severity| *severity >= least).collect()
            }
        };
        Ok(Self { text: lower, all })
    }
}

impl Severities {
    /// A severity is one of them.
    pub fn has(&self, severity: Severity) -> bool {
        self.all.contains(&severity)
    }
}

/// Controls to keep; an empty list keeps all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Of these severities.
    pub severities: Vec<Severities>,
    /// With these ids, or like these patterns.
    pub controls: Vec<String>,
    /// In these sections of the guide.
    pub sections: Vec<String>,
    /// Without these ids or patterns.
    pub skipped: Vec<String>,
    /// Mapped to by this framework.
    pub framework: Option<Framework>,
}

impl Selection {
    /// All controls are kept.
    pub fn is_all(&self) -> bool {
        self.texts().is_empty()
    }

    /// Keeps the selected controls of a report, with their counts and score.
    pub fn apply(&self, report: &mut Report) {
        if self.is_all() {
            return;
        }
        let all = report.controls.len();
        report.controls.retain(|control| self.has(control));
        report.summary = Summary::of(&report.controls);
        report.score = Score::of(&report.controls);
        report.scope.selected = self.texts();
        report.scope.left_out = all - report.controls.len();
        report.framework = self.framework.map(|framework| framework.assess(report));
    }

    fn has(&self, control: &ControlReport) -> bool {
        let id = control.id.as_str();
        let is_any = |patterns: &[String]| patterns.iter().any(|pattern| is_like(pattern, id));
        let of_severity = self.severities.is_empty()
            || self.severities.iter().any(|some| some.has(control.severity));
        of_severity
            && (self.controls.is_empty() || is_any(&self.controls))
            && (self.sections.is_empty() || self.sections.contains(&control.section))
            && !is_any(&self.skipped)
            && self.framework.is_none_or(|framework| framework.has(control))
    }

    fn texts(&self) -> Vec<String> {
        let text = |name: &str, values: &[String]| {
            (!values.is_empty()).then(|| format!("{name} {}", values.join(", ")))
        };
        let severities: Vec<String> = self.severities.iter().map(|s| s.text.clone()).collect();
        let framework: Vec<String> =
            self.framework.iter().map(|framework| framework.name().to_owned()).collect();
        let all = [
            text("severity", &severities),
            text("control", &self.controls),
            text("section", &self.sections),
            text("skip", &self.skipped),
            text("framework", &framework),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Sections of the guide, in its order.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = Vec::new();
    for control in catalog::controls() {
        if !sections.contains(&control.section.as_str()) {
            sections.push(&control.section);
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::policy::Policy;

    fn selected(selection: &Selection) -> Report {
        let mut report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        selection.apply(&mut report);
        report
    }

    #[test]
    fn selected_controls_have_counts_of_their_own() {
        let all = selected(&Selection::default());
        assert!(all.scope.selected.is_empty() && all.scope.left_out == 0);
        let severities = vec!["high+".parse().unwrap()];
        let severe = selected(&Selection { severities, ..Selection::default() });
        assert!(severe.controls.iter().all(|control| control.severity >= Severity::High));
        assert_eq!(severe.controls.len() + severe.scope.left_out, all.controls.len());
        assert_eq!(severe.scope.selected, ["severity high+"]);
        let counts = &severe.summary;
        let sum = counts.pass + counts.fail + counts.waived + counts.not_applicable;
        assert_eq!(sum + counts.not_assessed, severe.controls.len());
    }

    #[test]
    fn options_of_a_selection_combine() {
        let selection = Selection {
            controls: vec!["TLS-*".into(), "NET-02".into()],
            skipped: vec!["TLS-01".into()],
            framework: Some(Framework::Nist),
            ..Selection::default()
        };
        let report = selected(&selection);
        let ids: Vec<&str> = report.controls.iter().map(|c| c.id.as_str()).collect();
        assert!(ids.contains(&"TLS-02") && ids.contains(&"NET-02") && !ids.contains(&"TLS-01"));
        assert!(!report.framework.unwrap().requirements.is_empty());
        let section = Selection { sections: vec!["Network".into()], ..Selection::default() };
        assert!(selected(&section).controls.iter().all(|control| control.section == "Network"));
        assert!("severe".parse::<Severities>().is_err());
    }
}
