//! Roles and bindings as manifests, with a comment per permission.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::permission::{Permission, Reach};

/// Service account that gets the permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Namespace of the service account.
    pub namespace: String,
    /// Name of the service account.
    pub name: String,
}

/// Namespace of the Secret with the key that signs records.
const SYSTEM: &str = "kube-system";
/// Name of the roles and bindings.
const NAME: &str = "ckf-hardening";

/// A ClusterRole, Roles, and their bindings to a service account, for `kubectl apply -f`.
pub fn manifest(needed: &[Permission], platform: &str, subject: &Subject) -> String {
    let mut by_reach: BTreeMap<&Reach, Vec<&Permission>> = BTreeMap::new();
    for permission in needed {
        by_reach.entry(&permission.reach).or_default().push(permission);
    }
    let mut text = String::new();
    for (reach, permissions) in by_reach {
        let (kind, namespace) = match reach {
            Reach::Cluster => ("ClusterRole", None),
            Reach::Platform => ("Role", Some(platform)),
            Reach::System => ("Role", Some(SYSTEM)),
        };
        let name = format!("{NAME}-{platform}");
        text.push_str(&role(kind, &name, namespace, &permissions));
        text.push_str(&binding(kind, &name, namespace, subject));
        if *reach == Reach::System {
            text.push_str(&secret(&name));
        }
    }
    text
}

fn head(kind: &str, name: &str, namespace: Option<&str>) -> String {
    let mut text = format!(
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\n"
    );
    if let Some(namespace) = namespace {
        let _ = writeln!(text, "  namespace: {namespace}");
    }
    text
}

fn role(kind: &str, name: &str, namespace: Option<&str>, permissions: &[&Permission]) -> String {
    let mut text = head(kind, name, namespace);
    text.push_str("rules:\n");
    for permission in permissions {
        let _ = writeln!(text, "  # {}", permission.reason);
        let _ = writeln!(text, "  - apiGroups: [{:?}]", permission.group);
        let _ = writeln!(text, "    resources: [{}]", permission.resource);
        if !permission.names.is_empty() {
            let _ = writeln!(text, "    resourceNames: [{}]", permission.names.join(", "));
        }
        let _ = writeln!(text, "    verbs: [{}]", permission.verbs.join(", "));
    }
    text
}

fn binding(kind: &str, name: &str, namespace: Option<&str>, subject: &Subject) -> String {
    let mut text = head(&format!("{kind}Binding"), name, namespace);
    let _ = write!(
        text,
        "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {kind}\n  name: {name}\n\
         subjects:\n  - kind: ServiceAccount\n    name: {}\n    namespace: {}\n",
        subject.name, subject.namespace
    );
    text
}

/// An empty Secret for the program to fill, so that it need not be allowed to create Secrets in
/// `kube-system`.
fn secret(name: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {SYSTEM}\n\
         type: Opaque\n"
    )
}
