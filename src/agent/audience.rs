//! Who may see what: the report says where the platform is weak, and so do metrics that name
//! controls and credentials.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;

use super::limits::is_of_this_pod;
use crate::facts::Facts;
use crate::facts::known::Known;

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// This pod, or who may forward its port: the charm, Pebble, or the user of a laptop.
    Pod,
    /// This pod, by a name that is not its own: a page of another site may have led there.
    Misled,
    /// A user behind the platform's login, by its gateway.
    LoggedIn,
    /// A pod of the platform's own model, or of another model of Juju: the scraper may be.
    Platform,
    /// Any other client, tenants above all.
    Other,
}

/// Ways that are related.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// To the report page.
    pub report: bool,
    /// To the metrics.
    pub metrics: bool,
}

/// What of the metrics is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metrics {
    /// All.
    All,
    /// Sums that name no weakness.
    Sums,
    /// None.
    None,
}

impl Caller {
    /// Whether it may see the report.
    pub fn sees_report(self, ways: Ways) -> bool {
        match self {
            Self::Pod => true,
            Self::LoggedIn => ways.report,
            Self::Misled | Self::Platform | Self::Other => false,
        }
    }

    /// Metrics that it may see.
    pub fn sees_metrics(self, ways: Ways) -> Metrics {
        match self {
            Self::Pod => Metrics::All,
            Self::Platform if ways.metrics => Metrics::All,
            Self::LoggedIn | Self::Platform | Self::Other if ways.metrics => Metrics::Sums,
            _ => Metrics::None,
        }
    }
}

/// Whether the header `Host` names this pod itself, as who really wants it does. A name that
/// another DNS server leads here is not, and a request without one is of no browser's making
/// but may be of any pod.
pub fn is_own_host(host: Option<&str>) -> bool {
    let Some(host) = host else {
        return false;
    };
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if port.is_empty() || is_port(port) => address,
        Some(_) => return false,
        None => match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        },
    };
    let is_address = name.parse::<IpAddr>().is_ok_and(is_of_this_pod);
    is_address || name.eq_ignore_ascii_case("localhost")
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Which namespaces are the platform's, and which are not a tenant's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    platform: String,
    /// Models of Juju, the platform's among them.
    models: BTreeSet<String>,
}

impl Namespaces {
    /// By what is known of the cluster. A namespace that a profile names, or that bears marks of
    /// one, is a tenant's, whatever else it says.
    pub fn of(facts: &Facts) -> Self {
        let platform = facts.about.namespace.clone();
        let (Known::Known(namespaces), Known::Known(profiles)) =
            (&facts.namespaces, &facts.profiles)
        else {
            return Self { platform, models: BTreeSet::new() };
        };
        let of_profiles: BTreeSet<&str> =
            profiles.items.iter().map(|profile| profile.metadata.name.as_str()).collect();
        let is_model = |meta: &crate::facts::object::Meta| {
            let is_tenant = meta.annotations.owner.is_some()
                || meta.label("app.kubernetes.io/part-of") == Some("kubeflow-profile")
                || of_profiles.contains(meta.name.as_str());
            let is_of_juju = meta.label("model.juju.is/name").is_some()
                || meta.label("app.kubernetes.io/managed-by") == Some("juju");
            meta.name == platform || is_of_juju && !is_tenant
        };
        let metas = namespaces.items.iter().map(|namespace| &namespace.metadata);
        let models = metas.filter(|meta| is_model(meta));
        Self { models: models.map(|meta| meta.name.clone()).collect(), platform: platform.clone() }
    }

    /// Who a pod is. `is_logged_in` says that the request has what the gateway adds at login.
    pub fn caller(&self, pod: &Pod, is_logged_in: bool) -> Caller {
        let namespace = pod.metadata.namespace.as_str();
        // Whatever runs on a node has its address.
        if pod.spec.host_network || !self.models.contains(namespace) {
            return Caller::Other;
        }
        match (namespace == self.platform && pod.is_gateway(), is_logged_in) {
            (true, true) => Caller::LoggedIn,
            // Anyone may be behind it.
            (true, false) => Caller::Other,
            (false, _) => Caller::Platform,
        }
    }
}

/// Fields of a pod that identify it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pod {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    namespace: String,
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    host_network: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
}

