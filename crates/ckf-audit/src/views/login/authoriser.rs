//! The authoriser that login asks, followed by its Service to its pods: it must be
//! oidc-gatekeeper's.

use std::collections::BTreeSet;

use crate::facts::core::{Pod, PortRef, Service};
use crate::facts::istio::{ExtAuthz, PatchContent};
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::{Context, MissingFact};

/// Name of the application, its pods' label and its Service.
pub const GATEKEEPER: &str = "oidc-gatekeeper";
/// Port at which it answers.
pub const GATEKEEPER_PORT: u16 = 8080;
const APPLICATION: &str = "app.kubernetes.io/name";

/// Where the way to the authoriser is not that to oidc-gatekeeper.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// The object; the filter that asks if `None`.
    pub object: Option<ObjectRef>,
    /// The field.
    pub field: String,
    /// Value in the configuration.
    pub seen: String,
    /// Expected value.
    pub wanted: String,
    /// Whether another than oidc-gatekeeper answers, or may.
    pub is_elsewhere: bool,
}

/// Host of oidc-gatekeeper's Service.
pub fn gatekeeper_host(namespace: &str) -> String {
    format!("{GATEKEEPER}.{namespace}.svc.cluster.local")
}

/// Whether an Envoy cluster, in Istio's form `direction|port|subset|host`, is the gatekeeper's; a
/// name of another form is one that a filter defined.
fn leads_to(cluster: &str, host: &str) -> bool {
    let parts: Vec<&str> = cluster.split('|').collect();
    parts.len() == 4
        && parts[0] == "outbound"
        && parts[1] == GATEKEEPER_PORT.to_string()
        && parts[3] == host
}

impl Deviation {
    fn at(object: Option<ObjectRef>, field: &str, seen: &str, wanted: &str) -> Self {
        let (field, seen, wanted) = (field.into(), seen.into(), wanted.into());
        Self { object, field, seen, wanted, is_elsewhere: true }
    }

    /// What of a filter's request does not go to oidc-gatekeeper.
    pub fn of_filter(namespace: &str, login: &ExtAuthz, content: &PatchContent) -> Option<Self> {
        let host = gatekeeper_host(namespace);
        let uri = login.uri.as_str();
        let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        if authority != format!("{host}:{GATEKEEPER_PORT}") {
            let wanted = format!("http://{host}:{GATEKEEPER_PORT}");
            return Some(Self::at(None, "http_service.server_uri.uri", uri, &wanted));
        }
        let cluster = login.cluster.as_deref().unwrap_or_default();
        if !cluster.is_empty() && !leads_to(cluster, &host) {
            let wanted = format!("outbound|{GATEKEEPER_PORT}||{host}");
            return Some(Self::at(None, "http_service.server_uri.cluster", cluster, &wanted));
        }
        let prefix = content.value.get("typed_config.http_service.path_prefix");
        let prefix = prefix.filter(|prefix| !prefix.is_empty());
        prefix.map(|prefix| Self::at(None, "http_service.path_prefix", prefix, "no such field"))
    }

    /// Where the Service of oidc-gatekeeper does not lead to oidc-gatekeeper.
    pub fn of_service(context: &Context<'_>) -> Result<Vec<Self>, MissingFact> {
        let namespace = context.namespace();
        let object = ObjectRef::new("v1", "Service", namespace, GATEKEEPER);
        let mut services = context.services()?.iter();
        let service =
            services.find(|s| s.metadata.namespace == namespace && s.metadata.name == GATEKEEPER);
        let Some(service) = service else {
            let wanted = "the Service of oidc-gatekeeper";
            let missing = Self::at(Some(object), "metadata.name", "missing", wanted);
            // Without it the gateway refuses every request.
            return Ok(vec![Self { is_elsewhere: false, ..missing }]);
        };
        let mut found = of_host(context)?;
        let mut add = |field: &str, seen: &str, wanted: &str| {
            found.push(Self::at(Some(object.clone()), field, seen, wanted));
        };
        if service.spec.kind == "ExternalName" {
            add("spec.type", "ExternalName", "ClusterIP");
            return Ok(found);
        }
        if service.spec.selector.is_empty() {
            let seen = "none, so the author of its endpoints chooses who answers";
            add("spec.selector", seen, "the labels of oidc-gatekeeper's pods");
            return Ok(found);
        }
        let selected: Vec<&Pod> = context
            .pods()?
            .iter()
            .filter(|p| service.selects(&p.metadata.namespace, &p.metadata.labels))
            .filter(|p| !p.is_finished())
            .collect();
        let others = selected.iter().filter(|pod| !is_gatekeeper(pod));
        let others: BTreeSet<&str> = others.map(|pod| pod.metadata.name.as_str()).collect();
        if let Some(first) = others.first() {
            let more = if others.len() > 1 { " and others" } else { "" };
            add(
                "spec.selector",
                &format!("takes pod {first}{more}"),
                "oidc-gatekeeper's pods only",
            );
        }
        if let Some(port) = other_port(service) {
            add("spec.ports.targetPort", &port, "8080, at which oidc-gatekeeper answers");
        }
        if !selected.iter().any(|pod| pod.is_ready()) {
            let wanted = "a ready pod of oidc-gatekeeper";
            let unready = Self::at(Some(object), "spec.selector", "no ready pod", wanted);
            found.push(Self { is_elsewhere: false, ..unready });
        }
        Ok(found)
    }
}

/// Whether a pod is of Juju's application: by its label and by the StatefulSet that Juju makes.
fn is_gatekeeper(pod: &Pod) -> bool {
    let mut owners = pod.metadata.owner_references.iter();
    pod.metadata.label(APPLICATION) == Some(GATEKEEPER)
        && owners.any(|owner| owner.kind == "StatefulSet" && owner.name == GATEKEEPER)
}

/// Where the Service's port leads, if that is not where oidc-gatekeeper answers.
fn other_port(service: &Service) -> Option<String> {
    let Some(port) = service.spec.ports.iter().find(|p| p.port == GATEKEEPER_PORT) else {
        return Some(format!("no port {GATEKEEPER_PORT}"));
    };
    match &port.target_port {
        None => None,
        Some(PortRef::Number(number)) if *number == GATEKEEPER_PORT => None,
        Some(PortRef::Number(number)) => Some(number.to_string()),
        Some(PortRef::Name(name)) => Some(name.to_string()),
    }
}

/// ServiceEntries that give the host of oidc-gatekeeper endpoints of their own.
fn of_host(context: &Context<'_>) -> Result<Vec<Deviation>, MissingFact> {
    let host = gatekeeper_host(context.namespace());
    let entries = context.service_entries()?.iter();
    let same = entries.filter(|entry| entry.spec.hosts.iter().any(|other| **other == *host));
    let wanted = "a host that no Service of the platform has";
    Ok(same
        .map(|entry| Deviation::at(Some(entry.reference()), "spec.hosts", &host, wanted))
        .collect())
}
