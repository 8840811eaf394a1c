//! Least-privilege permissions on the Kubernetes API by use of the program, each with a reason:
//! `ckf-hardening permissions` prints them as an alternative to `juju trust`. Pure.
//!
//! Read permissions derive from the table of kinds that the audit reads, so no kind can be missing;
//! each remedy has its own match arm, which the compiler enforces.

pub mod controller;
mod manifest;
mod permission;

pub use self::manifest::{Subject, manifest};
pub use self::permission::{Permission, Reach};

use std::collections::BTreeSet;

use crate::facts::core::CONFIG_MAPS;
use crate::facts::kubernetes::kinds;
use crate::remedies::Remedy;

/// Uses of the program that need permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Whether to watch, as the agent does, in addition to listing.
    pub watch: bool,
    /// Remedies to apply, enforce and revert.
    pub remedies: BTreeSet<Remedy>,
    /// Whether to rotate MinIO's key, which restarts pods that use the old one.
    pub rotate_minio: bool,
    /// Whether to write the report to the cluster (`audit --publish`).
    pub publish: bool,
}

/// Permissions for these uses, on a platform in this namespace.
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
            "restart the artifact servers that still use MinIO's old key",
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

/// Permissions of an audit and, with `watch`, of the agent.
fn reading(watch: bool) -> Vec<Permission> {
    let verbs: &[&str] = match watch {
        true => &["list", "watch"],
        false => &["list"],
    };
    let mut needed: Vec<Permission> = kinds()
        .into_iter()
        // ConfigMaps are read in the platform's namespace only.
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
            "read the mesh's configuration, the images that Katib and KServe start, and what \
             kube-bench printed",
        )
        .named(CONFIG_MAPS.iter().map(ToString::to_string)),
    );
    needed.push(Permission::new(
        Reach::Platform,
        "",
        "configmaps",
        verbs,
        "look for private keys in the platform's ConfigMaps",
    ));
    needed.push(Permission::new(
        Reach::Cluster,
        "authorization.k8s.io",
        "subjectaccessreviews",
        &["create"],
        "review the permissions of Juju's cloud credential",
    ));
    needed
}

/// Reason for reading a kind.
fn reads(resource: &str) -> String {
    match resource {
        "secrets" => "read types and certificates of Secrets; private keys are not retained. \
                      Without it, controls on certificates and tokens are not assessed"
            .into(),
        other => format!("audit {other}"),
    }
}

const MANAGE: &[&str] = &["get", "list", "create", "patch", "delete"];

/// Permissions of enforcing and reverting.
fn enforcing(remedies: &BTreeSet<Remedy>, namespace: &str) -> Vec<Permission> {
    let mut needed = vec![
        Permission::new(
            Reach::System,
            "",
            "secrets",
            &["get", "patch", "delete"],
            "store the key that signs records, and the name of the enforcing application; \
             the Secret may be created in advance, empty",
        )
        .named([format!("ckf-hardening-{namespace}")]),
        enforcing_application("statefulsets"),
        enforcing_application("deployments"),
        Permission::new(
            Reach::Cluster,
            "networking.k8s.io",
            "networkpolicies",
            &["list"],
            "find objects that were applied before",
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
            MANAGE,
            "record the state before each edit, for undo",
        ));
    }
    needed
}

fn enforcing_application(workloads: &'static str) -> Permission {
    let reason = "check whether another enforcing application still exists";
    Permission::new(Reach::Platform, "apps", workloads, &["get"], reason)
}

/// Whether a remedy edits objects of others, and therefore records their state.
fn edits(remedy: Remedy) -> bool {
    !matches!(
        remedy,
        Remedy::TlsFloor
            | Remedy::HttpsRedirect
            | Remedy::Hsts
            | Remedy::ProfileNetworkPolicies
            | Remedy::MetadataEgress
            | Remedy::PlatformNetworkPolicies
            | Remedy::MutualTls
            | Remedy::ProfileUsers
    )
}

fn of_remedy(remedy: Remedy) -> Vec<Permission> {
    let managed = |reach, group, resource| {
        let reason = format!("enforce {}", remedy.name());
        Permission::new(reach, group, resource, MANAGE, reason)
    };
    let edit = |group, resource, verbs| {
        let reason = format!("apply and undo {}", remedy.name());
        Permission::new(Reach::Cluster, group, resource, verbs, reason)
    };
    const DELETE_AND_RESTORE: &[&str] = &["get", "create", "delete"];
    match remedy {
        Remedy::TlsFloor | Remedy::Hsts => {
            vec![managed(Reach::Platform, "networking.istio.io", "envoyfilters")]
        }
        Remedy::HttpsRedirect => vec![managed(Reach::Platform, "networking.istio.io", "gateways")],
        Remedy::ProfileNetworkPolicies | Remedy::MetadataEgress => {
            vec![managed(Reach::Cluster, "networking.k8s.io", "networkpolicies")]
        }
        Remedy::PlatformNetworkPolicies => {
            vec![managed(Reach::Platform, "networking.k8s.io", "networkpolicies")]
        }
        Remedy::MutualTls => {
            vec![managed(Reach::Cluster, "security.istio.io", "peerauthentications")]
        }
        Remedy::ProfileUsers => {
            vec![managed(Reach::Cluster, "security.istio.io", "authorizationpolicies")]
        }
        Remedy::PodSecurityLabels => vec![edit("", "namespaces", &["get", "patch"])],
        Remedy::ServiceAccountTokens => vec![edit("", "secrets", DELETE_AND_RESTORE)],
        Remedy::ForeignRoleBindings => vec![
            edit("rbac.authorization.k8s.io", "rolebindings", DELETE_AND_RESTORE),
            // Creating a binding requires the bound permissions, or `bind`.
            edit("rbac.authorization.k8s.io", "roles", &["bind"]),
            edit("rbac.authorization.k8s.io", "clusterroles", &["bind"]),
        ],
        Remedy::WildcardPolicies => {
            vec![edit("security.istio.io", "authorizationpolicies", DELETE_AND_RESTORE)]
        }
        // Applied through Juju's API, with the login of the option juju-credentials.
        Remedy::SecureCookies
        | Remedy::ProfileSecurityPolicy
        | Remedy::PasswordDatabase
        | Remedy::DeclaredOptions
        | Remedy::DefaultImages
        | Remedy::CosRelations
        | Remedy::ControllerAuditLog
        | Remedy::DisabledCommands
        | Remedy::ModelConfiguration => Vec::new(),
    }
}
