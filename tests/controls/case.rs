//! A platform that is assessed: a cluster, Juju, registries and a policy.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ckf_hardening::facts::certificate::Certificate;
use ckf_hardening::facts::charmhub::{Charmhub, Head};
use ckf_hardening::facts::core::Version;
use ckf_hardening::facts::handshake::{Clear, Seen, WebhookServer};
use ckf_hardening::facts::juju::{
    Application, ControllerSettings, Grants, Juju, Model, ModelSettings, User,
};
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::rbac::{Access, AccessReview};
use ckf_hardening::facts::registry::{Rock, Rocks};
use ckf_hardening::facts::telemetry::Telemetry;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::images::{Inventory, Ledger};
use ckf_hardening::policy::{Allow, ObjectPattern, Policy, Waiver};
use ckf_hardening::report::Report;
use ckf_hardening::tls::TlsVersion;
use ckf_worlds::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{faults, platform};

/// When facts are read.
static NOW: LazyLock<Timestamp> = LazyLock::new(|| "2026-11-01T00:00:00Z".parse().unwrap());

/// So many days before the facts are read.
pub fn ago(days: i64) -> Timestamp {
    *NOW - SignedDuration::from_hours(24 * days)
}

/// A platform and the policy that it is assessed by.
pub struct Case {
    /// Objects of the cluster.
    pub world: World,
    /// Version of the API server.
    pub version: String,
    /// What Juju's credential may do.
    pub access: AccessReview,
    /// What Juju's controller answers.
    pub juju: Juju,
    /// What registries answer.
    pub rocks: Rocks,
    /// What Charmhub answers.
    pub charmhub: Charmhub,
    /// What COS's Prometheus has.
    pub telemetry: Telemetry,
    /// Digests on record.
    pub ledger: Ledger,
    /// When credentials were rotated.
    pub rotated: BTreeMap<String, Timestamp>,
    /// The policy.
    pub policy: Policy,
    /// The release that is named.
    pub release: Option<&'static str>,
    /// When the facts are read.
    pub now: Timestamp,
    /// Changes what clients of the gateway get.
    pub gets: fn(&mut Seen),
    /// Changes what the webhooks' servers present.
    pub webhooks: fn(&mut Vec<WebhookServer>),
}

impl Case {
    /// The hardened platform, by a policy that demands all that can be demanded.
    pub fn hardened() -> Self {
        let may = |verb: &str| Access {
            group: String::new(),
            resource: "pods".into(),
            verb: verb.into(),
            allowed: true,
        };
        let owns =
            Access { group: "*".into(), resource: "*".into(), verb: "*".into(), allowed: false };
        // The world takes longer to make than to copy.
        static WORLD: LazyLock<World> = LazyLock::new(|| World::hardened("1.11"));
        let mut world = WORLD.clone();
        // The API server writes this when a charm made the object.
        world.get("Gateway", "kubeflow-gateway")["metadata"]["managedFields"] = json!([
            {"manager": "lightkube", "operation": "Apply", "fieldsV1": {"f:spec": {"f:servers": {}}}}]);
        world.objects.push(faults::vulnerability_report(json!([])));
        let reports = faults::reports_of_running_images(&world.objects);
        world.objects.extend(reports);
        world.objects.push(faults::compliance_report());
        world.objects.extend(faults::velero());
        let mut pods = world.objects.iter().filter(|o| o["kind"] == "Pod");
        let istiod = pods.find_map(|pod| {
            pod["metadata"]["name"].as_str().filter(|name| name.starts_with("istiod-"))
        });
        let istiod = istiod.expect("the platform runs istiod").to_owned();
        let mut case = Self {
            world,
            version: "v1.32.4".into(),
            access: AccessReview {
                subject: "system:serviceaccount:kube-system:juju-credential-0a1b2c3d".into(),
                is_juju: true,
                answers: vec![may("create"), may("delete"), may("patch"), may("list"), owns],
            },
            juju: platform::juju("1.11"),
            rocks: Rocks::default(),
            charmhub: platform::charmhub("1.11"),
            telemetry: platform::telemetry("1.11"),
            ledger: Ledger::default(),
            rotated: platform::rotated("1.11"),
            policy: Policy {
                external_hostname: Some(ckf_worlds::HOST.into()),
                source_ranges: vec![ckf_worlds::SOURCE_RANGE.into()],
                waivers: vec![waiver(&istiod)],
                // Knative's images that Charmed Kubeflow has no rock of.
                allow: Allow {
                    registries: vec!["gcr.io/knative-releases".into()],
                    ..Allow::default()
                },
                ..Policy::default()
            },
            release: None,
            now: *NOW,
            gets: |_| (),
            webhooks: |_| (),
        };
        case.declare("jupyter-ui", "secure-cookies", "true");
        case.record_images();
        case
    }

