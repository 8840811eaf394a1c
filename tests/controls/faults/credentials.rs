//! Faults in credentials.

use ckf_hardening::facts::juju::{Setting, Strength, User};
use ckf_worlds::{base64, object};
use serde_json::json;

use super::{Fault, add, fault, set};
use crate::case::ago;

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("CRED-01", "a password of a year", |c| {
        c.user("alice").created = Some(ago(500));
        c.rotated_at("juju-user/alice", ago(400));
    }),
    fault("CRED-02", "a user who left", |c| c.user("alice").last_connection = Some(ago(200))),
    fault("CRED-02", "a registration never completed", |c| {
        let invited = User { name: "bob".into(), created: Some(ago(100)), ..User::default() };
        c.users().push(invited);
    }),
    fault("CRED-03", "a superuser too many", |c| c.user("alice").access = "superuser".into()),
    fault("CRED-03", "an admin of the model too many", |c| {
        c.model().users.insert("alice".into(), "admin".into());
    }),
    fault("CRED-04", "a static password of a year", |c| c.rotated_at("dex", ago(400))),
    fault("CRED-06", "a client secret as an option", |c| {
        c.set_option("oidc-gatekeeper", "client-secret", "x")
    }),
    fault("CRED-07", "minio", |c| {
        set(c, "Secret", "mlpipeline-minio-artifact", "/data/accesskey", base64("minio").into())
    })
    .also(&["CRED-10"]),
    fault("CRED-08", "minio123", |c| {
        for secret in c.world.objects.iter_mut().filter(|o| o["kind"] == "Secret") {
            for field in ["secretkey", "MINIO_SECRET_KEY"] {
                if secret["data"][field].is_string() {
                    secret["data"][field] = base64("minio123").into();
                }
            }
        }
    }),
    fault("CRED-09", "a root key of a year", |c| c.rotated_at("minio", ago(400))),
    fault("CRED-10", "a copy that is old", |c| {
        set(
            c,
            "Secret",
            "kfp-profile-controller-minio-credentials",
            "/data/MINIO_SECRET_KEY",
            base64("aN0therOldKeyThatIsLongEnough12").into(),
        )
    }),
    fault("CRED-11", "as CKF makes it", |_| {}),
    fault("CRED-12", "a root password of a year", |c| {
        c.rotated_at("mysql/katib-db/root", ago(400))
    }),
    fault("CRED-13", "a database without a certificate", |c| {
        c.app("katib-db").relations.remove("certificates");
    }),
    fault("CRED-14", "a password as an option", |c| {
        let password = Some(Strength { length: 30, well_known: false });
        let setting = Setting { set: true, password, ..Setting::default() };
        c.app("katib-db").options.insert("root-password".into(), setting);
    }),
    fault("CRED-15", "a token Secret", |c| {
        add(
            c,
            object(
                "v1",
                "Secret",
                "team-a",
                "editor-token",
                json!({"type": "kubernetes.io/service-account-token",
        "metadata": {"annotations": {"kubernetes.io/service-account.name": "default-editor"}}, "data": {"token": base64("invented")}}),
            ),
        )
    }),
];
