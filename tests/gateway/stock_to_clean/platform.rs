//! A stock deployment with all that acts on it: its controllers, a gateway, pods of a profile, the
//! charm, and the operator's login to Juju and to the cluster.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ckf_test_support::deployment::{controller, operator};
use ckf_test_support::rotation::unit;
use ckf_test_support::{client_store, cluster, lead_to};
use ckf_worlds::{World, contributor, profile, release, tenant};
use juju_sim::{Event, Juju, Simulation};
use kube_sandbox::{IngressGateway, Sandbox, Workload};
use serde_json::{Value, json};

use super::controllers::Controllers;
use super::operator::RELATION;
use crate::profile_users;

/// Longest wait for a change to be seen by clients.
const SEEN: Duration = Duration::from_secs(30);

/// A deployment with its controllers, its operator's controller of Juju, and the product.
pub(super) struct Platform {
    pub(super) release: Value,
    pub(super) world: World,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) controllers: Controllers,
    pub(super) unit: Simulation,
    pub(super) gateway: IngressGateway,
    pub(super) notebook: Workload,
    pub(super) artifacts: Workload,
    pub(super) store: tempfile::TempDir,
    /// istio-pilot's Gateway without a certificate.
    pub(super) stock_gateway: Value,
}

pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SEEN, "{what}: not within {SEEN:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Takes the objects of these kinds and names out of a world, or copies of them.
fn of(world: &mut World, stays: bool, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
    let found: Vec<Value> = world.objects.iter().filter(|o| is_it(o)).cloned().collect();
    if !stays {
        world.objects.retain(|object| !is_it(object));
    }
    found
}

impl Platform {
    pub(super) fn start(name: &str) -> Self {
        let release = release(name);
        let mut world = World::stock(name);
        world.objects.extend(profile("team-a", "Ada@Example.com", &release));
        world.objects.extend(tenant("team-a", &release));
        world.objects.extend(contributor("team-a", "bob@example.com", "edit"));
        // Istio maps port 80 to the Service's target, for which a gateway needs endpoints.
        world.get("Gateway", "knative-ingress-gateway")["spec"]["servers"][0]["port"]["number"] =
            8080.into();
        let named = |object: &Value, names: &[&str]| {
            names.iter().any(|name| object["metadata"]["name"] == *name)
        };
        let stock_gateway = world.get("Gateway", "kubeflow-gateway").clone();
        let pilot = ["kubeflow-gateway", "istio-pilot-authn-filter"];
        let kfp = [
            "ns-owner-access-istio-charmed",
            "ml-pipeline-ui-artifact",
            "mlpipeline-minio-artifact",
        ];
        let by_profile = ["Namespace", "RoleBinding", "AuthorizationPolicy"];
        let is_of_profile = |object: &Value| {
            let metadata = &object["metadata"];
            ["admin", "team-a"]
                .iter()
                .any(|p| metadata["namespace"] == *p || metadata["name"] == *p)
        };
        let of_profiles = of(&mut world, true, |o| {
            is_of_profile(o)
                && by_profile.iter().any(|kind| o["kind"] == *kind)
                && !named(o, &["ns-owner-access-istio-charmed"])
        });
        let of_profiles = of_profiles.into_iter().map(|mut object| {
            object["metadata"].as_object_mut().expect("it has metadata").remove("ownerReferences");
            object
        });
        let owned = vec![
            ("profile-controller", of_profiles.collect()),
            (
                "kfp-profile-controller",
                of(&mut world, true, |o| {
                    is_of_profile(o)
                        && named(o, &kfp)
                        && o["kind"] != "Pod"
                        && o["kind"] != "Deployment"
                }),
            ),
            (
                "knative-operator",
                of(&mut world, true, |o| {
                    o["metadata"]["namespace"] == "knative-serving"
                        && ["Gateway", "PeerAuthentication"].iter().any(|kind| o["kind"] == *kind)
                }),
            ),
            (
                "lightkube",
                of(&mut world, false, |o| {
                    o["metadata"]["namespace"] == "kubeflow"
                        && (named(o, &pilot) || o["kind"] == "VirtualService")
                }),
            ),
        ];
        let sandbox = Arc::new(cluster(&world));
        let controllers = Controllers::start(&sandbox, owned);
        let mut gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
        lead_to(&sandbox, &gateway.address().to_string());
        let mut start = |labels, port| {
            Workload::start(&sandbox, &mut gateway, "team-a", &labels, port).expect("it starts")
        };
        let notebook = start(json!({"notebook-name": "nb1"}), 8888);
        let artifacts = start(json!({"app": "ml-pipeline-ui-artifact"}), 3000);
        let mut unit = unit(Juju::V3_6, "", |uuid| controller(&release, uuid));
        let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
        unit.environment.insert("KUBECONFIG".into(), kubeconfig);
        let store = client_store(unit.controller());
        Self {
            release,
            world,
            sandbox,
            controllers,
            unit,
            gateway,
            notebook,
            artifacts,
            store,
            stock_gateway,
        }
    }

