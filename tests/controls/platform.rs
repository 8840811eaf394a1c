//! What Juju, registries and Charmhub answer of a hardened platform.

use std::collections::{BTreeMap, BTreeSet};

use ckf_hardening::catalog::{self, Application as Released, Release};
use ckf_hardening::facts::charmhub::{Charmhub, Head};
use ckf_hardening::facts::dpkg::Packages;
use ckf_hardening::facts::juju::{
    Application, ControllerSettings, Grants, Juju, Model, ModelSettings, Resource, Setting, User,
};
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::registry::{Rock, Rocks};
use ckf_hardening::facts::telemetry::Telemetry;
use ckf_hardening::images::Inventory;
use jiff::Timestamp;

use crate::case::ago;

/// Options that a hardened platform sets, by charm.
const OPTIONS: [(&str, &str, &str); 6] = [
    ("dex-auth", "static-username", "user@example.com"),
    ("dex-auth", "issuer-url", "https://kubeflow.example.com/dex"),
    ("jupyter-ui", "secure-cookies", "true"),
    ("kubeflow-volumes", "secure-cookies", "true"),
    ("tensorboards-web-app", "secure-cookies", "true"),
    ("kubeflow-profiles", "security-policy", "baseline"),
];
/// Charms that get their certificates by a relation.
const WITH_CERTIFICATES: [&str; 2] = ["istio-pilot", "mysql-k8s"];
/// Revision of every charm, and of every resource.
const REVISION: u64 = 7;

fn release(name: &str) -> &'static Release {
    catalog::release(name).expect("the catalogue has the release")
}

/// An option that is set to a value that is no secret.
pub fn set_to(value: &str) -> Setting {
    Setting { set: true, value: Some(value.into()), ..Setting::default() }
}

fn application(name: &str, released: &Released) -> Application {
    let charm = released.charm.as_str();
    let certificates = WITH_CERTIFICATES.contains(&charm).then_some("certificates");
    let backups = (charm == "mysql-k8s").then_some("s3-parameters");
    let endpoints = released.cos.iter().map(String::as_str).chain(certificates).chain(backups);
    let options = OPTIONS.iter().filter(|(of, ..)| *of == charm);
    let resource = Resource { revision: Some(REVISION as i64), mark: format!("r{REVISION}") };
    Application {
        name: name.into(),
        charm: charm.into(),
        revision: Some(REVISION),
        channel: released.channel.clone(),
        base: "24.04".into(),
        resources: Known::Known(BTreeMap::from([("oci-image".into(), resource)])),
        trusted: released.trust,
        relations: endpoints.map(|endpoint| (endpoint.into(), vec!["cos".into()])).collect(),
        options: options.map(|(_, name, value)| ((*name).into(), set_to(value))).collect(),
        ..Application::default()
    }
}

/// What the controller answers.
pub fn juju(name: &str) -> Juju {
    let user = |name: &str, access: &str| User {
        name: name.into(),
        access: access.into(),
        created: Some(ago(60)),
        last_connection: Some(ago(1)),
        disabled: false,
    };
    let model = Model {
        name: "kubeflow".into(),
        owner: "admin".into(),
        credential: Some("k8s/admin/default".into()),
        users: BTreeMap::from([("alice".into(), "read".into())]),
        last_logins: BTreeMap::from([("alice".into(), ago(1))]),
    };
    let admin = BTreeMap::from([("admin".into(), "admin".into())]);
    let cloud = Grants { name: "k8s".into(), users: admin.clone(), connections: None };
    let offer = Grants { name: "admin/kubeflow.dex".into(), users: admin, connections: Some(1) };
    let controller = ControllerSettings {
        auditing: true,
        audit_exclusions: BTreeSet::from(["ReadOnlyMethods".into()]),
        audit_backups: Some(10),
        audit_size: "300M".into(),
        authority_ends: Some(ago(-3000)),
        ..ControllerSettings::default()
    };
    let settings = ModelSettings {
        blocks: BTreeSet::from(["BlockDestroy".into()]),
        secret_backend: "auto".into(),
        agent_stream: "released".into(),
        agent_version: ckf_worlds::JUJU.into(),
        ..ModelSettings::default()
    };
    let applications = release(name).applications.iter();
    let mut applications: Vec<_> = applications.map(|(name, of)| application(name, of)).collect();
    let gatekeepers = applications.iter_mut().filter(|app| app.charm == "oidc-gatekeeper");
    let trusted = set_to(&ckf_worlds::world_ca().own.certificate);
    gatekeepers.for_each(|app| {
        app.options.insert("ca-bundle".into(), trusted.clone());
    });
    Juju {
        server_version: ckf_worlds::JUJU.into(),
        login: "auditor".into(),
        users: Known::Known(vec![
            user("admin", "superuser"),
            user("auditor", "superuser"),
            user("alice", "login"),
        ]),
        models: Known::Known(vec![model]),
        clouds: Known::Known(vec![cloud]),
        offers: Known::Known(vec![offer]),
        controller: Known::Known(controller),
        settings: Known::Known(settings),
        applications: Known::Known(applications),
        remotes: BTreeMap::from([("cos".into(), "admin/cos.metrics".into())]),
        ..Juju::default()
    }
}

/// When the charm rotated what it rotates.
pub fn rotated(name: &str) -> BTreeMap<String, Timestamp> {
    let databases = release(name).applications.iter().filter(|(_, of)| of.charm == "mysql-k8s");
    let users = databases.flat_map(|(database, _)| {
        ["root", "serverconfig", "clusteradmin"].map(|user| format!("mysql/{database}/{user}"))
    });
    let others = ["dex", "minio"].map(str::to_owned);
    users.chain(others).map(|credential| (credential, ago(10))).collect()
}

/// Charmhub, whose channels hold what is deployed.
pub fn charmhub(name: &str) -> Charmhub {
    let heads = release(name).applications.values().map(|of| {
        let head = Head { revision: REVISION, ..Head::default() };
        (format!("{} {} 24.04", of.charm, of.channel), Known::Known(head))
    });
    Charmhub { heads: heads.collect(), asked_at: ago(0), ..Charmhub::default() }
}

/// Prometheus, which scrapes every application and a collector that loses nothing.
pub fn telemetry(name: &str) -> Telemetry {
    let observed = release(name).applications.iter();
    let observed = observed.filter(|(_, of)| of.cos.iter().any(|name| name == "metrics-endpoint"));
    let scraped = observed.map(|(app, _)| (app.clone(), [(format!("{app}/0"), true)].into()));
    Telemetry {
        at: "cos.example.com:443".into(),
        scraped: scraped.collect(),
        collectors: vec!["opentelemetry-collector-k8s/0".into()],
        ..Telemetry::default()
    }
}

/// Registries, whose tags lead to what runs, on a maintained base.
pub fn registry(inventory: &Inventory) -> Rocks {
    let images = inventory.rows.iter().map(|row| {
        let packages =
            Packages { base: Some(("ubuntu".into(), "24.04".into())), ..Packages::default() };
        let digest = row.digest().unwrap_or_default().to_owned();
        let rock = Rock { digest, packages: Some(packages), ..Rock::default() };
        (row.image.clone(), Known::Known(rock))
    });
    Rocks { images: images.collect(), ..Rocks::default() }
}