impl Pod {
    /// Whether its address may be another pod's by now.
    pub fn is_finished(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    fn is_gateway(&self) -> bool {
        let labels = &self.metadata.labels;
        labels.get("istio").is_some_and(|value| value == "ingressgateway")
            || labels.contains_key("gateway.networking.k8s.io/gateway-name")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::known::Listed;

    const BOTH: Ways = Ways { report: true, metrics: true };

    #[test]
    fn report_without_relation_is_for_this_pod_only() {
        let none = Ways::default();
        for caller in [Caller::LoggedIn, Caller::Platform, Caller::Other, Caller::Misled] {
            assert!(!caller.sees_report(none), "{caller:?}");
            assert_eq!(caller.sees_metrics(none), Metrics::None, "{caller:?}");
        }
        assert!(Caller::Pod.sees_report(none));
        assert_eq!(Caller::Pod.sees_metrics(none), Metrics::All);
    }

    #[test]
    fn report_with_all_relations_needs_login_and_detailed_metrics_need_a_juju_model() {
        for (caller, report, metrics) in [
            (Caller::Pod, true, Metrics::All),
            (Caller::Misled, false, Metrics::None),
            (Caller::LoggedIn, true, Metrics::Sums),
            (Caller::Platform, false, Metrics::All),
            (Caller::Other, false, Metrics::Sums),
        ] {
            assert_eq!(caller.sees_report(BOTH), report, "{caller:?}");
            assert_eq!(caller.sees_metrics(BOTH), metrics, "{caller:?}");
        }
    }

    #[test]
    fn host_header_is_accepted_for_loopback_names_only() {
        for (host, is) in [
            (Some("127.0.0.1:8090"), true),
            (Some("localhost"), true),
            (Some("LOCALHOST:1"), true),
            (Some("[::1]:8090"), true),
            (Some("[::1]"), true),
            (Some("evil.example"), false),
            (Some("evil.example:8090"), false),
            (Some("localhost.evil.example"), false),
            (Some("127.0.0.1.evil.example"), false),
            (Some("localhost:80@evil"), false),
            (Some("127.0.0.6:8090"), false),
            (Some("[::1]evil"), false),
            (Some("10.1.2.3:8090"), false),
            (Some(""), false),
            (None, false),
        ] {
            assert_eq!(is_own_host(host), is, "{host:?}");
        }
    }

    #[test]
    fn caller_is_identified_by_its_namespace_and_gateway_by_the_platforms() {
        let mut facts = Facts::default();
        let namespace = |name: &str, labels: serde_json::Value, owner: Option<&str>| {
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels,
                "annotations": owner.map(|owner| json!({"owner": owner})).unwrap_or(json!({}))}}))
            .unwrap()
        };
        let of_juju = json!({"app.kubernetes.io/managed-by": "juju", "model.juju.is/name": "m"});
        facts.namespaces = Known::Known(Listed {
            items: vec![
                namespace("kubeflow", json!({}), None),
                namespace("cos", of_juju.clone(), None),
                namespace("plain", json!({}), None),
                namespace("marked", of_juju.clone(), Some("mallory")),
                namespace("named", of_juju.clone(), None),
                namespace(
                    "parted",
                    json!({"model.juju.is/name": "m",
                    "app.kubernetes.io/part-of": "kubeflow-profile"}),
                    None,
                ),
            ],
            ..Listed::default()
        });
        let profile = serde_json::from_value(json!({"metadata": {"name": "named"}})).unwrap();
        facts.profiles = Known::Known(Listed { items: vec![profile], ..Listed::default() });
        let namespaces = Namespaces::of(&facts);
        let pod = |namespace: &str, more: serde_json::Value| -> Pod {
            let mut pod = json!({"metadata": {"namespace": namespace,
                "labels": {"istio": "ingressgateway"}}});
            pod.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(pod).unwrap()
        };
        let caller = |namespace: &str, login| namespaces.caller(&pod(namespace, json!({})), login);
        assert_eq!(caller("kubeflow", true), Caller::LoggedIn);
        assert_eq!(caller("kubeflow", false), Caller::Other);
        assert_eq!(caller("cos", true), Caller::Platform, "it is no gateway of the platform");
        for tenant in ["plain", "marked", "named", "parted", "unknown"] {
            assert_eq!(caller(tenant, true), Caller::Other, "{tenant}");
        }
        let of_node = pod("kubeflow", json!({"spec": {"hostNetwork": true}}));
        assert_eq!(namespaces.caller(&of_node, true), Caller::Other);
        let mut plain = pod("kubeflow", json!({}));
        plain.metadata.labels.clear();
        assert_eq!(namespaces.caller(&plain, true), Caller::Platform);
        // While profiles are unknown, no pod is trusted.
        facts.profiles = Known::default();
        let unknown = Namespaces::of(&facts);
        assert_eq!(unknown.caller(&pod("cos", json!({})), true), Caller::Other);
    }
}
