//! Faults of Kubernetes.

use super::{Fault, bind, fault, group, user};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("K8S-02", "too new", |c| c.version = "v1.99.0".into()).also(&["UPG-05"]),
    fault("K8S-03", "anonymous", |c| {
        bind(c, "ClusterRoleBinding", "", "open", ("ClusterRole", "view"), user("system:anonymous"))
    }),
    fault("K8S-03", "everybody who has not logged in", |c| {
        bind(
            c,
            "ClusterRoleBinding",
            "",
            "open",
            ("ClusterRole", "cluster-admin"),
            group("system:unauthenticated"),
        )
    }),
];
