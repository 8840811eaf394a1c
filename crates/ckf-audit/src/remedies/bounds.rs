//! Bounds on what each remedy may create and edit, whatever a record or a label says: nothing
//! outside of them is changed, reverted or deleted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::edit::{ClusterEdit, Edit, JujuEdit, Label, Removal, Setting, edited_kind};
use super::managed::{
    AUTHORIZATION_POLICY, ENVOY_FILTER, GATEWAY, ManagedKind, NETWORK_POLICY, PEER_AUTHENTICATION,
};
use super::remedy::Remedy;
use super::{
    configuration, https_redirect, metadata_egress, mutual_tls, platform_network_policies,
    profile_network_policies, profile_users,
};
use crate::facts::juju::holds_no_secret;
use crate::facts::juju::options::names_images;
use crate::facts::object::ObjectRef;

/// Prefix of the Pod Security labels, their modes and their levels.
const POD_SECURITY: &str = "pod-security.kubernetes.io/";
const MODES: [&str; 3] = ["enforce", "audit", "warn"];
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];
/// Endpoints that are integrated with a telemetry agent, and the agent's own endpoints.
const OBSERVED: [(&str, &[&str]); 3] = [
    ("metrics-endpoint", &["metrics-endpoint"]),
    ("grafana-dashboard", &["grafana-dashboards-consumer"]),
    ("logging", &["logging-provider", "receive-loki-logs"]),
];

impl Remedy {
    /// The remedy creates objects of this kind under this name, for a platform.
    pub fn makes(self, kind: ManagedKind, namespace: &str, name: &str, platform: &str) -> bool {
        let of_platform = namespace == platform;
        // Any other namespace, so that objects of earlier versions outside profiles can be deleted.
        let of_profile = !of_platform;
        match self {
            Self::TlsFloor => {
                of_platform && kind == ENVOY_FILTER && name == "ckf-hardening-tls-floor"
            }
            Self::Hsts => of_platform && kind == ENVOY_FILTER && name == "ckf-hardening-hsts",
            Self::HttpsRedirect => of_platform && kind == GATEWAY && name == https_redirect::NAME,
            Self::ProfileNetworkPolicies => {
                of_profile && kind == NETWORK_POLICY && name == profile_network_policies::NAME
            }
            Self::MetadataEgress => {
                of_profile && kind == NETWORK_POLICY && name == metadata_egress::NAME
            }
            Self::PlatformNetworkPolicies => {
                let is_own = match kind {
                    NETWORK_POLICY => {
                        name.starts_with("ckf-hardening-") && name != profile_network_policies::NAME
                    }
                    AUTHORIZATION_POLICY => platform_network_policies::makes_policy(name),
                    _ => false,
                };
                of_platform && is_own
            }
            Self::MutualTls => {
                of_profile && kind == PEER_AUTHENTICATION && name == mutual_tls::NAME
            }
            Self::ProfileUsers => {
                of_profile
                    && kind == AUTHORIZATION_POLICY
                    && [profile_users::NAME, profile_users::ARTIFACTS].contains(&name)
            }
            _ => false,
        }
    }

    /// The remedy may make this edit, for a platform. Also bounds the edits that a record may
    /// have it revert.
    pub fn may_edit(self, edit: &Edit, platform: &str) -> bool {
        match edit {
            Edit::Cluster(edit) => self.may_edit_object(edit, platform),
            Edit::Juju(edit) => self.may_edit_juju(edit),
        }
    }

    /// The remedy may make this edit of an object, for a platform.
    pub fn may_edit_object(self, edit: &ClusterEdit, platform: &str) -> bool {
        match (self, edit) {
            (Self::PodSecurityLabels, ClusterEdit::Labels { object, labels }) => {
                is_named(object, "Namespace")
                    && object.namespace.is_empty()
                    && !is_system(&object.name)
                    && labels.iter().all(|(name, label)| is_level(name, label))
            }
            (Self::ServiceAccountTokens, ClusterEdit::Removal(removal)) => {
                is_removal_of(removal, "Secret") && removal.manifest.as_ref().is_none_or(is_token)
            }
            (Self::ForeignRoleBindings, ClusterEdit::Removal(removal)) => {
                is_removal_of(removal, "RoleBinding") && removal.object.namespace != platform
            }
            (Self::WildcardPolicies, ClusterEdit::Removal(removal)) => {
                is_removal_of(removal, "AuthorizationPolicy")
            }
            _ => false,
        }
    }

