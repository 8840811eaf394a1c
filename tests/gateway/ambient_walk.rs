//! From a stock deployment in the ambient mesh to a report without open critical and high findings
//! but the limits that it names, by the product's own advice alone, and back; beside a real istiod,
//! with real Envoys as the ingress and before a web app.

use std::collections::BTreeSet;

use ckf_hardening::remedies::Remedy;
use ckf_test_support::deployment::{controller, operator};
use ckf_test_support::objects::{differences, everything};
use ckf_test_support::rotation::unit;
use ckf_test_support::{client_store, control};
use ckf_worlds::{JUJU, World, ambient_release};
use juju_sim::{Juju, Simulation};
use kube_sandbox::{Caller, IngressGateway, Sandbox, Workload};
use serde_json::{Value, json};

use crate::ambient_certificate::{HTTP, ambient, until};
use crate::profile_users;
use crate::stock_to_clean::operator::{COMMANDS, fix, remedies};
use crate::stock_to_clean::{limits, open, uncovered};

/// Label by which a namespace's pods are admitted.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const TENANT: Caller<'_> = Caller::OfMesh("admin", "default-editor");
const DASHBOARD: Caller<'_> = Caller::OfMesh("kubeflow", "kubeflow-dashboard");
/// A page of KFAM, which believes the header of who comes to it.
const PAGE: &str = "/kfam/v1/bindings";

struct Walk {
    sandbox: Sandbox,
    world: World,
    unit: Simulation,
    store: tempfile::TempDir,
    followed: BTreeSet<&'static str>,
}

impl Walk {
    fn command(&self, arguments: &[&str]) -> std::process::Output {
        operator(self.store.path(), &self.sandbox.kubeconfig("admin"), arguments)
    }

