//! What a check may see: facts and policy, and nothing else. It notes which
//! kinds a check consulted, so that what could not be read is never a pass.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::custom::Outcomes;
use super::images::Image;
use super::{Check, Outcome};
use crate::catalog::{self, Release};
use crate::facts::Facts;
use crate::facts::charmhub::Charmhub;
use crate::facts::core::*;
use crate::facts::handshake::Seen;
use crate::facts::istio::*;
use crate::facts::juju::{self, Juju};
use crate::facts::knative::{KnativeEventing, KnativeServing};
use crate::facts::known::{Kind, Known, Unknown, Unread};
use crate::facts::object::Object;
use crate::facts::profiles::{self, Claim};
use crate::facts::rbac::*;
use crate::facts::rocks::Rocks;
use crate::facts::secret::Secret;
use crate::facts::vulnerability::VulnerabilityReport;
use crate::policy::Policy;
use crate::policy::custom::ObjectKind;
use crate::rocks::{Inventory, Ledger};

/// Why a check cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing(pub String);

/// What a check may see.
pub struct Context<'a> {
    facts: &'a Facts,
    /// The policy.
    pub policy: &'a Policy,
    release: Option<&'a str>,
    unread: RefCell<Vec<&'a Unread>>,
    consulted: RefCell<BTreeSet<&'static str>>,
    // What many checks ask for and costs a walk over every pod or profile.
    detected: OnceCell<Option<&'static Release>>,
    profile_claims: OnceCell<Vec<(&'a Profile, Claim)>>,
    profile_namespaces: OnceCell<BTreeSet<&'a str>>,
    images: RefCell<HashMap<&'a str, Option<Rc<Image>>>>,
    inventory: OnceCell<Inventory>,
    /// What the policy's own controls may compute, all together, and outcomes found elsewhere.
    custom_time: Cell<Duration>,
    custom_outcomes: Option<&'a Outcomes>,
}

/// Longest computing for all controls that a policy adds.
const CUSTOM_TIME: Duration = Duration::from_secs(30);

fn of_juju<'a, T>(known: &'a Known<Vec<T>>, what: &str) -> Result<&'a [T], Missing> {
    match known {
        Known::Known(all) => Ok(all),
        Known::Unknown(why) => Err(Missing(format!("Juju's {what}: {why}"))),
    }
}

fn asked<'a, T>(fact: &'a Known<T>, what: &str) -> Result<&'a T, Missing> {
    match fact {
        Known::Known(told) => Ok(told),
        Known::Unknown(Unknown::NotCollected) => Err(Missing(format!("{what} were not asked"))),
        Known::Unknown(why) => Err(Missing(format!("{what}: {why}"))),
    }
}