    /// The remedy may make this edit of what Juju has.
    pub fn may_edit_juju(self, edit: &JujuEdit) -> bool {
        match (self, edit) {
            (_, JujuEdit::Settings { application, options, unrecorded }) => {
                is_juju_name(application)
                    && (unrecorded.is_empty() || self == Self::DeclaredOptions)
                    && self.may_set(options)
            }
            (Self::CosRelations, JujuEdit::Relation { endpoints }) => is_observation(endpoints),
            (_, JujuEdit::Configuration { of, options }) => {
                configuration::may_set(self, *of, options)
            }
            _ => false,
        }
    }

    fn may_set(self, options: &BTreeMap<String, Setting>) -> bool {
        let only = |option: &str| options.keys().all(|name| name == option);
        match self {
            Self::SecureCookies => only("secure-cookies"),
            Self::ProfileSecurityPolicy => only("security-policy"),
            Self::PasswordDatabase => only("enable-password-db"),
            Self::DefaultImages => options.keys().all(|name| names_images(name)),
            Self::DeclaredOptions => options.keys().all(|name| holds_no_secret(name)),
            _ => false,
        }
    }
}

/// The namespace is the cluster's own; no remedy edits anything in it.
fn is_system(namespace: &str) -> bool {
    matches!(namespace, "" | "default" | "istio-system") || namespace.starts_with("kube-")
}

/// The object is of this kind and its API group, and has a name.
fn is_named(object: &ObjectRef, kind: &str) -> bool {
    let group = |version: &str| version.split_once('/').map(|(group, _)| group.to_owned());
    let known = edited_kind(kind).map(|(version, _)| group(version));
    object.kind == kind && known == Some(group(&object.api_version)) && !object.name.is_empty()
}

/// The removal is of an object of this kind, and its manifest is that same object.
fn is_removal_of(removal: &Removal, kind: &str) -> bool {
    let object = &removal.object;
    is_named(object, kind)
        && !is_system(&object.namespace)
        && removal.manifest.as_ref().is_none_or(|manifest| {
            let meta = &manifest["metadata"];
            edited_kind(kind).is_some_and(|(version, _)| manifest["apiVersion"] == version)
                && manifest["kind"] == kind
                && meta["name"] == *object.name
                && meta["namespace"] == *object.namespace
        })
}

/// The Secret is a service account token that Kubernetes fills in, without data of its own.
fn is_token(manifest: &Value) -> bool {
    manifest["type"] == "kubernetes.io/service-account-token"
        && manifest.get("data").is_none()
        && manifest.get("stringData").is_none()
}

fn is_level(name: &str, label: &Label) -> bool {
    let is_mode = name.strip_prefix(POD_SECURITY).is_some_and(|mode| MODES.contains(&mode));
    let values = [&label.before, &label.after];
    is_mode && values.into_iter().flatten().all(|level| LEVELS.contains(&level.as_str()))
}

/// The endpoints integrate an application with a telemetry agent, in either order.
fn is_observation(endpoints: &[String; 2]) -> bool {
    let [one, other] = endpoints;
    let split = |text: &'_ str| {
        let (application, endpoint) = text.split_once(':')?;
        is_juju_name(application).then(|| endpoint.to_owned())
    };
    let (Some(one), Some(other)) = (split(one), split(other)) else {
        return false;
    };
    OBSERVED.iter().any(|(own, of_agent)| {
        let is_pair = |own_side: &str, agent: &str| own_side == *own && of_agent.contains(&agent);
        is_pair(&one, &other) || is_pair(&other, &one)
    })
}

