//! An operator who follows the product's advice and nothing else: commands as fixes have them, and
//! the remedies that they name.

use std::collections::BTreeSet;

use ckf_hardening::remedies::Remedy;
use ckf_worlds::istio_pilot::IstioPilot;
use ckf_worlds::{HOST, JUJU, NAMESPACE, digest, object};
use juju_sim::{Event, Relation};
use serde_json::{Value, json};

use super::platform::Platform;

/// Commands of fixes, by control, as the catalogue writes them: in every mesh.
pub(crate) const COMMANDS: [(&str, &str); 7] = [
    ("PSS-01", "juju config kubeflow-profiles security-policy=baseline"),
    ("UPG-07", "juju upgrade-controller"),
    ("UPG-07", "juju upgrade-model"),
    ("CRED-03", "juju revoke USER superuser"),
    // A fix that names another control is followed there first.
    ("AUTHN-09", "AUTHN-08"),
    ("AUTHN-08", "juju config dex-auth connectors=@connectors.yaml"),
    ("AUTHN-08", "juju config dex-auth enable-password-db=false"),
];
/// And those of sidecars, which come first.
const OF_SIDECARS: [(&str, &str); 7] = [
    ("TLS-01", "juju config istio-pilot csr-domain-name=HOST"),
    ("TLS-01", "juju config ckf-hardening external-hostname=HOST"),
    ("TLS-01", "juju integrate ckf-hardening:gateway-certificates istio-pilot:certificates"),
    ("PSS-03", "juju config istio-pilot cni-bin-dir=BIN cni-conf-dir=CONF"),
    ("PSS-01", "PSS-03"),
    ("IMG-01", "juju config knative-operator otel-collector-image=IMAGE"),
    ("IMG-02", "juju config knative-operator otel-collector-image=IMAGE"),
];

/// Id of the relation by which istio-pilot gets its certificate.
pub(super) const RELATION: u32 = 4;

/// The fix of a control, on one line.
pub(crate) fn fix(id: &str) -> String {
    let control = ckf_hardening::catalog::control(id).expect("the catalogue has it");
    control.fix.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Commands of a control's fix.
fn commands(id: &str) -> Vec<(&'static str, &'static str)> {
    OF_SIDECARS.iter().chain(&COMMANDS).filter(|(control, _)| *control == id).copied().collect()
}

/// Remedies whose names stand in a text behind `plan` or `apply`.
pub(crate) fn remedies(text: &str) -> Vec<&'static str> {
    let commands = ["ckf-hardening plan ", "ckf-hardening apply "];
    let parts = commands.iter().flat_map(|command| text.split(command).skip(1));
    let names = parts.flat_map(|part| part.split('`').next().unwrap_or_default().split(' '));
    let known = |name: &str| Remedy::ALL.iter().map(|r| r.name()).find(|known| *known == name);
    names.filter_map(known).collect()
}

/// What was followed so far.
#[derive(Default)]
pub(super) struct Followed {
    commands: BTreeSet<&'static str>,
    remedies: BTreeSet<&'static str>,
    /// Each step, for the figures.
    pub(super) steps: Vec<String>,
}

impl Followed {
    /// Follows what the fixes of these controls say and was not followed yet; whether there was any.
    pub(super) fn follow(&mut self, platform: &mut Platform, open: &[String]) -> bool {
        let before = self.steps.len();
        for id in open {
            let text = fix(id);
            for name in remedies(&text) {
                if self.remedies.insert(name) {
                    self.steps.push(format!("{id}: enforce {name}"));
                }
            }
            let known = commands(id);
            assert!(
                !known.is_empty() || !remedies(&text).is_empty(),
                "{id} is open, and nothing of its fix can be followed: {text}"
            );
            for (control, command) in known {
                assert!(fix(control).contains(command), "{control} no longer says {command:?}");
                let all = match commands(command) {
                    led if led.is_empty() => vec![(control, command)],
                    led => led,
                };
                for (control, command) in all {
                    assert!(fix(control).contains(command), "{control} no longer says {command:?}");
                    if self.commands.insert(command) {
                        platform.run(command);
                        self.steps.push(format!("{id}: {command}"));
                    }
                }
            }
        }
        let enforced: Vec<&str> = self.remedies.iter().copied().collect();
        let enforced = [&["tls-floor"][..], &enforced].concat().join(",");
        platform.enforce(&enforced);
        self.steps.len() > before
    }
}

