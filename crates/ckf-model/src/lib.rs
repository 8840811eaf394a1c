#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

pub mod advisory;
pub mod catalog;
pub mod certificate;
pub mod charmhub;
pub mod cilium;
pub mod cluster_network_policy;
pub mod compliance;
pub mod core;
pub mod crypto_material;
pub mod custom_resources;
pub mod dpkg;
pub mod envoy_patch;
pub mod extensions;
pub mod gateway_attachments;
pub mod gateway_routes;
pub mod handshake;
pub mod header_names;
pub mod image;
pub mod image_record;
pub mod ingress;
pub mod istio;
pub mod juju;
pub mod knative;
pub mod known;
pub mod kube_bench;
pub mod labels;
pub mod manifest;
pub mod network_policy;
pub mod object;
pub mod path;
pub mod platform;
pub mod pod_security;
pub mod private_key;
pub mod profiles;
mod public_roots;
pub mod rbac;
pub mod registry;
pub mod secret;
pub mod shared;
pub mod telemetry;
pub mod text;
pub mod tls;
pub mod traffic;
pub mod unread_fields;
pub mod velero;
pub mod vulnerability;
mod wire;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use self::compliance::ClusterComplianceReport;
use self::core::*;
use self::gateway_attachments::{ListenerSet, ReferenceGrant, XListenerSet};
use self::gateway_routes::{GrpcRoute, TcpRoute, TlsRoute};
use self::ingress::{DomainMapping, Ingress, IngressClass};
use self::istio::*;
use self::knative::{KnativeEventing, KnativeServing};
use self::known::{Kind, Known, Unknown};
use self::rbac::*;
use self::secret::Secret;
use self::traffic::{DestinationRule, ServiceEntry, Sidecar, WasmPlugin};
use self::velero::{VeleroBackup, VeleroSchedule};
use self::vulnerability::VulnerabilityReport;