    /// Registries hold what runs, and it is on record.
    fn record_images(&mut self) {
        type Recorded = (Rocks, Ledger);
        static RECORDED: LazyLock<Recorded> = LazyLock::new(|| {
            let about = About { collected_at: *NOW, namespace: "kubeflow".into() };
            let objects = World::hardened("1.11").objects;
            let mut facts = Facts::from_objects(about, &objects);
            facts.juju = Known::Known(platform::juju("1.11"));
            let inventory = Inventory::of(&facts);
            let rocks = platform::registry(&inventory);
            (rocks, Ledger::default().after(inventory.observed(), false, ago(30)))
        });
        (self.rocks, self.ledger) = RECORDED.clone();
    }

    /// A gateway that serves what its Secret holds.
    fn seen(&self) -> Option<Seen> {
        let mut secrets = self.world.objects.iter().filter(|o| o["kind"] == "Secret");
        let secret =
            secrets.find(|o| o["metadata"]["name"] == "kubeflow-gateway-gateway-secret")?;
        let certificate = secret["data"]["tls.crt"].as_str()?;
        let mut seen = Seen {
            at: "10.64.140.43:443".into(),
            host: Some(ckf_worlds::HOST.into()),
            agreed: Some(("TLS 1.3".into(), "TLS13_AES_256_GCM_SHA384".into())),
            chain: Certificate::from_base64_pem(certificate).ok()?,
            broken_chain: None,
            versions: vec![TlsVersion::V1_2, TlsVersion::V1_3],
            weak: Vec::new(),
            hsts: Some("max-age=31536000".into()),
            clear: Some(Clear {
                status: 301,
                location: Some("https://kubeflow.example.com/".into()),
            }),
        };
        (self.gets)(&mut seen);
        Some(seen)
    }

