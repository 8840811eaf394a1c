//! A certificate on its way from the charm to clients of the gateway: a real API server,
//! a real istiod and a real Envoy, an istio-pilot that applies its objects all the while,
//! and a client that asks all the while.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ckf_hardening::facts::certificate::Certificate;
use ckf_test_support::{audit, binary, cluster, control, verdict};
use ckf_worlds::World;
use ckf_worlds::istio_pilot::{self, IstioPilot, sign};
use juju_sim::{Event, Relation, Simulation};
use kube_sandbox::{IngressGateway, Sandbox};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use serde_json::{Value, json};

const GATEWAY: u32 = 4;
const TRUST: u32 = 6;
/// Longest wait for a change to be seen by clients.
const SEEN: Duration = Duration::from_secs(30);

/// What istio-pilot has in the cluster: its Gateway, and once it has a certificate the
/// Secret that the Gateway names.
#[derive(Clone, Default)]
struct Applied(Arc<Mutex<Option<(String, String)>>>);

impl Applied {
    fn objects(&self) -> Vec<Value> {
        let pair = self.0.lock().unwrap().clone();
        let pair = pair.as_ref();
        istio_pilot::objects(pair.map(|(certificate, key)| (certificate.as_str(), key.as_str())))
    }

    /// Applies them as istio-pilot does: server-side as `lightkube`, without force.
    fn apply(&self, sandbox: &Sandbox) -> anyhow::Result<()> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": self.objects()});
        let apply = ["apply", "--server-side", "--field-manager=lightkube", "-f", "-"];
        sandbox.kubectl_with(&apply, &list.to_string()).map(drop)
    }

    fn serve(&self, certificate: &str, key: &str) {
        *self.0.lock().unwrap() = Some((certificate.to_owned(), key.to_owned()));
    }
}

/// A client that trusts these authorities and no others.
#[derive(Clone)]
struct Client {
    address: Ipv4Addr,
    config: Arc<ClientConfig>,
}

