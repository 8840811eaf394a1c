//! Faults in authorisation.

use ckf_worlds::{object, profile, release};
use serde_json::{Value, json};

use crate::case::Case;

use super::{Fault, RBAC, account, add, bind, fault, group, policy, set, user};

const USER: &str = "request.headers[kubeflow-userid]";

fn from_gateway() -> Value {
    let gateway = "cluster.local/ns/kubeflow/sa/istio-ingressgateway-workload-service-account";
    json!([{"source": {"principals": [gateway]}}])
}

/// Without the policy that admits any user, and the one that denies strangers for it.
fn bare(c: &mut Case) {
    let both = ["ns-owner-access-istio-charmed", "ckf-hardening-users"];
    c.world.objects.retain(|o| !both.iter().any(|name| o["metadata"]["name"] == *name));
}

/// A policy of a name that nothing knows, by which the gateway admits these users.
fn admit_by_header(c: &mut Case, namespace: &str, values: Value) {
    bare(c);
    let rule = json!({"from": from_gateway(), "when": [{"key": USER, "values": values}]});
    add(c, policy(namespace, "more", json!({"rules": [rule]})));
}

/// A policy with one rule.
fn open_to(c: &mut Case, rule: Value) {
    bare(c);
    add(c, policy("team-a", "open", json!({"rules": [rule]})));
}

/// The binding of a contributor of team-a, as its annotations tell it.
fn contributor(c: &mut Case, name: &str, who: &str) {
    bind(c, "RoleBinding", "team-a", name, ("ClusterRole", "kubeflow-edit"), user(who));
    c.world.objects.last_mut().unwrap()["metadata"]["annotations"] =
        json!({"user": who, "role": "edit"});
}

/// A Role of team-a.
fn grant(c: &mut Case, name: &str, groups: &[&str], resources: &[&str], verbs: &[&str]) {
    let rule = json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    add(c, object(RBAC, "Role", "team-a", name, json!({"rules": [rule]})));
}