    fn report(&self) -> Value {
        let output = self.command(&["audit", "--format", "json"]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Carries a remedy out, or takes it back.
    fn remedy(&self, action: &str, name: &str) {
        let output = self.command(&[action, name, "--yes"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{action} {name}: {text}");
    }

    /// Follows the fix of a control, as far as it was not.
    fn follow(&mut self, id: &str) {
        let text = fix(id);
        for name in remedies(&text) {
            if self.followed.insert(name) {
                self.remedy("apply", name);
            }
        }
        for (_, command) in COMMANDS.iter().filter(|(control, _)| *control == id) {
            assert!(text.contains(command), "{id} no longer says {command:?}");
            if self.followed.insert(command) {
                self.run(command);
            }
        }
    }

    fn run(&mut self, command: &str) {
        let set = |option: &str, value: Value| {
            self.unit.controller().change(|state| {
                let application = state.application_mut("dex-auth").expect("it is deployed");
                application.options.entry(option.into()).or_default().set = Some(value);
            });
        };
        match command {
            "AUTHN-08" => self.follow("AUTHN-08"),
            "juju config kubeflow-profiles security-policy=baseline" => self.enforce("baseline"),
            "juju upgrade-controller" => {
                self.unit.controller().change(|state| state.upgraded_to = Some(JUJU.into()));
            }
            "juju upgrade-model" => self.upgrade_agents(),
            "juju revoke USER superuser" => self.unit.controller().change(|state| {
                let user = state.users.get_mut("hardening").expect("the charm has a login");
                user.access = "login".into();
            }),
            "juju config dex-auth connectors=@connectors.yaml" => {
                let connector = "[{type: oidc, id: corp, name: Corp, config: {issuer: 'https://login.example.com'}}]";
                set("connectors", json!(connector));
            }
            "juju config dex-auth enable-password-db=false" => {
                set("enable-password-db", json!(false));
            }
            other => panic!("the walk cannot run {other:?}"),
        }
    }

    /// Labels the profile, whose running pods must all be admitted again.
    fn enforce(&self, standard: &str) {
        let label = format!("{ENFORCE}={standard}");
        let labelled = self.sandbox.kubectl(&["label", "--overwrite", "ns", "admin", &label]);
        let labelled = labelled.unwrap();
        assert!(labelled.status.success(), "{labelled:?}");
        assert_eq!(String::from_utf8_lossy(&labelled.stderr), "");
    }

    fn upgrade_agents(&mut self) {
        let mut changed = Vec::new();
        for object in &mut self.world.objects {
            let text = object.to_string();
            let newer = text.replace("/jujud-operator:3.6.9", &format!("/jujud-operator:{JUJU}"));
            if newer != text {
                *object = serde_json::from_str(&newer).unwrap();
                changed.push(object.clone());
            }
        }
        let loader = self.sandbox.loader().unwrap();
        let is_pod = |object: &&Value| object["kind"] == "Pod";
        for pod in changed.iter().filter(is_pod) {
            let name = pod["metadata"]["name"].as_str().unwrap();
            let delete = ["delete", "pod", "-n", "kubeflow", name, "--force", "--grace-period=0"];
            self.sandbox.kubectl(&delete).unwrap();
        }
        loader.load(&changed).unwrap();
    }
}

/// People are sent to log in, and get there.
fn login_works(gateway: &IngressGateway) {
    until(gateway, HTTP, "/pipeline", "302");
    until(gateway, HTTP, "/dex/auth", "dex-auth");
}

#[test]
fn stock_ambient_mesh_becomes_clean_by_advice_alone_and_is_undone() {
    let (world, mesh) = ambient();
    let sandbox = Sandbox::start().unwrap();
    sandbox.install_gateway_api().unwrap();
    let loader = sandbox.define(&World::definitions()).unwrap();
    loader.load(&world.objects).unwrap();
    let mut gateway = IngressGateway::start_ambient(&sandbox, &mesh).unwrap();
    let labels = json!({"app.kubernetes.io/name": "kubeflow-profiles"});
    let kfam = Workload::start(&sandbox, &mut gateway, "kubeflow", &labels, 8081).unwrap();
    let release = ambient_release("1.11");
    let unit = unit(Juju::V3_6, "", |uuid| controller(&release, uuid));
    let store = client_store(unit.controller());
    let mut walk = Walk { sandbox, world, unit, store, followed: BTreeSet::new() };
    let before = everything(&walk.sandbox);
    login_works(&gateway);
    profile_users::until(&kfam, TENANT, PAGE, "eve@example.com", 200);
    let mut report = walk.report();
    assert_eq!(report["release"], "1.11");
    let begun = open(&report);
    assert!(begun.iter().any(|id| id == "NET-02"), "{begun:?}");
    loop {
        let known = walk.followed.len();
        open(&report).iter().for_each(|id| walk.follow(id));
        report = walk.report();
        if walk.followed.len() == known {
            break;
        }
    }
    for id in open(&report) {
        println!("{id}: {:?}", uncovered(control(&report, &id)));
    }
    assert_eq!(open(&report), [""; 0]);
    println!("{} controls open, then none, in {} steps", begun.len(), walk.followed.len());
    walk.followed.iter().for_each(|step| println!("  {step}"));
    limits(&report).iter().for_each(|limit| println!("  {limit}"));
    // Who runs in a profile no longer names a user to KFAM; the platform does, and people log in.
    profile_users::until(&kfam, TENANT, PAGE, "eve@example.com", 403);
    assert_eq!(kfam.get(Caller::Plain, PAGE, "eve@example.com").unwrap(), Some(403));
    assert_eq!(kfam.get(DASHBOARD, PAGE, "eve@example.com").unwrap(), Some(200));
    login_works(&gateway);

    for name in walk.followed.iter().filter(|step| step.parse::<Remedy>().is_ok()) {
        walk.remedy("undo", name);
    }
    walk.enforce("privileged");
    profile_users::until(&kfam, TENANT, PAGE, "eve@example.com", 200);
    login_works(&gateway);
    let mut differ = differences(&before, &everything(&walk.sandbox));
    // Juju's agents were upgraded.
    let agents = ["Pod ", "StatefulSet ", "Deployment kubeflow/modeloperator"];
    differ.retain(|name| !agents.iter().any(|agent| name.starts_with(agent)));
    assert_eq!(differ, [""; 0]);
}
