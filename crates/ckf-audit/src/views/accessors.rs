//! The facts that a check may see, a function each. Every one notes the field of the facts that
//! it reads.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::context::{Context, MissingFact};
use super::distribution::Distribution;
use super::network_rules::{Lists, NetworkRules};
use crate::facts::charmhub::Charmhub;
use crate::facts::cilium::{CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy};
use crate::facts::cluster_network_policy::{
    AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy,
};
use crate::facts::compliance::ClusterComplianceReport;
use crate::facts::core::*;
use crate::facts::custom_resources::ObjectKind;
use crate::facts::extensions::Extension;
use crate::facts::gateway_attachments::{ListenerSet, ReferenceGrant, XListenerSet};
use crate::facts::gateway_routes::{GrpcRoute, TcpRoute, TlsRoute};
use crate::facts::handshake::{Seen, WebhookServer};
use crate::facts::image_record::Ledger;
use crate::facts::ingress::{DomainMapping, Ingress, IngressClass};
use crate::facts::istio::*;
use crate::facts::juju::{self, Juju};
use crate::facts::knative::{KnativeEventing, KnativeServing};
use crate::facts::known::{Kind, Known, Unknown};
use crate::facts::rbac::*;
use crate::facts::registry::Rocks;
use crate::facts::secret::Secret;
use crate::facts::telemetry::Telemetry;
use crate::facts::traffic::{DestinationRule, ServiceEntry, Sidecar, WasmPlugin};
use crate::facts::velero::{VeleroBackup, VeleroSchedule};
use crate::facts::vulnerability::VulnerabilityReport;
use crate::images::Inventory;

fn of_juju<'a, T>(known: &'a Known<Vec<T>>, what: &str) -> Result<&'a [T], MissingFact> {
    match known {
        Known::Known(all) => Ok(all),
        Known::Unknown(why) => Err(MissingFact(format!("Juju's {what}: {why}"))),
    }
}

/// A fact of its own source; `missing` says what it takes, where nothing was asked for it.
fn single<'a, T>(fact: &'a Known<T>, what: &str, missing: &str) -> Result<&'a T, MissingFact> {
    match fact {
        Known::Known(known) => Ok(known),
        Known::Unknown(Unknown::NotCollected) => Err(MissingFact(missing.into())),
        Known::Unknown(why) => Err(MissingFact(format!("{what}: {why}"))),
    }
}

/// Definitions of Cilium's network policies.
const CILIUM: [&str; 2] =
    ["ciliumnetworkpolicies.cilium.io", "ciliumclusterwidenetworkpolicies.cilium.io"];

/// Definitions of the network policies of administrators.
const ADMIN: [&str; 3] = [
    "adminnetworkpolicies.policy.networking.k8s.io",
    "baselineadminnetworkpolicies.policy.networking.k8s.io",
    "clusternetworkpolicies.policy.networking.k8s.io",
];

