//! The rights on the Kubernetes API that each use of the program needs, no more, each with its
//! reason: what `ckf-hardening permissions` prints in place of `juju trust`. Pure.
//!
//! What is read comes from the table of kinds by which the audit reads, so a kind cannot be
//! read without being listed here; each remedy has a row of its own, which the compiler asks for.

mod manifest;

pub use self::manifest::{Subject, manifest};

use std::collections::BTreeSet;

use crate::facts::kubernetes::{CONFIG_MAPS, kinds};
use crate::remedies::Remedy;

/// What the program is to be allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Watches, as the agent does, beside lists.
    pub watch: bool,
    /// Remedies that are applied, enforced and reverted.
    pub remedies: BTreeSet<Remedy>,
    /// Whether MinIO's key is rotated, which restarts pods that hold the old one.
    pub rotate_minio: bool,
    /// Whether the report is written into the cluster (`audit --publish`).
    pub publish: bool,
}

/// Where a right holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// In the whole cluster: a ClusterRole.
    Cluster,
    /// In the platform's namespace: a Role.
    Platform,
    /// In `kube-system`: a Role.
    System,
}

/// A right, and why it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Where.
    pub reach: Reach,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resource, in the plural, with its subresource.
    pub resource: &'static str,
    /// Names of objects; empty for any.
    pub names: Vec<String>,
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// What the program does with it.
    pub reason: String,
}

impl Permission {
    fn new(
        reach: Reach,
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
        reason: impl Into<String>,
    ) -> Self {
        Self { reach, group, resource, names: Vec::new(), verbs, reason: reason.into() }
    }

    fn named(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.names = names.into_iter().collect();
        self
    }
}

/// The rights that these uses need, on a platform in that namespace.
pub fn needed(uses: &Uses, namespace: &str) -> Vec<Permission> {
    let mut needed = reading(uses.watch);
    if !uses.remedies.is_empty() {
        needed.extend(enforcing(&uses.remedies, namespace));
    }
    if uses.rotate_minio {
        needed.push(Permission::new(
            Reach::Cluster,
            "",
            "pods/eviction",
            &["create"],
            "restart the artifact servers that still hold MinIO's old key",
        ));
    }
    if uses.publish {
        for (group, resource) in
            [("openreports.io", "reports"), ("wgpolicyk8s.io", "policyreports")]
        {
            let verbs = &["create", "patch"];
            let reason = "write the report with audit --publish";
            needed.push(Permission::new(Reach::Platform, group, resource, verbs, reason));
        }
    }
    needed
}

/// What an audit reads, and what the agent watches.
fn reading(watch: bool) -> Vec<Permission> {
    let verbs: &[&str] = match watch {
        true => &["list", "watch"],
        false => &["list"],
    };
    let mut needed: Vec<Permission> = kinds()
        .into_iter()
        // ConfigMaps are read by name only.
        .filter(|(_, resource)| *resource != "configmaps")
        .map(|(group, resource)| {
            Permission::new(Reach::Cluster, group, resource, verbs, reads(resource))
        })
        .collect();
    needed.push(
        Permission::new(
            Reach::Platform,
            "",
            "configmaps",
            &["get"],
            "read the mesh's configuration and the images that Katib and KServe start",
        )
        .named(CONFIG_MAPS.iter().map(ToString::to_string)),
    );
    needed.push(Permission::new(
        Reach::Cluster,
        "authorization.k8s.io",
        "subjectaccessreviews",
        &["create"],
        "ask what the account of Juju's cloud credential may do",
    ));
    needed
}

/// Why a kind is read, where that is not plain.
fn reads(resource: &str) -> String {
    match resource {
        "secrets" => "read the types of Secrets and the certificates in them: keys stay unread \
                      where that is possible; without it every control of certificates and \
                      tokens is not assessed"
            .into(),
        other => format!("audit {other}"),
    }
}