impl Platform {
    /// Sets the option, and agrees to what is held back where the status asks for it.
    fn enforce(&mut self, remedies: &str) {
        self.unit.set_option("enforce", remedies);
        self.fire(&Event::hook("config-changed"));
        for _ in 0..2 {
            let message = self.unit.model().status.message;
            let Some((_, rest)) = message.split_once("allow-disruption=") else {
                break;
            };
            let names = rest.split(|c: char| !(c.is_alphanumeric() || "-,".contains(c)));
            let names = names.map(str::to_owned).next().unwrap_or_default();
            let known = self.unit.model().options.get("allow-disruption").cloned();
            let known = known.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            let both: BTreeSet<&str> =
                known.split(',').chain(names.split(',')).filter(|name| !name.is_empty()).collect();
            let both: Vec<&str> = both.into_iter().collect();
            self.unit.set_option("allow-disruption", both.join(","));
            self.fire(&Event::hook("config-changed"));
        }
    }

    /// Runs a command, with its placeholders filled in.
    fn run(&mut self, command: &str) {
        let set = |platform: &Self, application: &str, option: &str, value: Value| {
            platform.unit.controller().change(|state| {
                let application = state.application_mut(application).expect("it is deployed");
                application.options.entry(option.into()).or_default().set = Some(value);
            });
        };
        match command {
            "juju config istio-pilot csr-domain-name=HOST" => {
                set(self, "istio-pilot", "csr-domain-name", json!(HOST));
            }
            "juju config ckf-hardening external-hostname=HOST" => {
                self.unit.set_option("external-hostname", HOST);
                self.fire(&Event::hook("config-changed"));
            }
            "juju integrate ckf-hardening:gateway-certificates istio-pilot:certificates" => {
                self.integrate();
            }
            "juju config istio-pilot cni-bin-dir=BIN cni-conf-dir=CONF" => {
                set(self, "istio-pilot", "cni-bin-dir", json!("/opt/cni/bin"));
                set(self, "istio-pilot", "cni-conf-dir", json!("/etc/cni/net.d"));
                self.install_cni();
            }
            "juju config kubeflow-profiles security-policy=baseline" => {
                set(self, "kubeflow-profiles", "security-policy", json!("baseline"));
                for mut namespace in self.profile_namespaces() {
                    let labels = &mut namespace["metadata"]["labels"];
                    labels["pod-security.kubernetes.io/enforce"] = "baseline".into();
                    self.controllers.write("profile-controller", namespace);
                }
            }
            "juju config knative-operator otel-collector-image=IMAGE" => {
                let image =
                    format!("docker.io/ubuntu/opentelemetry-collector@{}", digest("collector"));
                set(self, "knative-operator", "otel-collector-image", json!(image));
                self.roll_out("otel-collector", |container| {
                    container["image"] = image.clone().into()
                });
            }
            "juju upgrade-controller" => {
                self.unit.controller().change(|state| state.upgraded_to = Some(JUJU.into()));
            }
            "juju upgrade-model" => {
                let image = format!("docker.io/jujusolutions/jujud-operator:{JUJU}");
                self.roll_out("", |container| {
                    let is_agent = container["image"]
                        .as_str()
                        .is_some_and(|image| image.contains("/jujud-operator:"));
                    if is_agent {
                        container["image"] = image.clone().into();
                    }
                });
            }
            "juju revoke USER superuser" => self.unit.controller().change(|state| {
                let user = state.users.get_mut("hardening").expect("the charm has a login");
                user.access = "login".into();
            }),
            "juju config dex-auth connectors=@connectors.yaml" => {
                let connector = "[{type: oidc, id: corp, name: Corp, config: {issuer: 'https://login.example.com'}}]";
                set(self, "dex-auth", "connectors", json!(connector));
            }
            "juju config dex-auth enable-password-db=false" => {
                set(self, "dex-auth", "enable-password-db", json!(false));
            }
            other => panic!("the walk cannot run {other:?}"),
        }
    }

