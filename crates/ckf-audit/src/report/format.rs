//! Output formats of a report.

use super::model::Report;
use super::{
    csv, defectdojo, gitlab, html, json, junit, markdown, ocsf, openreports, oscal, sarif, table,
};

/// Output format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For terminals.
    #[default]
    Table,
    /// JSON, for programs.
    Json,
    /// Markdown, for issues and wikis.
    Markdown,
    /// CSV, a row for each finding, for spreadsheets.
    Csv,
    /// Self-contained HTML page.
    Html,
    /// SARIF 2.1.0 of the open findings, for code scanning services.
    Sarif,
    /// JUnit XML, for CI servers.
    Junit,
    /// OpenReports object for Kubernetes.
    #[value(name = "openreports")]
    OpenReports,
    /// PolicyReport object for Kubernetes, the predecessor of OpenReports.
    #[value(name = "policyreport")]
    PolicyReport,
    /// OSCAL assessment results, for auditors.
    Oscal,
    /// OSCAL assessment plan that the results import.
    OscalPlan,
    /// OCSF compliance findings, an event a line, for SIEMs.
    Ocsf,
    /// Code quality report of GitLab.
    Gitlab,
    /// Generic findings of DefectDojo.
    #[value(name = "defectdojo")]
    DefectDojo,
}

impl Format {
    /// The format of a file by its name's end; `None` if several write such files, or none.
    pub fn of_file(name: &str) -> Option<Self> {
        let (_, end) = name.rsplit_once('.')?;
        Some(match end.to_ascii_lowercase().as_str() {
            "txt" => Self::Table,
            "json" => Self::Json,
            "md" | "markdown" => Self::Markdown,
            "csv" => Self::Csv,
            "html" | "htm" => Self::Html,
            "sarif" => Self::Sarif,
            "xml" | "junit" => Self::Junit,
            _ => return None,
        })
    }

    /// Machine-readable, so that a truncated report is useless.
    pub fn is_for_programs(self) -> bool {
        !matches!(self, Self::Table | Self::Markdown)
    }

    /// Renders a report.
    pub fn render(self, report: &Report) -> String {
        match self {
            Self::Table => table::render(report),
            Self::Json => json::render(report),
            Self::Markdown => markdown::render(report),
            Self::Csv => csv::render(report),
            Self::Html => html::render(report),
            Self::Sarif => sarif::render(report),
            Self::Junit => junit::render(report),
            Self::OpenReports => openreports::render(report),
            Self::PolicyReport => openreports::policy_report(report),
            Self::Oscal => oscal::render(report),
            Self::OscalPlan => oscal::plan(report),
            Self::Ocsf => ocsf::render(report),
            Self::Gitlab => gitlab::render(report),
            Self::DefectDojo => defectdojo::render(report),
        }
    }
}