/// Passes the table of kinds to another macro: field, type, API group, versions in order of
/// preference, resource, and the wire type where it differs from the type.
#[macro_export]
macro_rules! with_kinds {
    ($callback:ident) => {
        $callback! {
            /// Pods.
            pods: Pod => "" ["v1"] "pods";
            /// Services.
            services: Service => "" ["v1"] "services";
            /// Secrets: types, key names and derived values; never the values themselves.
            secrets: Secret => "" ["v1"] "secrets" via $crate::secret::SecretWire;
            /// StatefulSets.
            stateful_sets: StatefulSet => "apps" ["v1"] "statefulsets";
            /// Deployments.
            deployments: Deployment => "apps" ["v1"] "deployments";
            /// DaemonSets.
            daemon_sets: DaemonSet => "apps" ["v1"] "daemonsets";
            /// Namespaces.
            namespaces: Namespace => "" ["v1"] "namespaces";
            /// Nodes.
            nodes: Node => "" ["v1"] "nodes";
            /// Service accounts.
            service_accounts: ServiceAccount => "" ["v1"] "serviceaccounts";
            /// Roles.
            roles: Role => "rbac.authorization.k8s.io" ["v1"] "roles";
            /// Role bindings.
            role_bindings: RoleBinding => "rbac.authorization.k8s.io" ["v1"] "rolebindings";
            /// Cluster roles.
            cluster_roles: ClusterRole => "rbac.authorization.k8s.io" ["v1"] "clusterroles";
            /// Cluster role bindings.
            cluster_role_bindings: ClusterRoleBinding => "rbac.authorization.k8s.io" ["v1"] "clusterrolebindings";
            /// Network policies.
            network_policies: NetworkPolicy => "networking.k8s.io" ["v1"] "networkpolicies";
            /// Cilium's network policies of namespaces.
            cilium_policies: $crate::cilium::CiliumNetworkPolicy => "cilium.io" ["v2"] "ciliumnetworkpolicies";
            /// Cilium's network policies of the cluster.
            cilium_clusterwide_policies: $crate::cilium::CiliumClusterwideNetworkPolicy => "cilium.io" ["v2"] "ciliumclusterwidenetworkpolicies";
            /// Network policies of administrators, before NetworkPolicies.
            admin_network_policies: $crate::cluster_network_policy::AdminNetworkPolicy => "policy.networking.k8s.io" ["v1alpha1"] "adminnetworkpolicies";
            /// Network policies of administrators, where there is no NetworkPolicy.
            baseline_admin_network_policies: $crate::cluster_network_policy::BaselineAdminNetworkPolicy => "policy.networking.k8s.io" ["v1alpha1"] "baselineadminnetworkpolicies";
            /// Network policies of administrators, with a tier.
            cluster_network_policies: $crate::cluster_network_policy::ClusterNetworkPolicy => "policy.networking.k8s.io" ["v1" "v1beta1" "v1alpha2"] "clusternetworkpolicies";
            /// Mutating webhook configurations.
            mutating_webhooks: MutatingWebhookConfiguration => "admissionregistration.k8s.io" ["v1"] "mutatingwebhookconfigurations";
            /// Validating webhook configurations.
            validating_webhooks: ValidatingWebhookConfiguration => "admissionregistration.k8s.io" ["v1"] "validatingwebhookconfigurations";
            /// Custom resource definitions, without schemas.
            crds: CustomResourceDefinition => "apiextensions.k8s.io" ["v1"] "customresourcedefinitions";
            /// Versions of API groups, and who answers for them.
            api_services: ApiService => "apiregistration.k8s.io" ["v1"] "apiservices";
            /// Profiles.
            profiles: Profile => "kubeflow.org" ["v1" "v1beta1"] "profiles" via $crate::istio::ProfileWire;
            /// Istio's Gateways.
            gateways: Gateway => "networking.istio.io" ["v1" "v1beta1" "v1alpha3"] "gateways" via $crate::istio::GatewayWire;
            /// VirtualServices.
            virtual_services: VirtualService => "networking.istio.io" ["v1" "v1beta1" "v1alpha3"] "virtualservices";
            /// EnvoyFilters.
            envoy_filters: EnvoyFilter => "networking.istio.io" ["v1alpha3"] "envoyfilters" via $crate::istio::EnvoyFilterWire;
            /// AuthorizationPolicies.
            authorization_policies: AuthorizationPolicy => "security.istio.io" ["v1" "v1beta1"] "authorizationpolicies";
            /// PeerAuthentications.
            peer_authentications: PeerAuthentication => "security.istio.io" ["v1" "v1beta1"] "peerauthentications" via $crate::istio::PeerAuthenticationWire;
            /// RequestAuthentications.
            request_authentications: RequestAuthentication => "security.istio.io" ["v1" "v1beta1"] "requestauthentications";
            /// Gateways of the Gateway API.
            ambient_gateways: AmbientGateway => "gateway.networking.k8s.io" ["v1" "v1beta1"] "gateways";
            /// HTTPRoutes of the Gateway API.
            ambient_routes: AmbientRoute => "gateway.networking.k8s.io" ["v1" "v1beta1"] "httproutes";
            /// GRPCRoutes of the Gateway API.
            grpc_routes: GrpcRoute => "gateway.networking.k8s.io" ["v1" "v1alpha2"] "grpcroutes";
            /// TLSRoutes of the Gateway API.
            tls_routes: TlsRoute => "gateway.networking.k8s.io" ["v1" "v1alpha3" "v1alpha2"] "tlsroutes";
            /// TCPRoutes of the Gateway API.
            tcp_routes: TcpRoute => "gateway.networking.k8s.io" ["v1" "v1alpha2"] "tcproutes";
            /// Listeners that are added to Gateways of the Gateway API.
            listener_sets: ListenerSet => "gateway.networking.k8s.io" ["v1"] "listenersets";
            /// The same, as the Gateway API had them before its version 1.5.
            x_listener_sets: XListenerSet => "gateway.networking.x-k8s.io" ["v1alpha1"] "xlistenersets";
            /// Grants for routes and Gateways to refer to what is in another namespace.
            reference_grants: ReferenceGrant => "gateway.networking.k8s.io" ["v1" "v1beta1"] "referencegrants";
            /// Ingresses.
            ingresses: Ingress => "networking.k8s.io" ["v1"] "ingresses" via $crate::ingress::IngressWire;
            /// Classes of Ingresses.
            ingress_classes: IngressClass => "networking.k8s.io" ["v1"] "ingressclasses";
            /// ServiceEntries.
            service_entries: ServiceEntry => "networking.istio.io" ["v1" "v1beta1" "v1alpha3"] "serviceentries";
            /// DestinationRules.
            destination_rules: DestinationRule => "networking.istio.io" ["v1" "v1beta1" "v1alpha3"] "destinationrules";
            /// Sidecars.
            sidecars: Sidecar => "networking.istio.io" ["v1" "v1beta1" "v1alpha3"] "sidecars";
            /// WasmPlugins.
            wasm_plugins: WasmPlugin => "extensions.istio.io" ["v1alpha1"] "wasmplugins";
            /// Knative's DomainMappings.
            domain_mappings: DomainMapping => "serving.knative.dev" ["v1beta1" "v1alpha1"] "domainmappings";
            /// KnativeServing resources of Knative's operator.
            knative_servings: KnativeServing => "operator.knative.dev" ["v1beta1"] "knativeservings";
            /// KnativeEventing resources of Knative's operator.
            knative_eventings: KnativeEventing => "operator.knative.dev" ["v1beta1"] "knativeeventings";
            /// Vulnerability reports of trivy-operator.
            vulnerability_reports: VulnerabilityReport => "aquasecurity.github.io" ["v1alpha1"] "vulnerabilityreports";
            /// Reports of trivy-operator on benchmarks of the cluster.
            cluster_compliance_reports: ClusterComplianceReport => "aquasecurity.github.io" ["v1alpha1"] "clustercompliancereports";
            /// Backups of Velero.
            velero_backups: VeleroBackup => "velero.io" ["v1"] "backups";
            /// Schedules of Velero.
            velero_schedules: VeleroSchedule => "velero.io" ["v1"] "schedules";
            /// ConfigMaps of the platform's namespace: contents of those in `CONFIG_MAPS`, and the
            /// certificates and keys of all.
            config_maps: ConfigMap => "" ["v1"] "configmaps" via $crate::core::ConfigMapWire;
        }
    };
}

