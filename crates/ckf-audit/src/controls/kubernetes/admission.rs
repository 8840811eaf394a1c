//! Who the API server calls: the servers of webhooks, and those that answer for API groups.

use std::collections::BTreeSet;

use crate::controls::check::Check;
use crate::facts::core::ServiceRef;
use crate::facts::extensions::{Extension, Purpose};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("K8S-20", called_servers_stay_in_the_cluster)];

/// API groups for which Kubernetes answers itself; the core group has no name.
const OF_KUBERNETES: [&str; 6] = ["", "apps", "autoscaling", "batch", "extensions", "policy"];
/// The same, of those that end with `.k8s.io`, which others may use too.
const OF_KUBERNETES_K8S_IO: [&str; 18] = [
    "admissionregistration",
    "apiextensions",
    "apiregistration",
    "authentication",
    "authorization",
    "certificates",
    "coordination",
    "discovery",
    "events",
    "flowcontrol.apiserver",
    "internal.apiserver",
    "networking",
    "node",
    "rbac.authorization",
    "resource",
    "scheduling",
    "storage",
    "storagemigration",
];
/// API groups of the platform's kinds, with those below them.
const OF_PLATFORM: [&str; 4] = ["kubeflow.org", "kserve.io", "knative.dev", "istio.io"];

fn is_of_platform(group: &str) -> bool {
    OF_PLATFORM.iter().any(|own| {
        group.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Whether the API server answers for a group itself, by its own kinds or by definitions.
fn is_answered(context: &Context<'_>, group: &str) -> Result<bool, MissingFact> {
    let is_of_k8s_io =
        group.strip_suffix(".k8s.io").is_some_and(|name| OF_KUBERNETES_K8S_IO.contains(&name));
    let is_own = OF_KUBERNETES.contains(&group) || is_of_k8s_io || is_of_platform(group);
    Ok(is_own || context.crds()?.iter().any(|definition| *definition.spec.group == *group))
}

/// Where a server should be.
const WANTED: &str = "a Service of the platform or of the cluster's operators";

/// What is wrong with the place of a Service, and what is wanted.
fn fault_of_service(
    context: &Context<'_>,
    extension: &Extension<'_>,
    service: &ServiceRef,
    known: &BTreeSet<(&str, &str)>,
) -> Result<Option<(String, &'static str)>, MissingFact> {
    let is_in_place = match extension.purpose {
        Purpose::Group(group) => is_answered(context, group)?,
        Purpose::Admission(_) | Purpose::Conversion(_) => false,
    };
    let wanted = if is_in_place { "none: the API server itself" } else { WANTED };
    let (namespace, name) = (&*service.namespace, &*service.name);
    if context.profile_namespaces()?.contains(namespace) {
        return Ok(Some((format!("{namespace}/{name}, of a profile"), wanted)));
    }
    if !known.contains(&(namespace, name)) {
        return Ok(Some((format!("{namespace}/{name}, which is not there"), wanted)));
    }
    let seen = match extension.purpose {
        // Who ships a kind of the platform runs beside it.
        Purpose::Conversion(group)
            if is_of_platform(group) && !context.platform_namespaces().contains(&namespace) =>
        {
            Some(format!("{namespace}/{name}, which is not the platform's"))
        }
        _ if is_in_place => Some(format!("{namespace}/{name}, in place of the API server")),
        _ => None,
    };
    Ok(seen.map(|seen| (seen, wanted)))
}

/// K8S-20: The API server calls Services of the cluster's operators only
fn called_servers_stay_in_the_cluster(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let all = context.extensions()?;
    if all.is_empty() {
        return Ok(Outcome::NotApplicable("the API server calls no other server".into()));
    }
    let services = context.services()?.iter();
    let services: BTreeSet<(&str, &str)> =
        services.map(|of| (&*of.metadata.namespace, of.metadata.name.as_str())).collect();
    let mut findings = Vec::new();
    for extension in &all {
        let (field, seen, wanted) = match (extension.service, extension.url) {
            (Some(service), _) => match fault_of_service(context, extension, service, &services)? {
                Some((seen, wanted)) => ("service", seen, wanted),
                None => continue,
            },
            (None, Some(url)) if !is_of_server(url) => ("url", url.to_owned(), WANTED),
            _ => continue,
        };
        let field = format!("{}{field}", extension.field);
        findings.push(finding(extension.object.clone(), &field, seen, wanted));
    }
    Ok(outcome(findings, format!("{} in the cluster", count(all.len(), "server"))))
}

/// Whether a URL is of the API server's own host, where managed clusters run webhooks.
fn is_of_server(url: &str) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