    /// Servers of the webhooks, each with a certificate of the CA of their configurations.
    fn webhook_servers(&self) -> Vec<WebhookServer> {
        type Issued = BTreeMap<(String, String), WebhookServer>;
        static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
            let world = World::hardened("1.11");
            let webhooks = world.objects.iter().filter_map(|object| object["webhooks"].as_array());
            let services = webhooks.flatten().map(|webhook| &webhook["clientConfig"]["service"]);
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let servers = services.map(|of| (text(&of["namespace"]), text(&of["name"])));
            let server = |(namespace, service): (String, String)| {
                let made = ckf_worlds::tls(&format!("{service}.{namespace}.svc"), 2035);
                let chain = Certificate::from_pem(made.certificate.as_bytes());
                let chain = chain.expect("the world makes certificates");
                let of = (namespace.clone(), service.clone());
                let server =
                    WebhookServer { namespace, service, port: 443, chain, ..Default::default() };
                (of, server)
            };
            servers.map(server).collect()
        });
        let mut servers: Vec<_> = ISSUED.values().cloned().collect();
        (self.webhooks)(&mut servers);
        servers
    }

    /// What is read of it.
    pub fn facts(&self) -> Facts {
        let about = About { collected_at: self.now, namespace: "kubeflow".into() };
        let mut facts = Facts::from_objects(about, &self.world.objects);
        facts.version = Known::Known(Version { git_version: self.version.clone() });
        facts.access = Known::Known(self.access.clone());
        facts.juju = Known::Known(self.juju.clone());
        facts.rocks = Known::Known(self.rocks.clone());
        facts.telemetry = Known::Known(self.telemetry.clone());
        facts.charmhub = Known::Known(self.charmhub.clone());
        facts.ledger = Known::Known(self.ledger.clone());
        facts.webhook_servers = Known::Known(self.webhook_servers());
        facts.rotated = Known::Known(self.rotated.clone());
        if let Some(seen) = self.seen() {
            facts.handshake = Known::Known(seen);
        }
        facts
    }

    /// The verdicts on it.
    pub fn audit(&self) -> Report {
        Report::audit(&self.facts(), &self.policy, self.release, Vec::new())
    }

    /// An application, to change it.
    pub fn app(&mut self, name: &str) -> &mut Application {
        let mut all = known(&mut self.juju.applications).iter_mut();
        all.find(|app| app.name == name).unwrap_or_else(|| panic!("the model has no {name}"))
    }

    /// Sets an option of an application to a value that is no secret.
    pub fn set_option(&mut self, application: &str, option: &str, value: &str) {
        self.app(application).options.insert(option.into(), platform::set_to(value));
    }

    /// Declares an option in the policy.
    pub fn declare(&mut self, application: &str, option: &str, value: &str) {
        let options = self.policy.options.entry(application.into()).or_default();
        options.insert(option.into(), value.into());
    }

    /// The controller's users.
    pub fn users(&mut self) -> &mut Vec<User> {
        known(&mut self.juju.users)
    }

    /// A user, to change it.
    pub fn user(&mut self, name: &str) -> &mut User {
        let mut all = self.users().iter_mut();
        all.find(|user| user.name == name).unwrap_or_else(|| panic!("no user {name}"))
    }

    /// The controller's models.
    pub fn models(&mut self) -> &mut Vec<Model> {
        known(&mut self.juju.models)
    }

    /// The platform's model.
    pub fn model(&mut self) -> &mut Model {
        &mut self.models()[0]
    }

    /// Configuration of the controller.
    pub fn controller(&mut self) -> &mut ControllerSettings {
        known(&mut self.juju.controller)
    }

    /// Configuration of the platform's model.
    pub fn settings(&mut self) -> &mut ModelSettings {
        known(&mut self.juju.settings)
    }

    /// Offers, and clouds.
    pub fn grants(&mut self) -> (&mut Vec<Grants>, &mut Vec<Grants>) {
        (known(&mut self.juju.offers), known(&mut self.juju.clouds))
    }

    /// Notes when a credential was rotated.
    pub fn rotated_at(&mut self, credential: &str, at: Timestamp) {
        self.rotated.insert(credential.into(), at);
    }

    /// What a registry holds of an image, by a part of its name.
    pub fn rock(&mut self, name: &str) -> &mut Rock {
        let mut all = self.rocks.images.iter_mut();
        let (_, rock) = all.find(|(image, _)| image.contains(name)).expect("the image runs");
        known(rock)
    }

    /// The head of a charm's channel.
    pub fn head(&mut self, charm: &str) -> &mut Head {
        let mut all = self.charmhub.heads.iter_mut();
        let (_, head) = all.find(|(of, _)| of.starts_with(charm)).expect("the charm is deployed");
        known(head)
    }
}

fn known<T>(known: &mut Known<T>) -> &mut T {
    match known {
        Known::Known(it) => it,
        Known::Unknown(_) => panic!("the case knows it"),
    }
}

/// A waiver of a finding that the hardened platform cannot avoid: the image of a pod of Istio.
fn waiver(pod: &str) -> Waiver {
    Waiver {
        control: "IMG-05".into(),
        object: ObjectPattern { name: Some(pod.into()), ..Default::default() },
        reason: "Istio ships no rock".into(),
        owner: "platform team".into(),
        expires: "2027-01-31".parse().unwrap(),
    }
}
