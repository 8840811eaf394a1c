//! What `plan` and `apply` are asked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::shared::{self, ClusterArguments};
use crate::cli::suggest;
use crate::controls::Context;
use crate::facts::Facts;
use crate::policy::{Policy, Profile};
use crate::remedies::{Consent, Remedy};
use crate::tls::TlsVersion;

/// Arguments of `plan` and `apply`.
#[derive(clap::Args)]
pub struct Remedies {
    /// Remedies; `remedies` lists them.
    #[arg(value_name = "REMEDY", default_values = ["tls-floor", "https-redirect"], value_parser = suggest::remedy)]
    pub(super) remedies: Vec<Remedy>,
    /// Every remedy that deletes nothing people made, where it breaks nothing.
    #[arg(long, conflicts_with = "remedies")]
    pub(super) all: bool,
    /// Make changes that break present traffic too; `plan` names them.
    #[arg(long)]
    pub(super) allow_disruption: bool,
    /// Confine the changes to this profile; may be repeated.
    #[arg(long = "profile", value_name = "NAME")]
    pub(super) profiles: Vec<String>,
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
    /// Policy file in YAML: waivers and declared options.
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Treat warnings as failures.
    #[arg(long)]
    pub(super) strict: bool,
    /// Lowest TLS version of the gateway.
    #[arg(long, value_name = "VERSION", default_value = "1.2", value_parser = tls_versions())]
    pub(super) tls_min_version: TlsVersion,
}

/// The TLS versions that may be the lowest.
fn tls_versions() -> impl TypedValueParser<Value = TlsVersion> {
    PossibleValuesParser::new([TlsVersion::V1_2, TlsVersion::V1_3].map(TlsVersion::number))
        .try_map(|text| text.parse::<TlsVersion>())
}

impl Remedies {
    pub(super) fn asked(&self) -> BTreeSet<Remedy> {
        match self.all {
            true => Remedy::additive().collect(),
            false => self.remedies.iter().copied().collect(),
        }
    }

    /// Consent of the person who runs the command.
    pub(super) fn consent(
        &self,
        facts: &Facts,
        policy: &Policy,
        remedies: &BTreeSet<Remedy>,
    ) -> anyhow::Result<Consent> {
        let consent = match self.allow_disruption {
            true => Consent::of_person(remedies),
            false => Consent::of_person(&BTreeSet::new()),
        };
        if self.profiles.is_empty() {
            return Ok(consent);
        }
        let context = Context::new(facts, policy, None);
        let known = context.profile_namespaces();
        let known = known.map_err(|missing| anyhow::anyhow!("--profile: {}", missing.0))?;
        let mut named = self.profiles.iter();
        if let Some(name) = named.find(|name| !known.contains(name.as_str())) {
            bail!("there is no Profile {name} that owns its namespace; see AUTHZ-01");
        }
        Ok(consent.only_in(self.profiles.iter().cloned().collect()))
    }

    /// Remedies that `--all` leaves out, and how to have them.
    pub(super) fn left_out(&self) -> Option<String> {
        let by_name = Remedy::ALL.iter().filter(|remedy| remedy.about().only_by_name);
        let names: Vec<&str> = by_name.map(|remedy| remedy.name()).collect();
        self.all.then(|| {
            format!(
                "left out by --all, since they delete what people made or rely on: {}; name them \
                 to have them",
                names.join(", ")
            )
        })
    }

    pub(super) fn policy_text(&self) -> anyhow::Result<String> {
        let text = self.policy.as_deref().map(shared::policy_text);
        Ok(text.transpose()?.unwrap_or_default())
    }

    /// The policy of a text that is from a file.
    pub(super) fn policy(&self, text: &str, file: &Path) -> anyhow::Result<Policy> {
        let mut policy = shared::sound(text, file)?;
        policy.tls_minimum = self.tls_min_version;
        if self.strict {
            policy.profile = Profile::Strict;
        }
        Ok(policy)
    }
}
