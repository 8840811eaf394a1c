//! Descriptions of remedies.

/// Risk of applying a remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Deployments that follow the guide see no difference.
    Low,
    /// Some requests that succeed today may fail.
    Medium,
    /// Deletes user-created objects, or may lock users out.
    High,
}

impl Risk {
    /// Lower case, as plans and documents print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Description of a remedy, shown before it is applied.
#[derive(Debug)]
pub struct About {
    /// What it does, as a verb phrase.
    pub does: &'static str,
    /// Ids of the controls whose findings it fixes.
    pub controls: &'static [&'static str],
    /// Lowest risk; a plan raises it by the flows that it would break.
    pub risk: Risk,
    /// Impact of applying it.
    pub reach: &'static str,
    /// What it may break, and how the charm prevents that.
    pub breaks: &'static str,
    /// Releases and mesh modes that it supports.
    pub works_on: &'static str,
    /// Evidence for the above: a test against real components, or upstream source or documentation.
    pub source: &'static str,
    /// Applied only when named explicitly, because it deletes user-created objects.
    pub only_by_name: bool,
    /// Applied through the Juju API, so a controller login is required.
    pub needs_juju: bool,
}

impl About {
    /// All its controls are in the TLS family.
    pub fn is_of_tls(&self) -> bool {
        self.controls.iter().all(|id| id.starts_with("TLS-"))
    }
}