macro_rules! define {
    ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
        /// All facts of a cluster.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, rename_all = "kebab-case")]
        pub struct Facts {
            /// Time and scope of the collection.
            pub about: About,
            /// The cluster that was read.
            #[serde(skip_serializing_if = "Origin::is_empty")]
            pub origin: Origin,
            /// Version of the API server.
            pub version: Known<Version>,
            /// Permissions of Juju's cloud credential, else of this user.
            pub access: Known<AccessReview>,
            /// State of the Juju controller.
            pub juju: Known<juju::Juju>,
            /// What a TLS client of the gateway observes.
            pub handshake: Known<handshake::Seen>,
            /// When each credential was last rotated by this charm.
            pub rotated: Known<std::collections::BTreeMap<String, jiff::Timestamp>>,
            /// The platform's images in their registries.
            pub rocks: Known<registry::Rocks>,
            /// Charmhub's channels that the platform's applications follow.
            pub charmhub: Known<charmhub::Charmhub>,
            /// What COS's Prometheus has of the platform.
            pub telemetry: Known<telemetry::Telemetry>,
            /// Images that ran before, from earlier audits.
            pub ledger: Known<crate::image_record::Ledger>,
            /// What the webhooks' servers present to clients inside of the cluster.
            pub webhook_servers: Known<Vec<handshake::WebhookServer>>,
            /// Whether all ConfigMaps of the platform's namespace were read, not only those that
            /// controls read by name.
            pub all_config_maps: Known<bool>,
            /// Objects of kinds that only custom controls read.
            #[serde(skip_serializing_if = "custom_resources::CustomResources::is_empty")]
            pub others: custom_resources::CustomResources,
            $($(#[$meta])* pub $field: Kind<$type>,)*
        }

        impl Facts {
            /// Resource name of each kind, with the reason if the kind is unknown.
            pub fn kinds(&self) -> Vec<(&'static str, Option<&Unknown>)> {
                vec![$(($plural, match &self.$field {
                    Known::Known(_) => None,
                    Known::Unknown(why) => Some(why),
                }),)*]
            }
        }
    };
}

with_kinds!(define);

/// Time and scope of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct About {
    /// Time at which the collection started.
    pub collected_at: jiff::Timestamp,
    /// Namespace of Charmed Kubeflow.
    pub namespace: String,
}

/// Identity of a cluster; each is empty if it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Origin {
    /// URL of the API server.
    pub server: String,
    /// Context of the kubeconfig.
    pub context: String,
    /// UID of the namespace kube-system, which no other cluster has.
    pub uid: String,
}

impl Origin {
    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl About {
    /// Namespaces of the platform: its own, and those of Knative's workloads.
    pub fn platform_namespaces(&self) -> [&str; 3] {
        [&self.namespace, "knative-serving", "knative-eventing"]
    }
}

impl Default for About {
    fn default() -> Self {
        Self { collected_at: jiff::Timestamp::UNIX_EPOCH, namespace: "kubeflow".into() }
    }
}

/// Name of the charm, and of what it makes.
pub const CHARM: &str = "ckf-hardening";

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// SHA-256, in hexadecimal.
pub fn sha256(data: impl AsRef<[u8]>) -> String {
    sha2::Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stands for a text: eight bytes of its hash, in hexadecimal.
pub fn digest(text: impl AsRef<[u8]>) -> String {
    let digest = sha2::Sha256::digest(text);
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
