//! What Juju itself does to a unit: removal in the orders that were recorded of it, tools that find
//! gone what they are asked about, limits of length, and how results of actions are printed.

mod absences;
mod grants;
mod limits;
mod login;
mod offline;
mod pebble;
mod printing;
mod registration;
mod removal;
mod status;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use ckf_test_support::binary;
use juju_sim::pebble::Program;
use juju_sim::{Event, Juju, Outcome, Relation, Simulation};
use kube_sandbox::Sandbox;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A unit beside a cluster, with its peer relation.
fn unit(juju: Juju, number: u32, of: u32, kubeconfig: &Path) -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig.into());
    // Nothing outside of this machine is asked.
    unit.set_option("offline", true);
    let mut peers = Relation::new(0, "peers", "ckf-hardening", of);
    peers.remote_units.remove(&format!("ckf-hardening/{number}"));
    unit.change(|model| {
        model.juju = juju;
        model.unit = format!("ckf-hardening/{number}");
        model.leader = number == 0;
        model.relations.push(peers);
    });
    unit
}

/// Has the container of a unit run the real agent; where it listens.
fn with_agent(unit: &mut Simulation, kubeconfig: &Path) -> String {
    let address = format!("127.0.0.1:{}", kube_sandbox::free_port().unwrap());
    let folder = unit.charm_directory();
    let root = folder.parent().unwrap().join("containers/hardening/root");
    let shown = root.join("var/lib/ckf-hardening").display().to_string();
    let kubeconfig = kubeconfig.display().to_string();
    let agent = binary().display().to_string();
    let agent = Program::new(&["/usr/bin/ckf-hardening"]).becomes(&[
        &agent,
        "serve",
        "--listen",
        &address,
        "--input",
        &shown,
        "--kubeconfig",
        &kubeconfig,
    ]);
    unit.environment.insert("CKF_HARDENING_AGENT".into(), address.clone().into());
    unit.start_pebble("hardening", &[agent]);
    address
}

fn is_well(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let mut text = String::new();
    let asked = write!(stream, "GET /healthz HTTP/1.0\r\nHost: {address}\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut text).is_ok() && text.ends_with("ok\n")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn committed(outcome: &Outcome) {
    assert!(outcome.committed(), "{outcome:?}");
}

fn fire(unit: &mut Simulation, event: &Event) -> Outcome {
    let outcome = unit.run(event);
    committed(&outcome);
    outcome
}

fn hook(unit: &mut Simulation, name: &str) -> Outcome {
    fire(unit, &Event::hook(name))
}

/// Every managed object of a kind.
fn ours(sandbox: &Sandbox, kinds: &str) -> Vec<String> {
    let label = "app.kubernetes.io/managed-by=ckf-hardening";
    let listed = sandbox.kubectl(&["get", kinds, "-A", "-l", label, "-o", "name"]).unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}
