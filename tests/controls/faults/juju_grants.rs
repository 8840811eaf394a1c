//! Faults in what Juju grants, relates, exposes and reads from options.

use std::collections::BTreeMap;

use ckf_hardening::facts::juju::{
    Application, Connector, Grants, Model, Setting, Strength, User, connectors,
};
use ckf_hardening::facts::known::Known;

use super::{Fault, fault};
use crate::case::{Case, ago};

const EVERYONE: &str = "everyone@external";

fn external(case: &mut Case, name: &str, access: &str) {
    let user = User { name: name.into(), access: access.into(), ..User::default() };
    case.users().push(user);
}

fn grants(name: &str, user: &str, access: &str) -> Vec<Grants> {
    vec![Grants {
        name: name.into(),
        users: BTreeMap::from([(user.into(), access.into())]),
        connections: Some(1),
    }]
}

fn cloud(case: &mut Case, user: &str, access: &str) {
    case.juju.clouds = Known::Known(grants("k8s", user, access));
}

fn offer(case: &mut Case, user: &str, access: &str) {
    let all = grants("admin/kubeflow.istio-pilot", user, access);
    case.juju.offers = Known::Known(all);
}

fn dex_connectors(case: &mut Case, text: &str) {
    let connectors: Vec<Connector> = connectors(text);
    let secret = connectors.iter().any(|one| !one.secrets.is_empty());
    let setting = Setting { set: true, secret, connectors, ..Setting::default() };
    case.app("dex-auth").options.insert("connectors".into(), setting);
}

/// A collector in the model, to which everything is related, itself related to what is said.
fn collector(case: &mut Case, onward: &[(&str, &str)]) {
    let applications = match &mut case.juju.applications {
        Known::Known(all) => all,
        Known::Unknown(_) => panic!("the case knows them"),
    };
    for app in applications.iter_mut() {
        for endpoint in ["metrics-endpoint", "grafana-dashboard", "logging"] {
            if let Some(with) = app.relations.get_mut(endpoint) {
                *with = vec!["otel".into()];
            }
        }
    }
    let relations =
        onward.iter().map(|(endpoint, with)| ((*endpoint).into(), vec![(*with).into()]));
    let otel = Application {
        name: "otel".into(),
        charm: "opentelemetry-collector-k8s".into(),
        channel: "2/stable".into(),
        relations: relations.collect(),
        ..applications[0].clone()
    };
    let otel = Application { trusted: true, options: BTreeMap::new(), ..otel };
    applications.push(otel);
}

/// All that a collector passes on.
const ONWARD: [(&str, &str); 3] = [
    ("send-loki-logs", "cos"),
    ("send-remote-write", "cos"),
    ("grafana-dashboards-provider", "cos"),
];

/// Of the family Credentials.
pub const CREDENTIALS: &[Fault] = &[
    fault("CRED-03", "a superuser of an identity provider", |c| {
        external(c, "eve@idp.example.com", "superuser")
    }),
    fault("CRED-03", "all users of the identity provider are superuser", |c| {
        external(c, EVERYONE, "superuser")
    }),
    fault("CRED-03", "all users of the identity provider read the model", |c| {
        c.model().users.insert(EVERYONE.into(), "read".into());
    }),
    fault("CRED-03", "an admin of the model by an identity provider", |c| {
        c.model().users.insert("eve@idp.example.com".into(), "admin".into());
    })
    .also(&["JUJU-14"]),
    fault("CRED-03", "an admin of the cloud", |c| cloud(c, "alice", "admin")).also(&["JUJU-13"]),
    fault("CRED-03", "all users add models to the cloud", |c| cloud(c, EVERYONE, "add-model")),
    fault("CRED-03", "an admin of the controller's own model", |c| {
        let controller = Model {
            name: "controller".into(),
            owner: "admin".into(),
            users: BTreeMap::from([("alice".into(), "admin".into())]),
            ..Model::default()
        };
        c.models().push(controller);
    }),
    fault("CRED-03", "a user who writes to the controller's own model", |c| {
        let controller = Model {
            name: "controller".into(),
            owner: "admin".into(),
            users: BTreeMap::from([("alice".into(), "write".into())]),
            ..Model::default()
        };
        c.models().push(controller);
    }),
    fault("CRED-14", "a client secret of a connector", |c| {
        dex_connectors(
            c,
            "[{type: oidc, id: idp, config: {issuer: 'https://idp.example.com', clientSecret: x}}]",
        )
    }),
    fault("CRED-14", "a bind password of a connector", |c| {
        dex_connectors(
            c,
            "[{type: ldap, id: corp, config: {host: 'ldap.example.com:636', bindPW: x}}]",
        )
    }),
    fault("CRED-01", "a password of a user who was disabled and is back", |c| {
        c.user("alice").created = Some(ago(700));
        c.rotated_at("juju-user/alice", ago(399));
    }),
];