/// A stranger has a right in team-a.
fn stranger_may(c: &mut Case, groups: &[&str], resources: &[&str], verbs: &[&str]) {
    grant(c, "more", groups, resources, verbs);
    bind(c, "RoleBinding", "team-a", "more", ("Role", "more"), user("eve@example.com"));
}

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
        c.world.objects.extend(ckf_worlds::contributor("team-a", "bob@example.com", "edit"))
    }),
    fault("AUTHZ-04", "users by suffix in a policy of another name", |c| {
        admit_by_header(c, "team-a", json!(["*@example.com"]))
    }),
    fault("AUTHZ-04", "any user by presence", |c| admit_by_header(c, "team-a", json!(["*"]))),
    fault("AUTHZ-04", "the gateway without a user", |c| {
        bare(c);
        add(c, policy("team-a", "open", json!({"rules": [{"from": from_gateway()}]})))
    }),
    fault("AUTHZ-04", "the gateway by its namespace", |c| {
        bare(c);
        let from = json!([{"source": {"namespaces": ["kube*"]}}]);
        add(c, policy("team-a", "open", json!({"rules": [{"from": from}]})))
    }),
    fault("AUTHZ-04", "the gateway by its account", |c| {
        bare(c);
        let account = "kubeflow/istio-ingressgateway-workload-service-account";
        let from = json!([{"source": {"serviceAccounts": [account]}}]);
        add(c, policy("team-a", "open", json!({"rules": [{"from": from}]})))
    }),
    fault("AUTHZ-04", "all users but one", |c| {
        bare(c);
        let when = json!([{"key": USER, "notValues": ["eve@example.com"]}]);
        add(c, policy("team-a", "open", json!({"rules": [{"from": from_gateway(), "when": when}]})))
    }),
    fault("AUTHZ-04", "some pods only are opened", |c| {
        bare(c);
        add(
            c,
            policy(
                "team-a",
                "open",
                json!({"rules": [{"from": from_gateway()}],
            "selector": {"matchLabels": {"app": "ml-pipeline-ui-artifact"}}}),
            ),
        )
    }),
    fault("AUTHZ-04", "a policy of the mesh's root namespace", |c| {
        bare(c);
        add(c, policy("kubeflow", "open", json!({"rules": [{"from": from_gateway()}]})))
    }),
    fault("AUTHZ-04", "another profile's account in the owner's rule", |c| {
        bare(c);
        let principals =
            c.world.get("AuthorizationPolicy", "ns-owner-access-istio")["spec"]["rules"][0]["from"]
                [0]["source"]["principals"]
                .as_array_mut()
                .unwrap();
        principals.push("cluster.local/ns/team-b/sa/default-editor".into());
    }),
    fault("AUTHZ-04", "accounts of any namespace by suffix", |c| {
        bare(c);
        let from = json!([{"source": {"principals": ["*/sa/kfp-ui"]}}]);
        let to = json!([{"operation": {"paths": ["/x"]}}]);
        add(c, policy("team-a", "open", json!({"rules": [{"from": from, "to": to}]})))
    }),
    fault("AUTHZ-04", "another mesh's gateway", |c| {
        bare(c);
        let from = json!([{"source": {"principals": ["partner/ns/kubeflow/sa/kfp-ui"]}}]);
        add(c, policy("team-a", "open", json!({"rules": [{"from": from}]})))
    }),
    fault("AUTHZ-05", "a policy for a user without binding", |c| {
        admit_by_header(c, "team-a", json!(["eve@example.com"]))
    }),
    fault("AUTHZ-05", "a policy of another's name", |c| {
        bare(c);
        contributor(c, "user-bob-example-com-clusterrole-edit", "bob@example.com");
        let when = json!([{"key": USER, "values": ["bob@example.com", "eve@example.com"]}]);
        let rule = json!({"from": from_gateway(), "when": when});
        let name = "user-bob-example-com-clusterrole-edit";
        add(c, policy("team-a", name, json!({"rules": [rule]})));
    }),
    fault("AUTHZ-05", "a contributor by another name", |c| {
        bare(c);
        contributor(c, "bob-edits", "bob@example.com")
    }),
    fault("AUTHZ-05", "a contributor whom a policy refuses", |c| {
        bare(c);
        contributor(c, "user-bob-example-com-clusterrole-edit", "bob@example.com");
        let name = "user-bob-example-com-clusterrole-edit";
        let when = json!([{"key": USER, "values": ["bob@example.com"]}]);
        let rule = json!({"from": from_gateway(), "when": when});
        add(c, policy("team-a", name, json!({"rules": [rule]})));
        add(c, policy("team-a", "no-bob", json!({"action": "DENY", "rules": [{"when": when}]})));
    }),
    fault("AUTHZ-05", "a contributor without policy", |c| {
        bare(c);
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
        bare(c);
        add(c, policy("team-a", "all", json!({"action": "ALLOW", "rules": [{}]})))
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "any principal", |c| {
        bare(c);
        add(
            c,
            policy(
                "team-a",
                "all",
                json!({"rules": [{"from": [{"source": {"principals": ["*"]}}]}]}),
            ),
        )
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "any principal of the mesh", |c| {
        open_to(c, json!({"from": [{"source": {"principals": ["cluster.local/*"]}}]}))
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "every path by a template", |c| {
        open_to(c, json!({"to": [{"operation": {"paths": ["/{**}"]}}]}))
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "every path but one", |c| {
        open_to(c, json!({"to": [{"operation": {"notPaths": ["/admin"]}}]}))
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "every method by name", |c| {
        bare(c);
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        open_to(c, json!({"to": [{"operation": {"methods": methods}}]}))
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "every namespace but one", |c| {
        open_to(c, json!({"from": [{"source": {"notNamespaces": ["team-b"]}}]}))
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "halves of all addresses", |c| {
        open_to(c, json!({"from": [{"source": {"ipBlocks": ["0.0.0.0/1", "128.0.0.0/1"]}}]}))
    }),
    fault("AUTHZ-07", "any user, from pods of any namespace", |c| {
        c.world.remove("NetworkPolicy", "default-deny");
    })
    .also(&["AUTHZ-04", "NET-01"]),
    fault("AUTHZ-07", "the addresses of all pods", |c| {
        open_to(c, json!({"when": [{"key": "source.ip", "values": ["10.0.0.0/8"]}]}))
    }),
    fault("AUTHZ-07", "any user by a header that clients set", |c| {
        open_to(c, json!({"when": [{"key": USER, "values": ["*@example.com"]}]}))
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHZ-07", "an empty rule in the root namespace", |c| {
        bare(c);
        add(c, policy("kubeflow", "all", json!({"rules": [{}]})))
    })
    .also(&["AUTHZ-04"]),
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
    fault("AUTHZ-03", "a further subject of the editor's binding", |c| {
        let subjects = c.world.get("RoleBinding", "default-editor")["subjects"].as_array_mut();
        subjects.unwrap().push(user("eve@example.com"));
    }),
    fault("AUTHZ-03", "every account has more", |c| {
        grant(c, "more", &["apps"], &["replicasets"], &["create"]);
        bind(c, "RoleBinding", "team-a", "more", ("Role", "more"), group("system:serviceaccounts"))
    })
    .also(&["AUTHZ-06"]),
    fault("AUTHZ-06", "ephemeral containers", |c| {
        stranger_may(c, &[""], &["pods/ephemeralcontainers"], &["patch"])
    }),
    fault("AUTHZ-06", "an image of a Deployment", |c| {
        stranger_may(c, &["apps"], &["deployments"], &["update"])
    }),
    fault("AUTHZ-06", "attach by a wildcard", |c| {
        stranger_may(c, &[""], &["*/attach"], &["create"])
    }),
    fault("AUTHZ-06", "secrets by watch", |c| stranger_may(c, &[""], &["secrets"], &["watch"])),
    fault("AUTHZ-06", "one Secret by its name", |c| {
        stranger_may(c, &[""], &["secrets"], &["get"]);
        c.world.get("Role", "more")["rules"][0]["resourceNames"] =
            json!(["mlpipeline-minio-artifact"]);
    }),
    fault("AUTHZ-06", "a workflow", |c| {
        stranger_may(c, &["argoproj.io"], &["workflows"], &["create"])
    }),
    fault("AUTHZ-06", "any verb that changes", |c| {
        stranger_may(c, &[""], &["persistentvolumeclaims"], &["deletecollection"])
    }),
    fault("AUTHZ-06", "all users who have logged in", |c| {
        grant(c, "more", &[""], &["pods"], &["create"]);
        bind(c, "RoleBinding", "team-a", "x", ("Role", "more"), group("system:authenticated"))
    })
    .also(&["AUTHZ-03"]),
    fault("AUTHZ-08", "a shipped role that is given more", |c| {
        let rules = c.world.get("ClusterRole", "kubeflow-kubernetes-view")["rules"].as_array_mut();
        rules
            .unwrap()
            .push(json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}));
    }),
    fault("AUTHZ-08", "a shipped role that reaches nodes", |c| {
        let rules = c.world.get("ClusterRole", "kubeflow-kubernetes-edit")["rules"].as_array_mut();
        rules
            .unwrap()
            .push(json!({"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}));
    }),
    fault("AUTHZ-08", "a selector that takes more", |c| {
        c.world.get("ClusterRole", "kubeflow-edit")["aggregationRule"]["clusterRoleSelectors"]
            .as_array_mut()
            .unwrap()
            .push(json!({"matchLabels": {"mine": "true"}}));
    }),
    fault("AUTHZ-09", "an owner of a profile", |c| {
        let role = ("ClusterRole", "kubeflow-kubernetes-edit");
        bind(c, "ClusterRoleBinding", "", "tenant", role, user("ada@example.com"))
    }),
    fault("AUTHZ-09", "an account in the platform's namespace", |c| {
        let role = ("ClusterRole", "kubeflow-kubernetes-edit");
        bind(c, "RoleBinding", "kubeflow", "tenant", role, account("team-a", "default-editor"))
    }),
    fault("AUTHZ-09", "all users in kube-system", |c| {
        let role = ("ClusterRole", "kubeflow-kubernetes-edit");
        bind(c, "RoleBinding", "kube-system", "tenant", role, group("system:authenticated"))
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
    .also(&["AUTHZ-04", "AUTHZ-07", "CRED-10", "NET-01", "NET-03", "NET-11", "PSS-01", "PSS-04"]),
    fault("AUTHZ-12", "a namespace that ends", |c| {
        set(c, "Namespace", "team-a", "/metadata/deletionTimestamp", "2026-01-01T00:00:00Z".into());
        set(c, "Namespace", "team-a", "/status", json!({"phase": "Terminating"}));
    }),
];