/// The name is valid for an application: lower case letters, digits and hyphens.
fn is_juju_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLATFORM: &str = "kubeflow";

    fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef::new(api_version, kind, namespace, name)
    }

    fn removal(object: ObjectRef, manifest: Option<Value>) -> Edit {
        ClusterEdit::Removal(Removal { object, why: String::new(), manifest }).into()
    }

    fn settings(application: &str, option: &str) -> Edit {
        let setting = Setting { before: None, after: Some("true".into()) };
        let options = BTreeMap::from([(option.to_owned(), setting)]);
        let application = application.into();
        JujuEdit::Settings { application, options, unrecorded: BTreeMap::new() }.into()
    }

    fn by(edit: &Edit) -> Vec<&'static str> {
        let all = Remedy::ALL.iter();
        let able = all.filter(|remedy| remedy.may_edit(edit, PLATFORM));
        able.map(|remedy| remedy.name()).collect()
    }

    const RBAC: &str = "rbac.authorization.k8s.io/v1";

    #[test]
    fn removal_outside_kind_or_namespace_of_its_remedy_is_refused() {
        let binding = || object(RBAC, "RoleBinding", "alice", "b");
        let manifest = |namespace: &str, kind: &str| {
            json!({"apiVersion": RBAC, "kind": kind,
                "metadata": {"name": "b", "namespace": namespace}})
        };
        assert_eq!(by(&removal(binding(), None)), ["foreign-role-bindings"]);
        let genuine = removal(binding(), Some(manifest("alice", "RoleBinding")));
        assert_eq!(by(&genuine), ["foreign-role-bindings"]);
        for (object, manifest) in [
            (binding(), manifest("kube-system", "RoleBinding")),
            (binding(), manifest("alice", "ClusterRoleBinding")),
            (binding(), json!({"kind": "Pod"})),
            (
                object(RBAC, "RoleBinding", "kube-system", "b"),
                manifest("kube-system", "RoleBinding"),
            ),
            (object(RBAC, "RoleBinding", "kubeflow", "b"), manifest("kubeflow", "RoleBinding")),
            (object(RBAC, "ClusterRoleBinding", "", "b"), manifest("", "ClusterRoleBinding")),
            (object("v1", "Namespace", "", "kube-system/pods/owned"), json!({"kind": "Pod"})),
            (
                object("evil.example/v1", "RoleBinding", "alice", "b"),
                manifest("alice", "RoleBinding"),
            ),
        ] {
            assert_eq!(by(&removal(object, Some(manifest))), [""; 0]);
        }
        let secret = |kind: &str, data: Option<&str>| {
            let mut manifest = json!({"apiVersion": "v1", "kind": "Secret", "type": kind,
                "metadata": {"name": "t", "namespace": "alice"}});
            if let Some(data) = data {
                manifest["data"] = json!({"token": data});
            }
            removal(object("v1", "Secret", "alice", "t"), Some(manifest))
        };
        let token = "kubernetes.io/service-account-token";
        assert_eq!(by(&secret(token, None)), ["service-account-tokens"]);
        assert_eq!(by(&secret(token, Some("eA=="))), [""; 0]);
        assert_eq!(by(&secret("Opaque", None)), [""; 0]);
    }

    #[test]
    fn label_that_is_not_pod_security_is_refused() {
        let labels = |namespace: &str, name: &str, before: Option<&str>| {
            let before = before.map(str::to_owned);
            let label = Label { before, after: Some("baseline".into()) };
            Edit::from(ClusterEdit::Labels {
                object: object("v1", "Namespace", "", namespace),
                labels: BTreeMap::from([(name.to_owned(), label)]),
            })
        };
        let warn = "pod-security.kubernetes.io/warn";
        assert_eq!(by(&labels("alice", warn, None)), ["pod-security-labels"]);
        assert_eq!(by(&labels("kubeflow", warn, Some("privileged"))), ["pod-security-labels"]);
        for refused in [
            labels("kube-system", warn, None),
            labels("alice", "istio-injection", None),
            labels("alice", "pod-security.kubernetes.io/other", None),
            labels("alice", warn, Some("none of them")),
        ] {
            assert_eq!(by(&refused), [""; 0], "{refused:?}");
        }
    }

    #[test]
    fn option_that_the_remedy_does_not_set_is_refused() {
        assert_eq!(
            by(&settings("jupyter-ui", "secure-cookies")),
            ["secure-cookies", "declared-options"]
        );
        assert_eq!(
            by(&settings("jupyter-ui", "jupyter-images")),
            ["declared-options", "default-images"]
        );
        for (application, option) in [
            ("dex-auth", "static-password"),
            ("dex-auth", "connectors"),
            ("minio", "secret-key"),
            ("a/../b", "secure-cookies"),
            ("", "secure-cookies"),
        ] {
            assert_eq!(by(&settings(application, option)), [""; 0], "{option}");
        }
        // The value was not recorded, so there is nothing to restore.
        let hidden = Edit::from(JujuEdit::Settings {
            application: "dex-auth".into(),
            options: BTreeMap::new(),
            unrecorded: BTreeMap::from([("connectors".into(), None)]),
        });
        assert_eq!(by(&hidden), ["declared-options"]);
    }

    #[test]
    fn relation_without_a_telemetry_agent_is_refused() {
        let relation = |one: &str, other: &str| {
            Edit::from(JujuEdit::Relation { endpoints: [one.into(), other.into()] })
        };
        for (one, other) in [
            ("minio:metrics-endpoint", "grafana-agent-k8s:metrics-endpoint"),
            ("minio:grafana-dashboard", "agent:grafana-dashboards-consumer"),
            ("kfp-api:logging", "agent:logging-provider"),
            ("otel:receive-loki-logs", "kfp-api:logging"),
        ] {
            assert_eq!(by(&relation(one, other)), ["cos-relations"]);
        }
        for (one, other) in [
            ("istio-pilot:ingress-auth", "oidc-gatekeeper:ingress-auth"),
            ("minio:logging", "istio-pilot:ingress-auth"),
            ("minio", "agent:logging-provider"),
        ] {
            assert_eq!(by(&relation(one, other)), [""; 0]);
        }
    }

    #[test]
    fn object_under_a_name_that_no_remedy_creates_is_refused() {
        let makers = |kind: ManagedKind, namespace: &str, name: &str| {
            let all = Remedy::ALL.iter();
            let able = all.filter(|remedy| remedy.makes(kind, namespace, name, PLATFORM));
            able.map(|remedy| remedy.name()).collect::<Vec<_>>()
        };
        assert_eq!(makers(ENVOY_FILTER, PLATFORM, "ckf-hardening-tls-floor"), ["tls-floor"]);
        assert_eq!(
            makers(NETWORK_POLICY, "alice", "ckf-hardening-profile"),
            ["profile-network-policies"]
        );
        assert_eq!(
            makers(NETWORK_POLICY, PLATFORM, "ckf-hardening-jupyter-ui"),
            ["platform-network-policies"]
        );
        for name in ["ckf-hardening-jupyter-ui", "ckf-hardening-jupyter-ui-waypoint"] {
            let made = makers(AUTHORIZATION_POLICY, PLATFORM, name);
            assert_eq!(made, ["platform-network-policies"]);
        }
        for (kind, namespace, name) in [
            (AUTHORIZATION_POLICY, PLATFORM, "ckf-hardening-minio"),
            (AUTHORIZATION_POLICY, "alice", "ckf-hardening-jupyter-ui"),
            (ENVOY_FILTER, "alice", "ckf-hardening-tls-floor"),
            (ENVOY_FILTER, PLATFORM, "mine"),
            (NETWORK_POLICY, "alice", "mine"),
            (NETWORK_POLICY, PLATFORM, "ckf-hardening-profile"),
            (PEER_AUTHENTICATION, PLATFORM, "ckf-hardening-mutual-tls"),
            (AUTHORIZATION_POLICY, PLATFORM, "ckf-hardening-users"),
            (AUTHORIZATION_POLICY, "alice", "ns-owner-access-istio"),
        ] {
            assert_eq!(makers(kind, namespace, name), [""; 0], "{namespace}/{name}");
        }
    }
}