/// Of the family Authentication.
pub const AUTHENTICATION: &[Fault] = &[
    fault("AUTHN-10", "a long password of common words", |c| {
        let password = Some(Strength::of("CharmedKubeflow2026!"));
        let setting = Setting { set: true, password, ..Setting::default() };
        c.app("dex-auth").options.insert("static-password".into(), setting);
    }),
    fault("AUTHN-10", "a long walk over the keyboard", |c| {
        let password = Some(Strength::of("1qaz2wsx3edc4rfv"));
        let setting = Setting { set: true, password, ..Setting::default() };
        c.app("dex-auth").options.insert("static-password".into(), setting);
    }),
    fault("AUTHN-16", "a connector that verifies no certificate", |c| {
        dex_connectors(
            c,
            "[{type: oidc, id: idp, config: {issuer: 'https://i.example.com', insecureSkipVerify: true}}]",
        )
    }),
    fault("AUTHN-16", "LDAP without TLS", |c| {
        dex_connectors(
            c,
            "[{type: ldap, id: corp, config: {host: 'l.example.com', insecureNoSSL: true}}]",
        )
    }),
    fault("AUTHN-16", "a provider in clear text", |c| {
        dex_connectors(c, "[{type: oidc, id: idp, config: {issuer: 'http://i.example.com'}}]")
    }),
    fault("AUTHN-16", "a connector that logs in any user", |c| {
        dex_connectors(c, "[{type: mockCallback, id: mock, name: Example}]")
    }),
    fault("AUTHN-16", "e-mail addresses that were not verified", |c| {
        dex_connectors(
            c,
            "[{type: oidc, id: i, config: {issuer: 'https://i', insecureSkipEmailVerified: true}}]",
        )
    }),
];

/// Of the family Juju.
pub const JUJU: &[Fault] = &[
    fault("JUJU-18", "an offer to all users", |c| offer(c, EVERYONE, "consume")),
    fault("JUJU-18", "an offer that all users read", |c| offer(c, EVERYONE, "read")),
    fault("JUJU-18", "an offer that a user of an identity provider administers", |c| {
        offer(c, "eve@idp.example.com", "admin")
    }),
    fault("JUJU-19", "an application that is exposed", |c| c.app("minio").exposed = true),
    fault("JUJU-20", "a web app in development mode", |c| {
        c.set_option("jupyter-ui", "backend-mode", "dev")
    }),
    fault("JUJU-20", "volumes in development mode, in capitals", |c| {
        c.set_option("kubeflow-volumes", "backend-mode", "Development")
    }),
    fault("JUJU-20", "a collector that verifies no certificate", |c| {
        collector(c, &ONWARD);
        c.set_option("otel", "tls_insecure_skip_verify", "true");
    }),
    fault("JUJU-20", "users who name themselves", |c| {
        c.set_option("oidc-gatekeeper", "userid-claim", "preferred_username")
    }),
];

/// Of the family Monitoring.
pub const MONITORING: &[Fault] = &[
    fault("OBS-01", "a collector that passes no metrics on", |c| {
        collector(c, &[("send-loki-logs", "cos"), ("grafana-dashboards-provider", "cos")])
    }),
    fault("OBS-02", "a collector that passes no dashboards on", |c| {
        collector(c, &[("send-loki-logs", "cos"), ("send-remote-write", "cos")])
    }),
    fault("OBS-03", "a collector that passes no logs on", |c| {
        collector(c, &[("send-remote-write", "cos"), ("grafana-dashboards-provider", "cos")])
    }),
    fault("OBS-01", "metrics of one application go to no collector", |c| {
        let minio = c.app("dex-auth");
        minio.relations.insert("metrics-endpoint".into(), vec!["kubeflow-dashboard".into()]);
    }),
    fault("OBS-03", "a collector that passes logs to itself", |c| {
        collector(
            c,
            &[
                ("send-remote-write", "cos"),
                ("grafana-dashboards-provider", "cos"),
                ("send-loki-logs", "otel"),
            ],
        )
    }),
];

/// Of the family Monitoring, by an option.
pub const LOGS: &[Fault] = &[fault("OBS-06", "a database without its audit log", |c| {
    c.set_option("katib-db", "plugin-audit-enabled", "false")
})];

/// Of the family Upgrades.
pub const UPGRADES: &[Fault] = &[
    fault("UPG-03", "a track of another release", |c| {
        let track = c.app("kfp-api").channel.clone();
        c.app("kfp-api").channel = track.replace(|ch: char| ch.is_ascii_digit(), "1");
    }),
    fault("UPG-03", "a track of no release", |c| c.app("dex-auth").channel = "2.22/stable".into()),
];
