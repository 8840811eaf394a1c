//! How things are put right. A remedy wants some objects of our own to be beside the
//! platform's, or edits what is somebody else's in a way that can be put back; what is to
//! be changed follows from what is there. Pure.
//!
//! No remedy writes an object that istio-pilot owns: it applies its own without force,
//! and a field that somebody else owns puts it into an error.

mod bounds;
mod breaks;
mod consent;
mod cos_relations;
mod diff;
mod edit;
mod hsts;
mod https_redirect;
mod mutual_tls;
mod network_policy;
mod own;
mod own_policy;
mod plan;
mod platform_network_policies;
mod pod_security_labels;
mod profile_network_policies;
mod record;
mod removals;
mod settings;
mod tls_floor;

pub use self::breaks::Break;
pub use self::consent::{Consent, HeldBack, WithheldFor, targets};
pub use self::edit::{Edit, Label, Removal, Setting, Target, edited_kind};
pub use self::own::{
    MANAGED_BY, OWN_KINDS, Own, OwnKind, OwnObject, Scope, differences, is_of_platform,
};
pub use self::plan::{Asker, Change, Deed, Plan, plan, remove_all, undo, undo_all};
pub use self::record::{
    Content, Entry, EntryError, KEY_LENGTH, Reading, Record, RecordKey, is_recorded, pending,
    signature,
};

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use self::breaks::Breaks;
use self::own::Wanted;
use crate::controls::pods::privileges::beyond_baseline;
use crate::controls::{Finding, Verdict, assess_named};
use crate::facts::istio::reference;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::profiles::Claim;
use crate::views::{Context, Missing};

/// How much may go wrong when a remedy is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Who does as the guide says notices nothing.
    Low,
    /// Some requests that work today may stop.
    Medium,
    /// Something that somebody made goes, or people may be kept out.
    High,
}

impl Risk {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What is told of a remedy before it is applied.
#[derive(Debug)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub does: &'static str,
    /// The controls that it puts right.
    pub controls: &'static [&'static str],
    /// How much may go wrong.
    pub risk: Risk,
    /// What it reaches.
    pub reach: &'static str,
    /// What it may break, and what the charm does about that.
    pub breaks: &'static str,
    /// The releases and modes of the mesh on which it works.
    pub works_on: &'static str,
    /// Where that is known from: a test on real parts, or a project's own source or documents.
    pub source: &'static str,
    /// Whether it takes away what somebody made, so that it is applied by its name only.
    pub only_by_name: bool,
    /// Whether Juju's API is what changes it.
    pub needs_juju: bool,
}

impl About {
    /// Whether it is about the gateway's TLS.
    pub fn is_of_tls(&self) -> bool {
        self.controls.iter().all(|id| id.starts_with("TLS-"))
    }
}

type Decide = fn(&Context<'_>) -> Result<Decision, Missing>;

macro_rules! remedies {
    ($($(#[$meta:meta])* $variant:ident: $decide:path, $about:expr;)*) => {
        /// A remedy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Remedy { $($(#[$meta])* $variant,)* }

        impl Remedy {
            /// All of them, in the order in which they are applied.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// What is told of it.
            pub fn about(self) -> &'static About {
                match self { $(Self::$variant => const { &$about },)* }
            }

            fn decide(self, context: &Context<'_>) -> Result<Decision, Missing> {
                let decide: Decide = match self { $(Self::$variant => $decide,)* };
                decide(context)
            }
        }
    };
}

remedies! {
    /// The gateway accepts no older TLS and no weaker cipher suite than the policy allows.
    TlsFloor: tls_floor::decide, tls_floor::ABOUT;
    /// Who comes by HTTP is sent to HTTPS.
    HttpsRedirect: https_redirect::decide, https_redirect::ABOUT;
    /// Browsers are told to come by HTTPS only.
    Hsts: hsts::decide, hsts::ABOUT;
    /// Namespaces of profiles and of the platform have Pod Security labels.
    PodSecurityLabels: pod_security_labels::decide, pod_security_labels::ABOUT;
    /// Pods of a profile are reached by itself and the platform only.
    ProfileNetworkPolicies: profile_network_policies::decide, profile_network_policies::ABOUT;
    /// The web apps that believe a header are reached by the platform only.
    PlatformNetworkPolicies: platform_network_policies::decide, platform_network_policies::ABOUT;
    /// Pods of profiles accept mutual TLS only.
    MutualTls: mutual_tls::decide, mutual_tls::ABOUT;
    /// Web apps set cookies for HTTPS only.
    SecureCookies: settings::secure_cookies, settings::SECURE_COOKIES;
    /// New profiles get a Pod Security Standard.
    ProfileSecurityPolicy: settings::profile_security_policy, settings::PROFILE_SECURITY_POLICY;
    /// Dex has no static user once there is another way to log in.
    PasswordDatabase: settings::password_database, settings::PASSWORD_DATABASE;
    /// Options are what the policy declares.
    DeclaredOptions: settings::declared_options, settings::DECLARED_OPTIONS;
    /// Options that name images are the charms' own again.
    DefaultImages: settings::default_images, settings::DEFAULT_IMAGES;
    /// Applications are related to the telemetry agent of the model.
    CosRelations: cos_relations::decide, cos_relations::ABOUT;
    /// Long-lived tokens of service accounts go.
    ServiceAccountTokens: removals::service_account_tokens, removals::SERVICE_ACCOUNT_TOKENS;
    /// Role bindings in profiles that nobody answers for go.
    ForeignRoleBindings: removals::foreign_role_bindings, removals::FOREIGN_ROLE_BINDINGS;
    /// Authorization policies that admit everybody go.
    WildcardPolicies: removals::wildcard_policies, removals::WILDCARD_POLICIES;
}

impl Remedy {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Those that take nothing away that somebody made.
    pub fn additive() -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(|remedy| !remedy.about().only_by_name)
    }

    /// The names of all, for people.
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

impl FromStr for Remedy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|remedy| remedy.name() == text);
        known.copied().ok_or_else(|| format!("{text:?} is not one of {}", Self::names()))
    }
}

