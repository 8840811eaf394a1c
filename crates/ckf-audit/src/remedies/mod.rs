//! Remedies: how findings are fixed. A remedy declares managed objects that exist beside the
//! platform's own, or reversible edits of objects that others manage; a plan is the difference
//! between that desired state and the cluster. Pure.
//!
//! No remedy writes an object that istio-pilot owns: istio-pilot applies its objects without
//! force, and a field owned by another manager puts it into an error state.

mod bounds;
mod breaks;
mod configuration;
mod consent;
mod cos_relations;
mod diff;
mod edit;
mod hsts;
mod https_redirect;
mod managed;
mod metadata_egress;
mod mutual_tls;
mod network_policy;
mod own_policy;
mod plan;
mod platform_network_policies;
mod pod_security_labels;
mod profile_network_policies;
mod profile_users;
mod record;
mod removals;
mod settings;
mod tls_floor;

pub use self::breaks::Break;
pub use self::consent::{Consent, HeldBack, WithheldFor, targets};
pub use self::edit::{
    ClusterEdit, Configured, Edit, JujuEdit, Label, Removal, Setting, Target, edited_kind,
};
pub use self::managed::{
    MANAGED_BY, MANAGED_KINDS, Managed, ManagedKind, ManagedObject, Scope, differences,
    is_of_platform,
};
pub use self::plan::{
    Change, ClusterOperation, JujuOperation, Operation, Plan, Requester, StillEnforced, plan,
    remove_all, undo, undo_all,
};
pub use self::record::{
    Content, Entry, EntryError, KEY_LENGTH, Reading, Record, RecordKey, is_recorded, pending,
    signature,
};

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use self::breaks::Breaks;
use self::managed::DesiredObject;
use crate::controls::pods::privileges::beyond_baseline;
use crate::controls::{Finding, Verdict, assess_named};
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::profiles::Claim;
use crate::views::{Context, MissingFact};

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
    /// Identifier on the command line, in options and in labels.
    pub name: &'static str,
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