impl Client {
    fn trusting(gateway: &IngressGateway, authorities: &[String]) -> Self {
        let mut roots = RootCertStore::empty();
        for pem in authorities {
            roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(ckf_hardening::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { address: gateway.address(), config: Arc::new(config) }
    }

    /// Asks once; the leaf that was served, if the answer came whole.
    fn ask(&self) -> Result<Certificate, String> {
        let shown = |why: &dyn std::fmt::Display| why.to_string();
        let name = ServerName::from(std::net::IpAddr::from(self.address));
        let mut connection =
            ClientConnection::new(self.config.clone(), name).map_err(|why| shown(&why))?;
        let mut socket = TcpStream::connect((self.address, 8443)).map_err(|why| shown(&why))?;
        let timeout = Some(Duration::from_secs(10));
        socket.set_read_timeout(timeout).map_err(|why| shown(&why))?;
        let mut stream = Stream::new(&mut connection, &mut socket);
        let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).map_err(|why| shown(&why))?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).map_err(|why| shown(&why))?;
        // Nothing is behind the routes; the gateway itself says so.
        if &answer != b"HTTP/1.1 503" {
            return Err(String::from_utf8_lossy(&answer).into_owned());
        }
        let chain = connection.peer_certificates().unwrap_or_default();
        Certificate::from_der(&chain[0]).map_err(|why| shown(&why))
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SEEN, "{what}: not within {SEEN:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

fn relation(unit: &Simulation, id: u32) -> Relation {
    unit.model().relation(id).unwrap().clone()
}

fn fire(unit: &mut Simulation, event: &Event) {
    let outcome = unit.run(event);
    assert!(outcome.committed(), "{outcome:?}");
}

fn relate(unit: &mut Simulation, relation: Relation) {
    let event = Event::relation(&relation, "changed", None);
    unit.change(|model| model.relations.push(relation));
    fire(unit, &event);
}

fn trusted(unit: &Simulation) -> Vec<String> {
    serde_json::from_str(&relation(unit, TRUST).application_data["certificates"]).unwrap()
}

fn istio_objects(sandbox: &Sandbox) -> Vec<String> {
    let arguments = ["get", "gateways,envoyfilters", "-n", "kubeflow", "-o", "name"];
    let output = sandbox.kubectl(&arguments).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The charm's leader beside the cluster, and istio-pilot's objects in it.
fn platform() -> (Sandbox, Applied, Simulation) {
    let mut world = World::stock("1.10");
    // istio-pilot itself applies this one; nothing answers for login here.
    world.remove("Gateway", "kubeflow-gateway");
    world.remove("EnvoyFilter", "istio-pilot-authn-filter");
    let sandbox = cluster(&world);
    let applied = Applied::default();
    applied.apply(&sandbox).unwrap();
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    let admin = sandbox.kubeconfig("admin");
    unit.environment.insert("KUBECONFIG".into(), admin.into());
    (sandbox, applied, unit)
}

fn lead_to(sandbox: &Sandbox, gateway: &IngressGateway) {
    ckf_test_support::lead_to(sandbox, &gateway.address().to_string());
}

#[test]
fn certificate_reaches_clients_and_renewal_drops_no_connection() {
    let (sandbox, applied, mut unit) = platform();
    let gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
    lead_to(&sandbox, &gateway);
    until("stock HTTP is served", || {
        gateway
            .http()
            .unwrap()
            // Nothing is behind the routes.
            .is_some_and(|answer| answer.starts_with("HTTP/1.1 503"))
    });
    assert_eq!(gateway.handshake(&["-tls1_3"]).unwrap(), None);
    let as_it_was = istio_objects(&sandbox);

    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // istio-pilot reconciles all the while.
        let pilot_loop = scope.spawn(|| {
            let mut times = 0;
            while !over.load(Ordering::Relaxed) {
                applied.apply(&sandbox).expect("no conflict");
                times += 1;
            }
            times
        });
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            life(&sandbox, &gateway, &applied, &mut unit);
        }));
        over.store(true, Ordering::Relaxed);
        let times = pilot_loop.join().expect("istio-pilot saw no conflict");
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
        println!("istio-pilot applied its objects {times} times without a conflict");
    });

    // The charm goes, and leaves the gateway as it was.
    fire(&mut unit, &Event::hook("remove"));
    assert_eq!(istio_objects(&sandbox), as_it_was);
}

fn life(sandbox: &Sandbox, gateway: &IngressGateway, applied: &Applied, unit: &mut Simulation) {
    let address = gateway.address().to_string();
    // By relation: its request is for the address that the load balancer gave.
    let mut pilot = IstioPilot::at(&address);
    let mut related = Relation::new(GATEWAY, "gateway-certificates", "istio-pilot", 1);
    related.remote_units.insert("istio-pilot/0".into(), pilot.databag());
    relate(unit, related);
    relate(unit, Relation::new(TRUST, "send-ca-cert", "prometheus", 1));
    pilot.reads(&relation(unit, GATEWAY));
    let first = pilot.served.clone().expect("it is answered");
    applied.serve(&first, &pilot.key());

    let client = Client::trusting(gateway, &trusted(unit));
    let took =
        until("clients that trust the charm's authority are served", || client.ask().is_ok());
    println!("HTTPS by relation was served {took:?} after the answer");
    // What it found changed is hardened at the next update-status.
    fire(unit, &Event::hook("update-status"));
    until("HTTP leads to HTTPS", || {
        let answer = gateway.http().unwrap().unwrap_or_default();
        answer.starts_with("HTTP/1.1 301")
    });
    for (version, is_served) in
        [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)]
    {
        let options = [version, "-cipher", "ALL:@SECLEVEL=0"];
        let handshake = gateway.handshake(&options).unwrap();
        assert_eq!(handshake.is_some(), is_served, "{version}: {handshake:?}");
    }
    for id in ["TLS-04", "TLS-05", "TLS-16", "TLS-17", "TLS-18", "TLS-20"] {
        assert_eq!(verdict(&report(sandbox), id), "pass", "{id}");
    }
    // Without Juju no root is known that would verify what a private authority signed.
    assert_eq!(verdict(&report(sandbox), "TLS-19"), "not-assessed");

    renew(gateway, &client, applied, unit, &mut pilot);
    by_secret(sandbox, gateway, applied, unit);
}

