//! What a check may see: facts and policy, and nothing else. It notes which
//! kinds a check consulted, so that what could not be read is never a pass.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::entrances::part::{Entrances, Part};
use super::image::Image;
use super::network_rules::NetworkRules;
use super::owner::Pods;
use super::release::{Detected, detect_release};
use crate::catalog::{self, Release};
use crate::facts::Facts;
use crate::facts::core::NetworkPolicy;
use crate::facts::istio::{AuthorizationPolicy, Profile};
use crate::facts::known::{Known, Unread};
use crate::facts::object::{Meta, Object, ObjectRef};
use crate::facts::profiles::{self, Claim};
use crate::facts::rbac::RoleBinding;
use crate::finding::Outcome;
use crate::images::Inventory;
use crate::policy::Policy;
use crate::policy::custom::CustomControl;

/// Why a check cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub struct MissingFact(pub String);

/// Objects of a kind by namespace.
type ByNamespace<'a, T> = BTreeMap<&'a str, Vec<&'a T>>;

/// Input of a check.
pub struct Context<'a> {
    pub(super) facts: &'a Facts,
    /// The policy.
    pub policy: &'a Policy,
    release: Option<&'a str>,
    pub(super) unread: RefCell<Vec<&'a Unread>>,
    pub(super) consulted: RefCell<BTreeSet<&'static str>>,
    // Cached: many checks need it, and it takes a walk over every pod or profile.
    detected: OnceCell<Option<Detected>>,
    profile_claims: OnceCell<Vec<(&'a Profile, Claim)>>,
    profile_namespaces: OnceCell<BTreeSet<&'a str>>,
    policies_by_namespace: OnceCell<ByNamespace<'a, AuthorizationPolicy>>,
    bindings_by_namespace: OnceCell<ByNamespace<'a, RoleBinding>>,
    networks_by_namespace: OnceCell<ByNamespace<'a, NetworkPolicy>>,
    pub(super) network_rules: OnceCell<NetworkRules<'a>>,
    images: RefCell<HashMap<&'a str, Option<Rc<Image>>>>,
    pub(super) inventory: OnceCell<Inventory>,
    pub(super) entrances: [OnceCell<Entrances<'a>>; Part::ALL.len()],
    pods_by_name: OnceCell<Pods<'a>>,
    /// Remaining computing time of the policy's own controls, and outcomes evaluated elsewhere.
    custom_time: Cell<Duration>,
    custom_outcomes: Option<&'a Outcomes>,
}

/// Outcomes of the controls of a policy that were evaluated elsewhere, by id.
pub type Outcomes = BTreeMap<String, (CustomControl, Outcome)>;

/// Longest computing for all controls that a policy adds.
const CUSTOM_TIME: Duration = Duration::from_secs(30);

impl<'a> Context<'a> {
    /// A context; `release` is the release named by the user, if any.
    pub fn new(facts: &'a Facts, policy: &'a Policy, release: Option<&'a str>) -> Self {
        Self {
            facts,
            policy,
            release,
            unread: RefCell::default(),
            consulted: RefCell::default(),
            detected: OnceCell::new(),
            profile_claims: OnceCell::new(),
            profile_namespaces: OnceCell::new(),
            policies_by_namespace: OnceCell::new(),
            bindings_by_namespace: OnceCell::new(),
            networks_by_namespace: OnceCell::new(),
            network_rules: OnceCell::new(),
            images: RefCell::default(),
            inventory: OnceCell::new(),
            entrances: Default::default(),
            pods_by_name: OnceCell::new(),
            custom_time: Cell::new(CUSTOM_TIME),
            custom_outcomes: None,
        }
    }

    /// The same, where the policy's own controls were evaluated elsewhere.
    pub fn with_outcomes(self, outcomes: &'a Outcomes) -> Self {
        Self { custom_outcomes: Some(outcomes), ..self }
    }

    pub(crate) fn custom_outcomes(&self) -> Option<&'a Outcomes> {
        self.custom_outcomes
    }

    /// What the policy's own controls may still compute.
    pub(crate) fn custom_time(&self) -> Duration {
        self.custom_time.get()
    }

    pub(crate) fn spend_custom_time(&self, spent: Duration) {
        let left = self.custom_time.get().saturating_sub(spent);
        self.custom_time.set(left);
    }

    /// The time of the audit: when the facts were read.
    pub fn now(&self) -> Timestamp {
        self.facts.about.collected_at
    }

    /// The platform's namespace.
    pub fn namespace(&self) -> &'a str {
        &self.facts.about.namespace
    }

    /// Metadata of a pod that a finding names. A check that names one has read the pods.
    pub(crate) fn meta_of_pod(&self, object: &ObjectRef) -> Option<&'a Meta> {
        let Known::Known(listed) = &self.facts.pods else {
            return None;
        };
        self.pods_by_name.get_or_init(|| Pods::of(&listed.items)).get(object)
    }

    /// Runs a check, and returns which facts it consulted, by their fields. If it passes
    /// although an object of a kind it consulted could not be understood, it is not assessed.
    pub(crate) fn tracking(
        &self,
        check: impl FnOnce(&Self) -> Result<Outcome, MissingFact>,
    ) -> (Result<Outcome, MissingFact>, BTreeSet<&'static str>) {
        // A check may need the verdict on another control.
        let outer_unread = self.unread.take();
        let outer = self.consulted.take();
        let outcome = check(self);
        let unread = self.unread.replace(outer_unread);
        let consulted = self.consulted.replace(outer);
        self.consulted.borrow_mut().extend(&consulted);
        let outcome = match (outcome, unread.first()) {
            (Ok(Outcome::Pass(_) | Outcome::NotApplicable(_)), Some(first)) => {
                Ok(Outcome::NotAssessed(format!(
                    "{} could not be understood: {}",
                    first.object, first.error
                )))
            }
            (outcome, _) => outcome,
        };
        (outcome, consulted)
    }

    pub(super) fn note(&self, field: &'static str) {
        self.consulted.borrow_mut().insert(field);
    }

    /// The release: the one that the user names, else the one that images and channels show.
    pub fn release(&self) -> Result<&'static Release, MissingFact> {
        let name = match self.detected()? {
            Detected::Known(name) => name,
            Detected::Past(name) => {
                return Err(MissingFact(format!(
                    "Charmed Kubeflow {name} is past its support, and the catalogue has no data of it"
                )));
            }
        };
        catalog::release(name)
            .ok_or_else(|| MissingFact(format!("the catalogue has no release {name:?}")))
    }

    /// The same, of which the catalogue may have no data.
    pub fn detected(&self) -> Result<Detected, MissingFact> {
        if let Some(name) = self.release {
            let known = catalog::release(name).map(|release| Detected::Known(&release.name));
            let past = catalog::past_releases().get_key_value(name);
            return known
                .or_else(|| past.map(|(name, _)| Detected::Past(name)))
                .ok_or_else(|| MissingFact(format!("the catalogue has no release {name:?}")));
        }
        // Asked for each time, so that each check is known to consult both.
        let (pods, applications) = (self.pods(), self.applications());
        let is_planned = self.juju().is_ok_and(|juju| juju.planned);
        let pods = match pods {
            Ok(pods) => pods,
            // A bundle has no pods yet.
            Err(_) if is_planned => &[],
            Err(missing) => return Err(missing),
        };
        let applications = applications.unwrap_or_default();
        let detected = self.detected.get_or_init(|| detect_release(pods, applications));
        detected.ok_or_else(|| {
            MissingFact(
                "the release cannot be determined from the images and channels; set the option release"
                    .into(),
            )
        })
    }

    /// Every Profile, with what the namespace of its name is to it.
    pub fn profile_claims(&self) -> Result<&[(&'a Profile, Claim)], MissingFact> {
        // Asked for each time, so that each check is known to consult both.
        let (profiles, namespaces) = (self.profiles()?, self.namespaces()?);
        let about = &self.facts.about;
        let claims = || profiles::claims(profiles, namespaces, about);
        Ok(self.profile_claims.get_or_init(claims))
    }

    /// Namespaces of profiles: those that bear the marks of the profile controller, and of no
    /// other Profile.
    pub fn profile_namespaces(&self) -> Result<&BTreeSet<&'a str>, MissingFact> {
        let claims = self.profile_claims()?;
        Ok(self.profile_namespaces.get_or_init(|| {
            let proven = claims.iter().filter(|(_, claim)| claim.is_proven());
            proven.map(|(profile, _)| profile.metadata.name.as_str()).collect()
        }))
    }

    /// AuthorizationPolicies of a namespace.
    pub fn authorization_policies_of(
        &self,
        namespace: &str,
    ) -> Result<&[&'a AuthorizationPolicy], MissingFact> {
        // Asked for each time, so that each check is known to consult them.
        let all = self.authorization_policies()?;
        let all = self.policies_by_namespace.get_or_init(|| by_namespace(all));
        Ok(all.get(namespace).map(Vec::as_slice).unwrap_or_default())
    }

    /// Role bindings of a namespace.
    pub fn role_bindings_of(&self, namespace: &str) -> Result<&[&'a RoleBinding], MissingFact> {
        let all = self.role_bindings()?;
        let all = self.bindings_by_namespace.get_or_init(|| by_namespace(all));
        Ok(all.get(namespace).map(Vec::as_slice).unwrap_or_default())
    }

    /// NetworkPolicies of a namespace.
    pub fn network_policies_of(
        &self,
        namespace: &str,
    ) -> Result<&[&'a NetworkPolicy], MissingFact> {
        let all = self.network_policies()?;
        let all = self.networks_by_namespace.get_or_init(|| by_namespace(all));
        Ok(all.get(namespace).map(Vec::as_slice).unwrap_or_default())
    }

    /// An image reference, parsed once for all containers that have it; `None`
    /// if it is none.
    pub fn image(&self, reference: &'a str) -> Option<Rc<Image>> {
        self.images
            .borrow_mut()
            .entry(reference)
            .or_insert_with(|| Image::parse(reference).map(Rc::new))
            .clone()
    }

    /// Namespaces of the platform itself.
    pub fn platform_namespaces(&self) -> [&'a str; 3] {
        self.facts.about.platform_namespaces()
    }

    /// Whether no profile can ever have a namespace of this name: it is the cluster's, Juju's or
    /// the platform's.
    pub fn is_system(&self, namespace: &str) -> bool {
        profiles::system(namespace, None, &self.facts.about).is_some()
    }

    /// Whether a namespace is the platform's or a profile's.
    pub fn is_ours(&self, namespace: &str) -> Result<bool, MissingFact> {
        Ok(self.platform_namespaces().contains(&namespace)
            || self.profile_namespaces()?.contains(namespace))
    }
}

/// Objects by namespace.
pub fn by_namespace<'a, T: Object + 'a>(
    objects: impl IntoIterator<Item = &'a T>,
) -> BTreeMap<&'a str, Vec<&'a T>> {
    let mut map: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for object in objects {
        map.entry(&object.meta().namespace).or_default().push(object);
    }
    map
}
