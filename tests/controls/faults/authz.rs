//! Faults in authorisation.

use ckf_worlds::{contributor, object, profile, release};
use serde_json::json;

use super::{Fault, RBAC, account, add, bind, fault, group, policy, set, user};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("AUTHZ-01", "no Namespace", |c| {
        c.world.remove("Namespace", "team-a");
    })
    .also(&["AUTHZ-12", "NET-08"]),
    fault("AUTHZ-01", "another owner", |c| {
        set(c, "Namespace", "team-a", "/metadata/annotations/owner", "eve@example.com".into())
    })
    .also(&["NET-08"]),
    fault("AUTHZ-02", "another admin", |c| {
        c.world.get("RoleBinding", "namespaceAdmin")["subjects"]
            .as_array_mut()
            .unwrap()
            .push(user("eve@example.com"))
    }),
    fault("AUTHZ-03", "default-editor is admin", |c| {
        bind(
            c,
            "RoleBinding",
            "team-a",
            "more",
            ("ClusterRole", "kubeflow-kubernetes-edit"),
            account("team-a", "default-editor"),
        )
    })
    .also(&["AUTHZ-06"]),
    fault("AUTHZ-04", "another user", |c| {
        set(
            c,
            "AuthorizationPolicy",
            "ns-owner-access-istio",
            "/spec/rules/0/when/0/values",
            json!(["ada@example.com", "eve@example.com"]),
        )
    }),
    fault("AUTHZ-04", "no policy", |c| {
        c.world.remove("AuthorizationPolicy", "ns-owner-access-istio");
    }),
    fault("AUTHZ-04", "another policy of the profile admits every user", |c| {
        c.world.remove("AuthorizationPolicy", "ckf-hardening-users");
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHZ-04", "a stranger is left out of the policy that denies others", |c| {
        set(
            c,
            "AuthorizationPolicy",
            "ckf-hardening-users",
            "/spec/rules/0/when/0/notValues",
            json!(["ada@example.com", "eve@example.com"]),
        )
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHZ-05", "a contributor whom another policy denies", |c| {
        c.world.objects.extend(contributor("team-a", "bob@example.com", "edit"))
    }),
    fault("AUTHZ-05", "a contributor without policy", |c| {
        bind(
            c,
            "RoleBinding",
            "team-a",
            "user-eve-example-com-clusterrole-edit",
            ("ClusterRole", "kubeflow-edit"),
            user("eve@example.com"),
        );
        c.world.objects.last_mut().unwrap()["metadata"]["annotations"] =
            json!({"user": "eve@example.com", "role": "edit"});
    }),
    fault("AUTHZ-06", "a stranger may edit", |c| {
        bind(
            c,
            "RoleBinding",
            "team-a",
            "back-door",
            ("ClusterRole", "edit"),
            user("eve@example.com"),
        )
    }),
    fault("AUTHZ-06", "a stranger may read secrets by an own role", |c| {
        add(
            c,
            object(
                RBAC,
                "Role",
                "team-a",
                "reader",
                json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}),
            ),
        );
        bind(c, "RoleBinding", "team-a", "reader", ("Role", "reader"), user("eve@example.com"));
    }),
    fault("AUTHZ-07", "an empty rule", |c| {
        add(c, policy("team-a", "all", json!({"action": "ALLOW", "rules": [{}]})))
    }),
    fault("AUTHZ-07", "any principal", |c| {
        add(
            c,
            policy(
                "team-a",
                "all",
                json!({"rules": [{"from": [{"source": {"principals": ["*"]}}]}]}),
            ),
        )
    }),
    fault("AUTHZ-07", "any user, from pods of any namespace", |c| {
        c.world.remove("NetworkPolicy", "default-deny");
    })
    .also(&["NET-01"]),
    fault("AUTHZ-08", "a role that adds to kubeflow-edit", |c| {
        add(
            c,
            object(
                RBAC,
                "ClusterRole",
                "",
                "extra",
                json!({
        "metadata": {"labels": {"rbac.authorization.kubeflow.org/aggregate-to-kubeflow-edit": "true"}},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
            ),
        )
    }),
    fault("AUTHZ-09", "a profile's account", |c| {
        bind(
            c,
            "ClusterRoleBinding",
            "",
            "tenant",
            ("ClusterRole", "kubeflow-kubernetes-edit"),
            account("team-a", "default-editor"),
        )
    }),
    fault("AUTHZ-09", "every service account", |c| {
        bind(
            c,
            "ClusterRoleBinding",
            "",
            "tenant",
            ("ClusterRole", "kubeflow-kubernetes-edit"),
            group("system:serviceaccounts"),
        )
    }),
    fault("AUTHZ-10", "a gateway that is gone", |c| {
        set(
            c,
            "AuthorizationPolicy",
            "ns-owner-access-istio",
            "/spec/rules/0/from/0/source/principals",
            json!(["cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"]),
        )
    }),
    fault("AUTHZ-11", "the administrator's profile", |c| {
        c.world.objects.extend(profile("admin", "admin", &release("1.11")))
    })
    .also(&["AUTHZ-04", "AUTHZ-07", "CRED-10", "NET-01", "NET-03", "PSS-01", "PSS-04"]),
    fault("AUTHZ-12", "a namespace that ends", |c| {
        set(c, "Namespace", "team-a", "/metadata/deletionTimestamp", "2026-01-01T00:00:00Z".into());
        set(c, "Namespace", "team-a", "/status", json!({"phase": "Terminating"}));
    }),
];