fn report(sandbox: &Sandbox) -> Value {
    let admin = sandbox.kubeconfig("admin");
    audit(&["--kubeconfig".as_ref(), admin.as_ref()])
}

/// The certificate gets old, and another takes its place while clients ask.
fn renew(
    gateway: &IngressGateway,
    client: &Client,
    applied: &Applied,
    unit: &mut Simulation,
    pilot: &mut IstioPilot,
) {
    let held = ckf_test_support::secret_content(unit, "gateway-ca");
    let own = (held["current-key"].as_str(), held["current-certificate"].as_str());
    let aged = sign(pilot.request(), own, (-61, 29));
    applied.serve(&aged, &pilot.key());
    let leaf = |pem: &str| Certificate::from_pem(pem.as_bytes()).unwrap().swap_remove(0);
    until("the aged certificate is served", || client.ask() == Ok(leaf(&aged)));
    let entry = json!([{"certificate_signing_request": pilot.request(), "certificate": aged,
        "ca": own.1, "chain": [aged, own.1]}]);
    unit.change(|model| {
        let found = model.relations.iter_mut().find(|known| known.id == GATEWAY).unwrap();
        found.application_data.insert("certificates".into(), entry.to_string());
    });

    let over = AtomicBool::new(false);
    let (asked, failed, took) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut asked, mut failed) = (0, Vec::new());
            while !over.load(Ordering::Relaxed) {
                asked += 1;
                failed.extend(client.ask().err());
            }
            (asked, failed)
        });
        fire(unit, &Event::hook("update-status"));
        pilot.reads(&relation(unit, GATEWAY));
        let renewed = pilot.served.clone().unwrap();
        assert_ne!(renewed, aged);
        applied.serve(&renewed, &pilot.key());
        let took =
            until("the renewed certificate is served", || client.ask() == Ok(leaf(&renewed)));
        // Connections after the change count too.
        std::thread::sleep(Duration::from_secs(1));
        over.store(true, Ordering::Relaxed);
        let (asked, failed) = asking.join().unwrap();
        (asked, failed, took)
    });
    println!(
        "a renewed certificate was served {took:?} after the answer; {asked} requests, {} failed",
        failed.len()
    );
    assert_eq!(failed, [] as [String; 0]);
    assert!(asked > 10, "{asked}");
    assert!(gateway.handshake(&["-tls1_3"]).unwrap().is_some());
}

/// The relation goes and a user secret takes its place: what is enforced stays.
fn by_secret(
    sandbox: &Sandbox,
    gateway: &IngressGateway,
    applied: &Applied,
    unit: &mut Simulation,
) {
    let event = Event::relation(&relation(unit, GATEWAY), "broken", None);
    fire(unit, &event);
    unit.change(|model| model.relations.retain(|known| known.id != GATEWAY));
    let (key, authority) = istio_pilot::authority();
    let operator = IstioPilot::at(&gateway.address().to_string());
    let certificate = sign(operator.request(), (&key, &authority), (-1, 60));
    applied.serve(&certificate, &operator.key());
    let client = Client::trusting(gateway, &[authority]);
    until("HTTPS by secret is served", || client.ask().is_ok());
    fire(unit, &Event::hook("update-status"));
    let report = report(sandbox);
    for id in ["TLS-05", "TLS-17", "TLS-18", "TLS-20"] {
        let found = control(&report, id);
        assert_eq!(found["verdict"], "pass", "{found}");
    }
}
