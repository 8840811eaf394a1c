//! The Prometheus of COS, for controls on what arrives there.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::config::prometheus_url;
use crate::facts::Facts;
use crate::facts::telemetry::{self, Model, Source};
use crate::files;

/// Longest time for all of its answers.
const WITHIN: Duration = Duration::from_secs(20);

/// Where COS's Prometheus is.
#[derive(clap::Args)]
pub(super) struct PrometheusArguments {
    /// URL of COS's Prometheus, as its ingress has it: assesses what arrives there.
    #[arg(long, value_name = "URL", value_parser = prometheus_url)]
    prometheus: Option<String>,
    /// Certificates of the CA that the Prometheus is verified by, beside the system's.
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    prometheus_ca: Option<PathBuf>,
}

impl PrometheusArguments {
    /// Reads what it has of the platform, if it is named.
    pub(super) fn look(&self, facts: &mut Facts) -> anyhow::Result<()> {
        let Some(url) = self.prometheus.clone() else { return Ok(()) };
        let read = |path: &PathBuf| {
            files::read(path, files::LARGEST_BY_HAND)
                .with_context(|| format!("CA of Prometheus {}", path.display()))
        };
        let authorities = self.prometheus_ca.as_ref().map(read).transpose()?;
        facts.telemetry = telemetry::read(&Source { url, authorities }, Model::of(facts), WITHIN);
        Ok(())
    }
}
