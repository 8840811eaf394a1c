//! Faults in Juju.

use ckf_hardening::facts::juju::Model;
use ckf_hardening::policy::Profile;
use ckf_worlds::object;
use serde_json::{Value, json};

use super::{Fault, fault};
use crate::case::{Case, ago};

/// Everything, as Juju writes it into the role of a trusted application.
pub fn all_rights() -> Value {
    json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
}

/// The ClusterRole that Juju makes for an application.
pub fn role_of_juju(case: &mut Case, application: &str, rules: Value) {
    let labels = json!({
        "app.kubernetes.io/managed-by": "juju", "app.kubernetes.io/name": application,
        "model.juju.is/name": "kubeflow",
    });
    let body = json!({"metadata": {"labels": labels}, "rules": rules});
    let name = format!("kubeflow-{application}");
    case.world.objects.push(object("rbac.authorization.k8s.io/v1", "ClusterRole", "", &name, body));
}

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("JUJU-01", "a cloud credential of two owners", |c| {
        let other = Model { name: "other".into(), owner: "alice".into(), ..c.model().clone() };
        c.models().push(other);
    }),
    fault("JUJU-02", "no trust for a charm that labels itself in the ambient mesh", |c| {
        let gatekeeper = c.app("oidc-gatekeeper");
        gatekeeper.trusted = false;
        gatekeeper.relations.insert("service-mesh".into(), vec!["istio-beacon-k8s".into()]);
    }),
    fault("JUJU-02", "trust that the release does not give", |c| {
        let stranger = c.app("minio");
        (stranger.charm, stranger.trusted) = ("some-charm".into(), true);
    }),
    fault("JUJU-02", "an application without the trust that it needs", |c| {
        c.app("dex-auth").trusted = false;
    }),
    fault("JUJU-02", "a role without rules of a trusted application", |c| {
        role_of_juju(c, "dex-auth", json!([]));
    }),
    fault("JUJU-02", "a role with some rights of a trusted application", |c| {
        let rule =
            json!({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]});
        role_of_juju(c, "dex-auth", json!([rule]));
    }),
    fault("JUJU-02", "a role with all rights of an application without trust", |c| {
        role_of_juju(c, "minio", all_rights());
    }),
    fault("JUJU-03", "a blocked unit", |c| {
        c.app("minio").troubled.insert("minio/0".into(), "blocked: no storage".into());
    }),
    fault("JUJU-04", "another value than the policy declares", |c| {
        c.declare("kubeflow-dashboard", "port", "8082");
        c.set_option("kubeflow-dashboard", "port", "9999");
    }),
    fault("JUJU-04", "a declared application is not deployed", |c| c.declare("nowhere", "a", "b")),
    fault("JUJU-05", "no audit log", |c| c.controller().auditing = false),
    fault("JUJU-05", "changes of access left out of the audit log", |c| {
        c.controller().audit_exclusions.insert("ModelManager.ModifyModelAccess".into());
    }),
    fault("JUJU-05", "full logs are lost", |c| c.controller().audit_backups = Some(0)),
    fault("JUJU-06", "no command is disabled", |c| c.settings().blocks.clear()),
    fault("JUJU-07", "an offer that nothing consumes", |c| {
        c.grants().0[0].connections = Some(0);
    }),
    fault("JUJU-08", "a controller's authority near its end", |c| {
        c.controller().authority_ends = Some(ago(-100));
    }),
    fault("JUJU-10", "images from a mirror in clear text", |c| {
        c.settings().in_clear.insert("image-metadata-url".into());
    }),
    fault("JUJU-10", "a proxy's password for every reader", |c| {
        c.settings().with_login.insert("juju-https-proxy".into());
    }),
    fault("JUJU-10", "no verification of hosts", |c| {
        c.settings().development.insert("ssl-hostname-verification=false".into());
    }),
    fault("JUJU-10", "agents before their release", |c| {
        c.settings().agent_stream = "proposed".into();
    }),
    fault("JUJU-11", "an identity provider without TLS", |c| {
        let controller = c.controller();
        controller.identity_provider = Some("idp.example.com".into());
        controller.identity_in_clear = true;
    }),
    fault("JUJU-12", "secrets in the cluster, by the profile strict", |c| {
        c.policy.profile = Profile::Strict;
    })
    .also(&["AUTHN-08", "JUJU-11"]),
    fault("JUJU-13", "an administrator of the cloud that no policy names", |c| {
        c.grants().1[0].users.insert("mallory".into(), "admin".into());
    })
    .also(&["CRED-03"]),
    fault("JUJU-14", "access to the model that was never used", |c| {
        c.model().last_logins.clear();
    }),
    fault("JUJU-14", "access to the model that is no longer used", |c| {
        c.model().last_logins.insert("alice".into(), ago(200));
    }),
    fault("JUJU-15", "models without access to the controller", |c| {
        c.controller().models_alone = true;
    }),
    fault("JUJU-16", "a newer patch release", |c| {
        c.settings().available_version = "3.6.99".into();
    }),
];