type Decide = fn(&Context<'_>) -> Result<Decision, MissingFact>;

macro_rules! remedies {
    ($($(#[$meta:meta])* $variant:ident: $decide:path, $about:expr;)*) => {
        /// A fix that the charm can apply and revert.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Remedy { $($(#[$meta])* $variant,)* }

        impl Remedy {
            /// All remedies, in the order in which they are applied.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its description.
            pub fn about(self) -> &'static About {
                match self { $(Self::$variant => const { &$about },)* }
            }

            fn decide(self, context: &Context<'_>) -> Result<Decision, MissingFact> {
                let decide: Decide = match self { $(Self::$variant => $decide,)* };
                decide(context)
            }
        }
    };
}

remedies! {
    /// The gateway refuses TLS versions and cipher suites below the policy's minimum.
    TlsFloor: tls_floor::decide, tls_floor::ABOUT;
    /// HTTP requests are redirected to HTTPS.
    HttpsRedirect: https_redirect::decide, https_redirect::ABOUT;
    /// Responses carry a Strict-Transport-Security header.
    Hsts: hsts::decide, hsts::ABOUT;
    /// Profile and platform namespaces carry Pod Security labels.
    PodSecurityLabels: pod_security_labels::decide, pod_security_labels::ABOUT;
    /// Only the profile itself and the platform can reach a profile's pods.
    ProfileNetworkPolicies: profile_network_policies::decide, profile_network_policies::ABOUT;
    /// A profile's pods do not reach the cloud's metadata service.
    MetadataEgress: metadata_egress::decide, metadata_egress::ABOUT;
    /// Only the platform can reach the web apps that trust an identity header.
    PlatformNetworkPolicies: platform_network_policies::decide, platform_network_policies::ABOUT;
    /// Profile pods accept mutual TLS only.
    MutualTls: mutual_tls::decide, mutual_tls::ABOUT;
    /// The gateway lets only a profile's owner and contributors through to its pods.
    ProfileUsers: profile_users::decide, profile_users::ABOUT;
    /// Web apps set the Secure attribute on their cookies.
    SecureCookies: settings::secure_cookies, settings::SECURE_COOKIES;
    /// New profiles get a Pod Security Standard.
    ProfileSecurityPolicy: settings::profile_security_policy, settings::PROFILE_SECURITY_POLICY;
    /// Dex's static user is disabled once connectors are configured.
    PasswordDatabase: settings::password_database, settings::PASSWORD_DATABASE;
    /// Application options match the values that the policy declares.
    DeclaredOptions: settings::declared_options, settings::DECLARED_OPTIONS;
    /// Options that name images are reset to the charms' defaults.
    DefaultImages: settings::default_images, settings::DEFAULT_IMAGES;
    /// Applications are integrated with the model's telemetry agent.
    CosRelations: cos_relations::decide, cos_relations::ABOUT;
    /// The controller keeps an audit log of every change.
    ControllerAuditLog: configuration::controller_audit_log, configuration::CONTROLLER_AUDIT_LOG;
    /// The platform's model cannot be destroyed by one command.
    DisabledCommands: configuration::disabled_commands, configuration::DISABLED_COMMANDS;
    /// Options of the model that switch a protection off have their defaults.
    ModelConfiguration: configuration::model_configuration, configuration::MODEL_CONFIGURATION;
    /// Long-lived service account tokens are deleted.
    ServiceAccountTokens: removals::service_account_tokens, removals::SERVICE_ACCOUNT_TOKENS;
    /// Role bindings in profiles that neither Kubeflow nor the policy accounts for are deleted.
    ForeignRoleBindings: removals::foreign_role_bindings, removals::FOREIGN_ROLE_BINDINGS;
    /// AuthorizationPolicies that allow every request are deleted.
    WildcardPolicies: removals::wildcard_policies, removals::WILDCARD_POLICIES;
}

impl Remedy {
    /// Identifier on the command line, in options and in labels.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Remedies that delete no user-created objects.
    pub fn additive() -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(|remedy| !remedy.about().only_by_name)
    }

    /// All names, comma-separated, for messages.
    pub fn names() -> String {
        let names = Self::ALL.iter().map(|remedy| remedy.name());
        names.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not a remedy's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not one of {}", Remedy::names())]
pub struct UnknownRemedy {
    /// The name.
    pub name: String,
}

impl FromStr for Remedy {
    type Err = UnknownRemedy;

    fn from_str(text: &str) -> Result<Self, UnknownRemedy> {
        let known = Self::ALL.iter().find(|remedy| remedy.name() == text);
        known.copied().ok_or_else(|| UnknownRemedy { name: text.to_owned() })
    }
}

/// Decision of a remedy on these facts.
enum Decision {
    /// Reconcile to this state.
    Apply(DesiredState),
    /// Create nothing, for this reason; existing managed objects stay unchanged.
    Skip(String),
    /// What the remedy protects is gone, for this reason; existing managed objects are deleted.
    Remove(String),
}

/// Fate of managed objects that exist and are not in the desired state.
#[derive(Default)]
enum Leftover {
    /// Stays unchanged: objects that others create are no reason to drop protection.
    #[default]
    Keep,
    /// Deleted in these namespaces, which the remedy does not protect.
    DeleteIn(BTreeSet<String>),
    /// Deleted: the remedy is not selected, or what it protects is gone.
    Delete,
}

impl Leftover {
    /// The same, and deleted in this namespace.
    fn and_in(self, namespace: &str) -> Self {
        match self {
            Self::Keep => Self::DeleteIn(BTreeSet::from([namespace.to_owned()])),
            Self::DeleteIn(mut names) => {
                names.insert(namespace.to_owned());
                Self::DeleteIn(names)
            }
            Self::Delete => Self::Delete,
        }
    }
}

/// Desired state of a remedy.
#[derive(Default)]
struct DesiredState {
    /// Managed objects to create, or to restore where they have drifted.
    objects: Vec<DesiredObject>,
    /// Managed objects to restore where they exist, but not to create.
    kept: Vec<DesiredObject>,
    /// Fate of every other managed object.
    leftover: Leftover,
    /// Edits that are still missing on objects that others manage.
    edits: Vec<Edit>,
    /// Skipped objects, each with the reason.
    notes: Vec<String>,
    /// Existing flows that the changes would break.
    breaks: Vec<Break>,
}

impl DesiredState {
    fn objects(objects: Vec<DesiredObject>) -> Decision {
        Decision::Apply(Self { objects, ..Self::default() })
    }

    fn edits(edits: Vec<Edit>) -> Decision {
        Decision::Apply(Self { edits, ..Self::default() })
    }

    /// No desired objects; existing ones have this fate.
    fn nothing(leftover: Leftover) -> Self {
        Self { leftover, ..Self::default() }
    }
}

/// Open findings of a control, without those that are waived.
fn open(context: &Context<'_>, id: &str) -> Result<Vec<Finding>, MissingFact> {
    let assessment = assess_named(id, context);
    match assessment.verdict {
        Verdict::NotAssessed => Err(MissingFact(format!("{id}: {}", assessment.reason))),
        _ => Ok(assessment.findings),
    }
}

/// The control passes.
fn passes(context: &Context<'_>, id: &str) -> Result<bool, MissingFact> {
    let assessment = assess_named(id, context);
    match assessment.verdict {
        Verdict::NotAssessed => Err(MissingFact(format!("{id}: {}", assessment.reason))),
        verdict => Ok(verdict == Verdict::Pass),
    }
}

/// Describes the waiver of a control that covers an object; `None` if none does. A waiver also
/// covers an object that would only become a finding.
fn waived(context: &Context<'_>, id: &str, object: &ObjectRef) -> Option<String> {
    let mut waivers = context.policy.waivers.iter();
    let waiver = waivers.find(|waiver| {
        waiver.control == id
            && waiver.object.matches(object, context.meta_of_pod(object))
            && waiver.holds(context.now())
    })?;
    Some(format!(
        "{id} of {object} is waived by {} until {}: {}",
        waiver.owner, waiver.expires, waiver.reason
    ))
}

/// Reference to a profile's Namespace, in the form that findings use.
fn namespace(name: &str) -> ObjectRef {
    ObjectRef::new("v1", "Namespace", "", name)
}

/// Namespaces in which no managed object belongs: those that a Profile names but does not own.
fn foreign_namespaces(context: &Context<'_>) -> Result<Leftover, MissingFact> {
    let claims = context.profile_claims()?.iter();
    let refused = claims.filter(|(_, claim)| matches!(claim, Claim::Refused(_)));
    let names = refused.map(|(profile, _)| profile.metadata.name.clone());
    let mut names: BTreeSet<String> = names.collect();
    // A namespace whose Profile is gone is no longer protected as a profile.
    let known: BTreeSet<&str> =
        context.profiles()?.iter().map(|profile| profile.metadata.name.as_str()).collect();
    let all = context.namespaces()?.iter();
    let all = all.map(|namespace| namespace.metadata.name.as_str());
    names.extend(all.filter(|name| !known.contains(name)).map(str::to_owned));
    Ok(Leftover::DeleteIn(names))
}

/// Adds running pods of a namespace that the baseline level would reject on recreation.
fn rejected_pods(
    context: &Context<'_>,
    namespace: &str,
    breaks: &mut Breaks,
) -> Result<(), MissingFact> {
    let pods = context.pods()?.iter();
    let here = pods.filter(|pod| pod.metadata.namespace == *namespace && !pod.is_finished());
    for pod in here {
        if let Some(first) = beyond_baseline(context, pod).first() {
            let text = format!("{} has {}, which baseline rejects", first.object, first.field);
            breaks.add(pod.reference(), Risk::Medium, text);
        }
    }
    Ok(())
}

/// A line for each Profile that does not count, with the reason.
fn ignored_profiles(context: &Context<'_>) -> Result<Vec<String>, MissingFact> {
    let claims = context.profile_claims()?.iter();
    let ignored_profiles = claims.filter_map(|(profile, claim)| {
        let why = claim.reason()?;
        let name = &profile.metadata.name;
        Some(format!("Profile {name} does not count: {why}; see AUTHZ-01"))
    });
    Ok(ignored_profiles.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn remedy_has_unique_name_and_fixes_known_controls() {
        for remedy in Remedy::ALL {
            assert_eq!(remedy.name().parse::<Remedy>(), Ok(*remedy));
            let about = remedy.about();
            assert!(!about.controls.is_empty(), "{remedy}");
            for text in [about.does, about.reach, about.breaks, about.works_on, about.source] {
                assert!(text.len() > 10, "{remedy}: {text:?}");
            }
            for id in about.controls {
                assert!(catalog::control(id).is_some(), "{remedy}: {id}");
            }
        }
        let unknown = "tls".parse::<Remedy>().unwrap_err();
        assert!(unknown.to_string().contains("tls-floor"), "{unknown}");
    }
}
