//! A control, but for its check.

use serde::{Deserialize, Serialize};

use super::advice::{Advice, AdviceError, FixProof, Limit, WorksOn, is_said};
use super::family::{Family, Source};
use super::severity::Severity;

/// A control, but for its check.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Id, for example `TLS-01`.
    pub id: String,
    /// What should hold.
    pub title: String,
    /// What is wrong when it does not hold; empty for none yet.
    #[serde(default)]
    pub finding: String,
    /// Section of the guide.
    pub section: String,
    /// How bad it is when it is not so.
    pub severity: Severity,
    /// What its facts come from.
    pub source: Source,
    /// Why it matters.
    pub why: String,
    /// What is looked at, and what passes.
    pub check: String,
    /// How to fix it.
    pub fix: String,
    /// What following the fix may break, and for how long; that it breaks nothing is said with why.
    #[serde(rename = "fix-breaks")]
    pub fix_breaks: String,
    /// Where the fix works.
    #[serde(rename = "fix-works-on")]
    pub fix_works_on: WorksOn,
    /// What shows that it does, and does no other harm.
    #[serde(rename = "fix-proof")]
    pub fix_proof: FixProof,
    /// Findings that no operator can fix while the platform is as it is.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// How the charm enforces it, if it can.
    #[serde(default)]
    pub kept: String,
    /// When a finding may be waived.
    pub waive: String,
    /// Where it stands in other catalogues.
    pub mappings: Mappings,
}

impl Control {
    /// A person may attest it: no program assesses it, or only where one was run.
    pub fn may_be_attested(&self) -> bool {
        self.source == Source::Attestation
            || ["CRYP-02", "K8S-01", "K8S-05", "K8S-06", "UPG-11"].contains(&self.id.as_str())
    }

    /// Reads a control of the catalogue from JSON.
    ///
    /// # Errors
    ///
    /// A field is missing or unknown, or what is said of the fix is not whole.
    pub fn parse(text: &str) -> Result<Self, ControlError> {
        let control: Self = serde_json::from_str(text)?;
        if Family::of(&control.id).is_none() {
            return Err(ControlError::Id(control.id));
        }
        control.check_advice()?;
        Ok(control)
    }

    /// What to know before its fix is followed.
    pub fn advice(&self) -> Advice {
        Advice {
            breaks: self.fix_breaks.trim().to_owned(),
            works_on: self.fix_works_on.clone(),
            proof: self.fix_proof.clone(),
        }
    }

    fn check_advice(&self) -> Result<(), AdviceError> {
        is_said("fix-breaks", &self.fix_breaks)?;
        self.limits.iter().try_for_each(Limit::check)?;
        self.fix_proof.check(&self.fix)?;
        let WorksOn { releases, meshes, .. } = &self.fix_works_on;
        let works = !releases.is_empty() && !meshes.is_empty();
        if works || matches!(self.fix_proof, FixProof::None { .. }) {
            Ok(())
        } else {
            Err(AdviceError::WorksNowhere)
        }
    }
}

/// Why a file is no control of the catalogue.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A field is missing, unknown or of another type.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Its id names no family.
    #[error("id {0:?} is not FAMILY-NN of a known family")]
    Id(String),
    /// Its fix comes without what to know of it.
    #[error(transparent)]
    Advice(#[from] AdviceError),
}

/// Where a control stands in other catalogues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Mappings {
    /// NIST SP 800-53 revision 5.
    pub nist_800_53: Vec<String>,
    /// CIS Kubernetes Benchmark.
    pub cis_kubernetes: Vec<String>,
    /// Sections of the NSA and CISA Kubernetes Hardening Guide.
    pub nsa_cisa: Vec<String>,
}

impl Mappings {
    /// Every entry, with the name of the catalogue that it is of.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let catalogues = [
            ("NIST SP 800-53", &self.nist_800_53),
            ("CIS Kubernetes", &self.cis_kubernetes),
            ("NSA/CISA", &self.nsa_cisa),
        ];
        catalogues.into_iter().flat_map(|(name, ids)| ids.iter().map(move |id| (name, id.as_str())))
    }

    /// It stands in no other catalogue.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// In words, a text for each catalogue that it stands in: `CIS Kubernetes: 5.1.1, 5.1.3`.
    pub fn in_words(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let mut last = "";
        for (name, id) in self.all() {
            match texts.last_mut() {
                Some(text) if last == name => *text = format!("{text}, {id}"),
                _ => texts.push(format!("{name}: {id}")),
            }
            last = name;
        }
        texts
    }
}