const OWN: &[&str] = &["get", "list", "create", "patch", "delete"];

/// What enforcing and reverting need.
fn enforcing(remedies: &BTreeSet<Remedy>, namespace: &str) -> Vec<Permission> {
    let mut needed = vec![
        Permission::new(
            Reach::System,
            "",
            "secrets",
            &["get", "patch", "delete"],
            "hold the key that signs records, and the name of the application that enforces; \
             the Secret may be made beforehand, empty",
        )
        .named([format!("ckf-hardening-{namespace}")]),
        still_there("statefulsets"),
        still_there("deployments"),
        Permission::new(
            Reach::Cluster,
            "networking.k8s.io",
            "networkpolicies",
            &["list"],
            "find what was applied before",
        ),
    ];
    for remedy in remedies {
        needed.extend(of_remedy(*remedy));
    }
    if remedies.iter().any(|remedy| edits(*remedy)) {
        needed.push(Permission::new(
            Reach::Platform,
            "",
            "configmaps",
            OWN,
            "keep a record of what was there before each edit, for undo",
        ));
    }
    needed
}

fn still_there(workloads: &'static str) -> Permission {
    let reason = "see whether another application that enforced here is still there";
    Permission::new(Reach::Platform, "apps", workloads, &["get"], reason)
}

/// Whether a remedy edits what others made, and so keeps records.
fn edits(remedy: Remedy) -> bool {
    !matches!(
        remedy,
        Remedy::TlsFloor
            | Remedy::HttpsRedirect
            | Remedy::Hsts
            | Remedy::ProfileNetworkPolicies
            | Remedy::PlatformNetworkPolicies
            | Remedy::MutualTls
    )
}

fn of_remedy(remedy: Remedy) -> Vec<Permission> {
    let own = |reach, group, resource| {
        let reason = format!("keep {} applied", remedy.name());
        Permission::new(reach, group, resource, OWN, reason)
    };
    let edit = |group, resource, verbs| {
        let reason = format!("apply and undo {}", remedy.name());
        Permission::new(Reach::Cluster, group, resource, verbs, reason)
    };
    const TAKEN: &[&str] = &["get", "create", "delete"];
    match remedy {
        Remedy::TlsFloor | Remedy::Hsts => {
            vec![own(Reach::Platform, "networking.istio.io", "envoyfilters")]
        }
        Remedy::HttpsRedirect => vec![own(Reach::Platform, "networking.istio.io", "gateways")],
        Remedy::ProfileNetworkPolicies => {
            vec![own(Reach::Cluster, "networking.k8s.io", "networkpolicies")]
        }
        Remedy::PlatformNetworkPolicies => {
            vec![own(Reach::Platform, "networking.k8s.io", "networkpolicies")]
        }
        Remedy::MutualTls => {
            vec![own(Reach::Cluster, "security.istio.io", "peerauthentications")]
        }
        Remedy::PodSecurityLabels => vec![edit("", "namespaces", &["get", "patch"])],
        Remedy::ServiceAccountTokens => vec![edit("", "secrets", TAKEN)],
        Remedy::ForeignRoleBindings => vec![
            edit("rbac.authorization.k8s.io", "rolebindings", TAKEN),
            // Kubernetes lets nobody make a binding to rights that they have not.
            edit("rbac.authorization.k8s.io", "roles", &["bind"]),
            edit("rbac.authorization.k8s.io", "clusterroles", &["bind"]),
        ],
        Remedy::WildcardPolicies => {
            vec![edit("security.istio.io", "authorizationpolicies", TAKEN)]
        }
        // Juju's API makes these changes, with the login of the option juju-credentials.
        Remedy::SecureCookies
        | Remedy::ProfileSecurityPolicy
        | Remedy::PasswordDatabase
        | Remedy::DeclaredOptions
        | Remedy::DefaultImages
        | Remedy::CosRelations => Vec::new(),
    }
}