macro_rules! accessors {
    ($($(#[$meta:meta])* $name:ident: $type:ty, $what:literal;)*) => {
        $($(#[$meta])* pub fn $name(&self) -> Result<&'a [$type], MissingFact> {
            self.items(&self.facts.$name, stringify!($name), $what)
        })*
    };
}

impl<'a> Context<'a> {
    /// Juju's models, applications and users.
    pub fn juju(&self) -> Result<&'a Juju, MissingFact> {
        self.note("juju");
        single(&self.facts.juju, "Juju", "needs Juju credentials")
    }

    /// The handshake that clients of the gateway get.
    pub fn handshake(&self) -> Result<&'a Seen, MissingFact> {
        self.note("handshake");
        single(&self.facts.handshake, "the gateway", "needs a handshake with the gateway")
    }

    /// Certificates that the webhooks' servers present.
    pub fn webhook_servers(&self) -> Result<&'a [WebhookServer], MissingFact> {
        self.note("webhook_servers");
        let missing = "webhooks are reached from inside of the cluster only";
        Ok(single(&self.facts.webhook_servers, "the webhooks", missing)?)
    }

    /// That all ConfigMaps of the platform's namespace were read.
    pub fn all_config_maps(&self) -> Result<(), MissingFact> {
        self.note("all_config_maps");
        match &self.facts.all_config_maps {
            Known::Known(_) => Ok(()),
            Known::Unknown(why) => {
                Err(MissingFact(format!("ConfigMaps were not looked through: {why}")))
            }
        }
    }

    /// Clouds, with the access of users.
    pub fn clouds(&self) -> Result<&'a [juju::Grants], MissingFact> {
        of_juju(&self.juju()?.clouds, "clouds")
    }

    /// Offers, with the access of users.
    pub fn offers(&self) -> Result<&'a [juju::Grants], MissingFact> {
        of_juju(&self.juju()?.offers, "offers")
    }

    /// Objects of a kind that only the policy's own controls read; `None` if it is not installed.
    pub fn others(
        &self,
        kind: &ObjectKind,
    ) -> Result<Option<&'a [serde_json::Value]>, MissingFact> {
        self.note("others");
        match self.facts.others.get(&kind.to_string()) {
            Some(Known::Known(objects)) => Ok(objects.as_deref()),
            Some(Known::Unknown(why)) => Err(MissingFact(format!("{kind}: {why}"))),
            None => {
                Err(MissingFact(format!("{kind} was not read; `collect` reads it with the policy")))
            }
        }
    }

    /// The controller's local users.
    pub fn users(&self) -> Result<&'a [juju::User], MissingFact> {
        of_juju(&self.juju()?.users, "users")
    }

    /// The controller's models.
    pub fn models(&self) -> Result<&'a [juju::Model], MissingFact> {
        of_juju(&self.juju()?.models, "models")
    }

    /// Applications of the platform's model.
    pub fn applications(&self) -> Result<&'a [juju::Application], MissingFact> {
        of_juju(&self.juju()?.applications, "applications")
    }

    /// The same, if they are deployed: a bundle has no state.
    pub fn deployed(&self) -> Result<&'a [juju::Application], MissingFact> {
        match self.juju()?.planned {
            true => Err(MissingFact("a bundle does not show it".into())),
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
    pub fn inventory(&self) -> Result<&Inventory, MissingFact> {
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

    /// Images in their registries.
    pub fn rocks(&self) -> Result<&'a Rocks, MissingFact> {
        self.note("rocks");
        single(&self.facts.rocks, "image registry", "image registry was not queried")
    }

    /// Heads of channels in Charmhub.
    pub fn charmhub(&self) -> Result<&'a Charmhub, MissingFact> {
        self.note("charmhub");
        single(&self.facts.charmhub, "Charmhub", "Charmhub was not queried")
    }

    /// Metrics of the platform in COS's Prometheus.
    pub fn telemetry(&self) -> Result<&'a Telemetry, MissingFact> {
        self.note("telemetry");
        single(&self.facts.telemetry, "COS's Prometheus", "needs the address of COS's Prometheus")
    }

    /// Images that ran before.
    pub fn ledger(&self) -> Result<&'a Ledger, MissingFact> {
        self.note("ledger");
        single(
            &self.facts.ledger,
            "the digests on record",
            "no digest is on record to compare with",
        )
    }

    fn items<T>(
        &self,
        kind: &'a Kind<T>,
        field: &'static str,
        what: &str,
    ) -> Result<&'a [T], MissingFact> {
        self.note(field);
        match kind {
            Known::Known(listed) => {
                self.unread.borrow_mut().extend(&listed.unread);
                Ok(&listed.items)
            }
            Known::Unknown(why) => Err(MissingFact(format!("{what}: {why}"))),
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
        /// Definitions of kinds.
        crds: CustomResourceDefinition, "customresourcedefinitions";
        /// API groups, and who answers for them.
        api_services: ApiService, "apiservices";
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
        /// RequestAuthentications.
        request_authentications: RequestAuthentication, "requestauthentications";
        /// Gateways of the Gateway API.
        ambient_gateways: AmbientGateway, "gateway API gateways";
        /// HTTPRoutes.
        ambient_routes: AmbientRoute, "httproutes";
        /// GRPCRoutes.
        grpc_routes: GrpcRoute, "grpcroutes";
        /// TLSRoutes.
        tls_routes: TlsRoute, "tlsroutes";
        /// TCPRoutes.
        tcp_routes: TcpRoute, "tcproutes";
        /// Listeners that are added to Gateways.
        listener_sets: ListenerSet, "listenersets";
        /// The same, from the experimental channel.
        x_listener_sets: XListenerSet, "xlistenersets";
        /// Grants of references to other namespaces.
        reference_grants: ReferenceGrant, "referencegrants";
        /// Ingresses.
        ingresses: Ingress, "ingresses";
        /// Classes of Ingresses.
        ingress_classes: IngressClass, "ingressclasses";
        /// ServiceEntries.
        service_entries: ServiceEntry, "serviceentries";
        /// DestinationRules.
        destination_rules: DestinationRule, "destinationrules";
        /// Sidecars.
        sidecars: Sidecar, "sidecars";
        /// WasmPlugins.
        wasm_plugins: WasmPlugin, "wasmplugins";
        /// Knative's DomainMappings.
        domain_mappings: DomainMapping, "domainmappings";
        /// Knative Serving.
        knative_servings: KnativeServing, "knativeservings";
        /// Knative Eventing.
        knative_eventings: KnativeEventing, "knativeeventings";
        /// Reports of trivy-operator.
        vulnerability_reports: VulnerabilityReport, "vulnerabilityreports";
        /// Reports of trivy-operator on benchmarks of the cluster.
        cluster_compliance_reports: ClusterComplianceReport, "clustercompliancereports";
        /// Backups of Velero.
        velero_backups: VeleroBackup, "backups";
        /// Schedules of Velero.
        velero_schedules: VeleroSchedule, "schedules";
        /// ConfigMaps.
        config_maps: ConfigMap, "configmaps";
    }

    /// Every server that the API server calls: webhooks of admission and of conversion, and those
    /// that answer for API groups.
    pub fn extensions(&self) -> Result<Vec<Extension<'a>>, MissingFact> {
        let (mutating, validating) = (self.mutating_webhooks()?, self.validating_webhooks()?);
        Ok(Extension::all(mutating, validating, self.crds()?, self.api_services()?))
    }

    /// Cilium's network policies of namespaces.
    pub fn cilium_policies(&self) -> Result<&'a [CiliumNetworkPolicy], MissingFact> {
        self.optional(&self.facts.cilium_policies, "cilium_policies", CILIUM[0])
    }

    /// Cilium's network policies of the cluster.
    pub fn cilium_clusterwide_policies(
        &self,
    ) -> Result<&'a [CiliumClusterwideNetworkPolicy], MissingFact> {
        let kind = &self.facts.cilium_clusterwide_policies;
        self.optional(kind, "cilium_clusterwide_policies", CILIUM[1])
    }

    /// Network policies of administrators, before NetworkPolicies.
    pub fn admin_network_policies(&self) -> Result<&'a [AdminNetworkPolicy], MissingFact> {
        self.optional(&self.facts.admin_network_policies, "admin_network_policies", ADMIN[0])
    }

    /// Network policies of administrators, where there is no NetworkPolicy.
    pub fn baseline_admin_network_policies(
        &self,
    ) -> Result<&'a [BaselineAdminNetworkPolicy], MissingFact> {
        let kind = &self.facts.baseline_admin_network_policies;
        self.optional(kind, "baseline_admin_network_policies", ADMIN[1])
    }

    /// Network policies of administrators, with a tier.
    pub fn cluster_network_policies(&self) -> Result<&'a [ClusterNetworkPolicy], MissingFact> {
        self.optional(&self.facts.cluster_network_policies, "cluster_network_policies", ADMIN[2])
    }

    /// Every network policy of the cluster.
    pub fn network_rules(&self) -> Result<&NetworkRules<'a>, MissingFact> {
        // Asked for each time, so that each check is known to consult them.
        let lists = self.network_lists()?;
        if let Some(rules) = self.network_rules.get() {
            if rules.has_any() {
                self.namespaces()?;
            }
            return Ok(rules);
        }
        let rules = self.rules_of(&lists)?;
        Ok(self.network_rules.get_or_init(|| rules))
    }

    /// The same, to keep.
    pub fn own_network_rules(&self) -> Result<NetworkRules<'a>, MissingFact> {
        self.rules_of(&self.network_lists()?)
    }

    fn rules_of(&self, lists: &Lists<'a>) -> Result<NetworkRules<'a>, MissingFact> {
        let rules = NetworkRules::of(lists);
        Ok(if rules.has_any() { rules.within(self.namespaces()?) } else { rules })
    }

    fn network_lists(&self) -> Result<Lists<'a>, MissingFact> {
        Ok(Lists {
            core: self.network_policies()?,
            cilium: self.cilium_policies()?,
            clusterwide: self.cilium_clusterwide_policies()?,
            admin: self.admin_network_policies()?,
            baseline: self.baseline_admin_network_policies()?,
            cluster: self.cluster_network_policies()?,
        })
    }

    /// Objects of a kind that few clusters have: none if its definition is not there, even if they
    /// were not asked for or may not be listed.
    fn optional<T>(
        &self,
        kind: &'a Kind<T>,
        field: &'static str,
        definition: &str,
    ) -> Result<&'a [T], MissingFact> {
        if let (Known::Unknown(Unknown::NotCollected | Unknown::Forbidden(_)), Known::Known(crds)) =
            (kind, &self.facts.crds)
        {
            self.note(field);
            self.note("crds");
            if !crds.items.iter().any(|crd| crd.metadata.name == definition) {
                return Ok(&[]);
            }
        }
        let what = definition.split_once('.').map_or(definition, |(plural, _)| plural);
        self.items(kind, field, what)
    }

    /// Version of the API server.
    pub fn version(&self) -> Result<&'a Version, MissingFact> {
        self.note("version");
        match &self.facts.version {
            Known::Known(version) => Ok(version),
            Known::Unknown(why) => Err(MissingFact(format!("version: {why}"))),
        }
    }

    /// The distribution of Kubernetes.
    pub fn distribution(&self) -> Result<Distribution, MissingFact> {
        self.nodes()?;
        self.version()?;
        Ok(Distribution::of(self.facts))
    }

    /// Juju's rights, or this user's.
    pub fn access(&self) -> Result<&'a AccessReview, MissingFact> {
        self.note("access");
        match &self.facts.access {
            Known::Known(access) => Ok(access),
            Known::Unknown(why) => Err(MissingFact(format!("access reviews: {why}"))),
        }
    }
}