    /// istio-pilot asks for a certificate, is answered, and serves it.
    fn integrate(&mut self) {
        let mut pilot = IstioPilot::at(HOST);
        let mut related = Relation::new(RELATION, "gateway-certificates", "istio-pilot", 1);
        related.remote_units.insert("istio-pilot/0".into(), pilot.databag());
        let event = Event::relation(&related, "changed", None);
        self.unit.change(|model| model.relations.push(related));
        self.fire(&event);
        pilot.reads(self.unit.model().relation(RELATION).expect("it is related"));
        self.unit.controller().change(|state| {
            let application = state.application_mut("istio-pilot").expect("it is deployed");
            application.relations.insert("certificates".into(), vec!["ckf-hardening".into()]);
        });
        for object in pilot.objects() {
            self.controllers.write("lightkube", object);
        }
        super::platform::until("HTTPS is served", || {
            self.gateway.handshake(&["-tls1_3"]).expect("openssl runs").is_some()
        });
    }

    /// istio-pilot's node agent, and the profiles' pods restarted, without istio-init.
    fn install_cni(&mut self) {
        let images = self.release["platform-images"].as_array().into_iter().flatten();
        let image = images.filter_map(Value::as_str).find(|image| image.contains("install-cni"));
        let labels = json!({"k8s-app": "istio-cni-node"});
        let spec = json!({"serviceAccountName": "istio-cni", "hostNetwork": true,
            "volumes": [{"name": "cni-bin-dir", "hostPath": {"path": "/opt/cni/bin", "type": ""}}],
            "containers": [{"name": "install-cni", "image": image.expect("the release names it"),
                "securityContext": {"capabilities": {"add": ["NET_ADMIN", "SYS_ADMIN"]}}}]});
        self.controllers.write(
            "lightkube",
            object(
                "apps/v1",
                "DaemonSet",
                NAMESPACE,
                "istio-cni-node",
                json!({
                "spec": {"selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": spec}}}),
            ),
        );
        let mut agent = object(
            "v1",
            "Pod",
            NAMESPACE,
            "istio-cni-node-8xk2p",
            json!({
            "metadata": {"labels": labels}, "spec": spec, "status": {"phase": "Running"}}),
        );
        agent["spec"]["nodeName"] = "node-0".into();
        agent["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "DaemonSet",
            "name": "istio-cni-node", "controller": true, "uid": "00000000-0000-0000-0000-000000000001"}]);
        let of_mesh = self.world.objects.iter_mut().filter(|object| {
            object["kind"] == "Pod" && object["spec"]["initContainers"][0]["name"] == "istio-init"
        });
        let mut restarted = vec![agent];
        for pod in of_mesh {
            pod["spec"].as_object_mut().expect("a spec is a map").remove("initContainers");
            let status = pod["status"].as_object_mut().expect("a status is a map");
            status.remove("initContainerStatuses");
            restarted.push(pod.clone());
        }
        let loader = self.sandbox.loader().expect("admin can log in");
        for pod in &restarted {
            let name = pod["metadata"]["name"].as_str().expect("a pod has a name");
            let namespace = pod["metadata"]["namespace"].as_str().expect("a pod has a namespace");
            let delete = ["delete", "pod", "-n", namespace, name, "--ignore-not-found", "--force"];
            self.sandbox.kubectl(&[&delete[..], &["--grace-period=0"]].concat()).expect("it runs");
        }
        loader.load(&restarted).expect("the pods load");
    }
}