macro_rules! accessors {
    ($($(#[$meta:meta])* $name:ident: $type:ty, $what:literal;)*) => {
        $($(#[$meta])* pub fn $name(&self) -> Result<&'a [$type], Missing> {
            self.items(&self.facts.$name, stringify!($name), $what)
        })*
    };
}

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
            images: RefCell::default(),
            inventory: OnceCell::new(),
            custom_time: Cell::new(CUSTOM_TIME),
            custom_outcomes: None,
        }
    }

    /// The same, where the policy's own controls were evaluated elsewhere.
    pub fn with_outcomes(self, outcomes: &'a Outcomes) -> Self {
        Self { custom_outcomes: Some(outcomes), ..self }
    }

    pub(super) fn custom_outcomes(&self) -> Option<&'a Outcomes> {
        self.custom_outcomes
    }

    /// What the policy's own controls may still compute.
    pub(super) fn custom_time(&self) -> Duration {
        self.custom_time.get()
    }

    pub(super) fn spend_custom_time(&self, spent: Duration) {
        let left = self.custom_time.get().saturating_sub(spent);
        self.custom_time.set(left);
    }

    /// The time by which things are judged: when the facts were read.
    pub fn now(&self) -> Timestamp {
        self.facts.about.collected_at
    }

    /// The platform's namespace.
    pub fn namespace(&self) -> &'a str {
        &self.facts.about.namespace
    }

    /// Runs a check, and tells which facts it consulted, by their fields. If it passes
    /// although an object of a kind it consulted could not be understood, it is not assessed.
    pub(super) fn tracking(
        &self,
        check: Check,
    ) -> (Result<Outcome, Missing>, BTreeSet<&'static str>) {
        // A check may ask for the verdict on another control.
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

    fn note(&self, field: &'static str) {
        self.consulted.borrow_mut().insert(field);
    }

    /// What Juju's controller tells.
    pub fn juju(&self) -> Result<&'a Juju, Missing> {
        self.note("juju");
        match &self.facts.juju {
            Known::Known(juju) => Ok(juju),
            Known::Unknown(Unknown::NotCollected) => Err(Missing("needs Juju credentials".into())),
            Known::Unknown(why) => Err(Missing(format!("Juju: {why}"))),
        }
    }

    /// What clients of the gateway get.
    pub fn handshake(&self) -> Result<&'a Seen, Missing> {
        self.note("handshake");
        match &self.facts.handshake {
            Known::Known(seen) => Ok(seen),
            Known::Unknown(Unknown::NotCollected) => {
                Err(Missing("needs a handshake with the gateway".into()))
            }
            Known::Unknown(why) => Err(Missing(format!("the gateway: {why}"))),
        }
    }

    /// Objects of a kind that only the policy's own controls read; `None` if it is not installed.
    pub fn others(&self, kind: &ObjectKind) -> Result<Option<&'a [serde_json::Value]>, Missing> {
        self.note("others");
        match self.facts.others.get(&kind.to_string()) {
            Some(Known::Known(objects)) => Ok(objects.as_deref()),
            Some(Known::Unknown(why)) => Err(Missing(format!("{kind}: {why}"))),
            None => {
                Err(Missing(format!("{kind} was not read; `collect` reads it with the policy")))
            }
        }
    }

    /// The controller's local users.
    pub fn users(&self) -> Result<&'a [juju::User], Missing> {
        of_juju(&self.juju()?.users, "users")
    }

    /// The controller's models.
    pub fn models(&self) -> Result<&'a [juju::Model], Missing> {
        of_juju(&self.juju()?.models, "models")
    }

    /// Applications of the platform's model.
    pub fn applications(&self) -> Result<&'a [juju::Application], Missing> {
        of_juju(&self.juju()?.applications, "applications")
    }

    /// The same, if they are deployed: a bundle does not tell what became of it.
    pub fn deployed(&self) -> Result<&'a [juju::Application], Missing> {
        match self.juju()?.planned {
            true => Err(Missing("a bundle does not tell".into())),
            false => self.applications(),
        }
    }

    /// When each credential was last rotated by this charm, as far as it is known.
    pub fn rotated(&self) -> BTreeMap<&'a str, Timestamp> {
        self.note("rotated");
        match &self.facts.rotated {
            Known::Known(all) => all.iter().map(|(name, at)| (name.as_str(), *at)).collect(),
            Known::Unknown(_) => BTreeMap::new(),
        }
    }

    /// Every image of the platform, with what is known of it.
    pub fn inventory(&self) -> Result<&Inventory, Missing> {
        // Asked for each time, so that each check is known to consult them.
        self.pods()?;
        self.config_maps()?;
        let also = [
            "juju",
            "profiles",
            "namespaces",
            "rocks",
            "charmhub",
            "ledger",
            "knative_servings",
            "knative_eventings",
        ];
        also.into_iter().for_each(|field| self.note(field));
        Ok(self.inventory.get_or_init(|| Inventory::of(self.facts)))
    }

    /// What registries tell.
    pub fn rocks(&self) -> Result<&'a Rocks, Missing> {
        self.note("rocks");
        asked(&self.facts.rocks, "registries")
    }

    /// What Charmhub tells.
    pub fn charmhub(&self) -> Result<&'a Charmhub, Missing> {
        self.note("charmhub");
        asked(&self.facts.charmhub, "Charmhub")
    }

    /// What ran before.
    pub fn ledger(&self) -> Result<&'a Ledger, Missing> {
        self.note("ledger");
        match &self.facts.ledger {
            Known::Known(ledger) => Ok(ledger),
            Known::Unknown(Unknown::NotCollected) => {
                Err(Missing("no digest is on record to compare with".into()))
            }
            Known::Unknown(why) => Err(Missing(format!("the digests on record: {why}"))),
        }
    }

    fn items<T>(
        &self,
        kind: &'a Kind<T>,
        field: &'static str,
        what: &str,
    ) -> Result<&'a [T], Missing> {
        self.note(field);
        match kind {
            Known::Known(listed) => {
                self.unread.borrow_mut().extend(&listed.unread);
                Ok(&listed.items)
            }
            Known::Unknown(why) => Err(Missing(format!("{what}: {why}"))),
        }
    }

    accessors! {
        /// Pods.
        pods: Pod, "pods";
        /// Services.
        services: Service, "services";
        /// Secrets.
        secrets: Secret, "secrets";
        /// StatefulSets.
        stateful_sets: StatefulSet, "statefulsets";
        /// Deployments.
        deployments: Deployment, "deployments";
        /// DaemonSets.
        daemon_sets: DaemonSet, "daemonsets";
        /// Namespaces.
        namespaces: Namespace, "namespaces";
        /// Nodes.
        nodes: Node, "nodes";
        /// Roles.
        roles: Role, "roles";
        /// Role bindings.
        role_bindings: RoleBinding, "rolebindings";
        /// Cluster roles.
        cluster_roles: ClusterRole, "clusterroles";
        /// Cluster role bindings.
        cluster_role_bindings: ClusterRoleBinding, "clusterrolebindings";
        /// Network policies.
        network_policies: NetworkPolicy, "networkpolicies";
        /// Webhooks that change objects.
        mutating_webhooks: MutatingWebhookConfiguration, "mutatingwebhookconfigurations";
        /// Webhooks that refuse objects.
        validating_webhooks: ValidatingWebhookConfiguration, "validatingwebhookconfigurations";
        /// Profiles.
        profiles: Profile, "profiles";
        /// Service accounts.
        service_accounts: ServiceAccount, "serviceaccounts";
        /// Istio's Gateways.
        gateways: Gateway, "gateways";
        /// VirtualServices.
        virtual_services: VirtualService, "virtualservices";
        /// EnvoyFilters.
        envoy_filters: EnvoyFilter, "envoyfilters";
        /// AuthorizationPolicies.
        authorization_policies: AuthorizationPolicy, "authorizationpolicies";
        /// PeerAuthentications.
        peer_authentications: PeerAuthentication, "peerauthentications";
        /// Gateways of the Gateway API.
        ambient_gateways: AmbientGateway, "gateway API gateways";
        /// HTTPRoutes.
        ambient_routes: AmbientRoute, "httproutes";
        /// Knative Serving.
        knative_servings: KnativeServing, "knativeservings";
        /// Knative Eventing.
        knative_eventings: KnativeEventing, "knativeeventings";
        /// What trivy-operator found.
        vulnerability_reports: VulnerabilityReport, "vulnerabilityreports";
        /// ConfigMaps.
        config_maps: ConfigMap, "configmaps";
    }

    /// Version of the API server.
    pub fn version(&self) -> Result<&'a Version, Missing> {
        self.note("version");
        match &self.facts.version {
            Known::Known(version) => Ok(version),
            Known::Unknown(why) => Err(Missing(format!("version: {why}"))),
        }
    }

    /// Juju's rights, or this user's.
    pub fn access(&self) -> Result<&'a AccessReview, Missing> {
        self.note("access");
        match &self.facts.access {
            Known::Known(access) => Ok(access),
            Known::Unknown(why) => Err(Missing(format!("access reviews: {why}"))),
        }
    }

    /// The release: the one that the user names, else the one that the images tell.
    pub fn release(&self) -> Result<&'static Release, Missing> {
        match self.release {
            Some(name) => catalog::release(name)
                .ok_or_else(|| Missing(format!("the catalogue has no release {name:?}"))),
            None => {
                // Asked for each time, so that each check is known to consult the pods.
                let pods = self.pods()?;
                let detected = self.detected.get_or_init(|| super::detect_release(pods));
                detected.ok_or_else(|| {
                    Missing(
                        "the release could not be told from the images; set the option release"
                            .into(),
                    )
                })
            }
        }
    }

    /// Every Profile, with what the namespace of its name is to it.
    pub fn profile_claims(&self) -> Result<&[(&'a Profile, Claim)], Missing> {
        // Asked for each time, so that each check is known to consult both.
        let (profiles, namespaces) = (self.profiles()?, self.namespaces()?);
        let about = &self.facts.about;
        let claims = || profiles::claims(profiles, namespaces, about);
        Ok(self.profile_claims.get_or_init(claims))
    }

    /// Namespaces of profiles: those that bear the marks of the profile controller, and of no
    /// other Profile.
    pub fn profile_namespaces(&self) -> Result<&BTreeSet<&'a str>, Missing> {
        let claims = self.profile_claims()?;
        Ok(self.profile_namespaces.get_or_init(|| {
            let proven = claims.iter().filter(|(_, claim)| claim.is_proven());
            proven.map(|(profile, _)| profile.metadata.name.as_str()).collect()
        }))
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

    /// Whether a namespace is the platform's or a profile's.
    pub fn is_ours(&self, namespace: &str) -> Result<bool, Missing> {
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

/// Whether an allow-list names an object, as `namespace/name` or `name`.
pub fn allowed<T: Object>(list: &[String], object: &T) -> bool {
    let meta = object.meta();
    list.iter().any(|entry| match entry.split_once('/') {
        Some((namespace, name)) => meta.namespace == namespace && meta.name == name,
        None => meta.name == *entry,
    })
}