    pub(super) fn fire(&mut self, event: &Event) {
        let outcome = self.unit.run(event);
        assert!(outcome.committed(), "{outcome:?}");
    }

    /// The report that its operator gets.
    pub(super) fn report(&self) -> Value {
        let admin = self.sandbox.kubeconfig("admin");
        let output = operator(self.store.path(), &admin, &["audit", "--format", "json"]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Namespaces of the profiles, as their controller writes them.
    pub(super) fn profile_namespaces(&self) -> Vec<Value> {
        let is_one = |object: &&Value| {
            let name = &object["metadata"]["name"];
            object["kind"] == "Namespace" && (*name == "admin" || *name == "team-a")
        };
        let mut all: Vec<Value> = self.world.objects.iter().filter(is_one).cloned().collect();
        for namespace in &mut all {
            namespace["metadata"].as_object_mut().unwrap().remove("ownerReferences");
        }
        all
    }

    /// Changes containers of the pods whose names begin so, and loads these pods again.
    pub(super) fn roll_out(&mut self, name: &str, change: impl Fn(&mut Value)) {
        let mut changed = Vec::new();
        for object in &mut self.world.objects {
            let is_named = object["metadata"]["name"].as_str().is_some_and(|n| n.starts_with(name));
            let spec = match object["kind"].as_str() {
                Some("Pod") => &mut object["spec"],
                Some("Deployment" | "StatefulSet") => &mut object["spec"]["template"]["spec"],
                _ => continue,
            };
            if !is_named {
                continue;
            }
            let before = spec.clone();
            for list in ["initContainers", "containers"] {
                spec[list].as_array_mut().into_iter().flatten().for_each(&change);
            }
            let is_changed = before != *spec;
            if spec["initContainers"].is_null() {
                spec.as_object_mut().unwrap().remove("initContainers");
            }
            if is_changed {
                changed.push(object.clone());
            }
        }
        self.sandbox.loader().unwrap().load(&changed).unwrap();
    }

    /// What the platform and its users need is served: their own pages, artefacts, models and the
    /// culling of notebooks, and login before the dashboard.
    pub(super) fn works(&self) {
        profile_users::wanted_flows_are_served(&self.notebook, &self.artifacts);
    }

    /// HTTP leads to HTTPS, which asks for a login, and serves the dashboard to a session.
    pub(super) fn is_served_by_https(&self) {
        until("HTTP is redirected", || {
            let answer = self.gateway.http_at("/", kube_sandbox::SESSION).unwrap();
            answer.unwrap_or_default().starts_with("HTTP/1.1 301")
        });
        let answer = self.gateway.https().unwrap();
        assert!(answer.contains("HTTP/1.1 302 Found"), "{answer}");
        let answer = self.gateway.https_with(kube_sandbox::SESSION).unwrap();
        // The route leads there, and no pod runs behind it.
        assert!(answer.contains("HTTP/1.1 503"), "{answer}");
    }

    /// The charm is removed, and istio-pilot serves what it did without a certificate.
    pub(super) fn undo(&mut self, stock_gateway: Value) {
        let related = self.unit.model().relation(RELATION).unwrap().clone();
        self.fire(&Event::relation(&related, "broken", None));
        self.unit.change(|model| model.relations.retain(|known| known.id != RELATION));
        self.fire(&Event::hook("stop"));
        self.fire(&Event::hook("remove"));
        self.controllers
            .forget("lightkube", &["kubeflow-gateway-gateway-secret", "istio-cni-node"]);
        self.controllers.write("lightkube", stock_gateway);
        for object in ["secret/kubeflow-gateway-gateway-secret", "daemonset/istio-cni-node"] {
            let delete = ["delete", "-n", "kubeflow", object];
            assert!(self.sandbox.kubectl(&delete).unwrap().status.success());
        }
        for mut namespace in self.profile_namespaces() {
            let labels = &mut namespace["metadata"]["labels"];
            labels["pod-security.kubernetes.io/enforce"] = "privileged".into();
            self.controllers.write("profile-controller", namespace);
        }
    }
}