/// What a remedy decides.
enum Decision {
    /// This is to be so.
    Wanted(Wants),
    /// Nothing new is to be made, for this reason; what is there of ours stays as it is.
    Leave(String),
    /// What the remedy guards is gone, for this reason; what is there of ours goes too.
    Gone(String),
}

/// What becomes of an object of ours that is there and that the remedy does not name.
#[derive(Default)]
enum Leftover {
    /// It stays as it is: nothing that somebody else made is a reason to take it away.
    #[default]
    Stays,
    /// It goes if it is in one of these namespaces, which are not what the remedy guards.
    GoesFrom(BTreeSet<String>),
    /// It goes: the remedy is not asked for, or what it guards is gone.
    Goes,
}

/// What a remedy wants to be so.
#[derive(Default)]
struct Wants {
    /// Objects of ours that are made, or made again what they are to be.
    objects: Vec<Wanted>,
    /// Objects of ours that are made what they are to be if they are there, and not made anew.
    kept: Vec<Wanted>,
    /// What becomes of every other object of ours.
    leftover: Leftover,
    /// Edits of what is somebody else's: what is not yet as it should be.
    edits: Vec<Edit>,
    /// What is left as it is, and why.
    notes: Vec<String>,
    /// Flows of today that would stop.
    breaks: Vec<Break>,
}

impl Wants {
    fn objects(objects: Vec<Wanted>) -> Decision {
        Decision::Wanted(Self { objects, ..Self::default() })
    }

    fn edits(edits: Vec<Edit>) -> Decision {
        Decision::Wanted(Self { edits, ..Self::default() })
    }

    /// Nothing is wanted, and this becomes of what is there.
    fn nothing(leftover: Leftover) -> Self {
        Self { leftover, ..Self::default() }
    }
}

/// What is open of a control: waived findings are left alone.
fn open(context: &Context<'_>, id: &str) -> Result<Vec<Finding>, Missing> {
    let assessment = assess_named(id, context);
    match assessment.verdict {
        Verdict::NotAssessed => Err(Missing(format!("{id}: {}", assessment.reason))),
        _ => Ok(assessment.findings),
    }
}

/// Whether a control passes.
fn holds(context: &Context<'_>, id: &str) -> Result<bool, Missing> {
    let assessment = assess_named(id, context);
    match assessment.verdict {
        Verdict::NotAssessed => Err(Missing(format!("{id}: {}", assessment.reason))),
        verdict => Ok(verdict == Verdict::Pass),
    }
}

/// The waiver of a control that covers an object, in words; `None` if none does. A waiver holds
/// for what would be a finding as it does for one.
fn waived(context: &Context<'_>, id: &str, object: &ObjectRef) -> Option<String> {
    let mut waivers = context.policy.waivers.iter();
    let waiver = waivers.find(|waiver| {
        waiver.control == id && waiver.object.matches(object) && waiver.holds(context.now())
    })?;
    Some(format!(
        "{id} of {object} is waived by {} until {}: {}",
        waiver.owner, waiver.expires, waiver.reason
    ))
}

/// The Namespace of a profile, as findings name it.
fn namespace(name: &str) -> ObjectRef {
    reference("v1", "Namespace", "", name)
}

/// Namespaces that Profiles name and that are somebody else's: nothing of ours belongs there.
fn refused(context: &Context<'_>) -> Result<Leftover, Missing> {
    let claims = context.profile_claims()?.iter();
    let refused = claims.filter(|(_, claim)| matches!(claim, Claim::Refused(_)));
    let names = refused.map(|(profile, _)| profile.metadata.name.clone());
    let mut names: BTreeSet<String> = names.collect();
    // A namespace without Profile is not guarded as a profile's any more.
    let known: BTreeSet<&str> =
        context.profiles()?.iter().map(|profile| profile.metadata.name.as_str()).collect();
    let all = context.namespaces()?.iter();
    let all = all.map(|namespace| namespace.metadata.name.as_str());
    names.extend(all.filter(|name| !known.contains(name)).map(str::to_owned));
    Ok(Leftover::GoesFrom(names))
}

/// Pods of a namespace that run, and that baseline would refuse if they were made again.
fn refused_pods(
    context: &Context<'_>,
    namespace: &str,
    breaks: &mut Breaks,
) -> Result<(), Missing> {
    let pods = context.pods()?.iter();
    let here = pods.filter(|pod| pod.metadata.namespace == *namespace && !pod.is_finished());
    for pod in here {
        if let Some(first) = beyond_baseline(pod).first() {
            let text = format!("{} has {}, which baseline refuses", first.object, first.field);
            breaks.add(pod.reference(), Risk::Medium, text);
        }
    }
    Ok(())
}

/// Why a Profile that does not count is left alone, a line each.
fn doubtful(context: &Context<'_>) -> Result<Vec<String>, Missing> {
    let claims = context.profile_claims()?.iter();
    let doubtful = claims.filter_map(|(profile, claim)| {
        let why = claim.reason()?;
        let name = &profile.metadata.name;
        Some(format!("Profile {name} does not count: {why}; see AUTHZ-01"))
    });
    Ok(doubtful.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn remedies_have_names_of_their_own_and_put_right_controls_that_are_known() {
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
        assert!("tls".parse::<Remedy>().unwrap_err().contains("tls-floor"));
    }
}
