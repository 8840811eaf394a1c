//! Registries and Charmhub out of reach: a hook waits once and briefly, and remembers it.

use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ckf_worlds::World;
use juju_sim::controller::{Application, Controller, State};
use juju_sim::{Event, Juju};

use super::fire;

/// Two seconds for all that is out of reach; the rest is this machine's.
const LONGEST: Duration = Duration::from_secs(12);
/// A listener whose queue is full: like a firewall, it never answers.
const PROGRAM: &str = "
import socket, time
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(0)
waiting = []
for _ in range(8):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(listener.getsockname())
    waiting.append(one)
print(listener.getsockname()[1], flush=True)
time.sleep(600)
";

/// A port that nothing comes back from.
pub struct BlackHole(Child, u16);

impl BlackHole {
    pub fn open() -> Self {
        let mut child =
            Command::new("python3").args(["-c", PROGRAM]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        std::io::BufReader::new(output).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self(child, port)
    }
}

impl BlackHole {
    pub fn port(&self) -> u16 {
        self.1
    }
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn unresponsive_registries_and_charmhub_cost_one_hook_two_seconds() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let (registry, charmhub) = (BlackHole::open(), BlackHole::open());
    let controller = |uuid: &str| {
        let mut state = State::new(Juju::V4_0, "admin-pw");
        state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
        let model = state.add_model(uuid, "kubeflow");
        model.users.insert("hardening".into(), "write".into());
        let dex = Application {
            charm: "ch:amd64/dex-auth-612".into(),
            channel: "2.41/stable".into(),
            ..Application::default()
        };
        model.applications.insert("dex-auth".into(), dex);
        Controller::start(state).unwrap()
    };
    let mut unit = ckf_test_support::rotation::unit(Juju::V4_0, "", controller);
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    let measured = |unit: &mut juju_sim::Simulation, event: &Event| {
        let started = Instant::now();
        let outcome = fire(unit, event);
        (started.elapsed(), outcome)
    };
    let (quiet, _) = measured(&mut unit, &Event::hook("config-changed"));

    unit.set_option("offline", false);
    unit.set_option("registry-mirrors", format!("docker.io=127.0.0.1:{}/hub", registry.port()));
    unit.set_option("charmhub-url", format!("http://127.0.0.1:{}", charmhub.port()));
    let (first, _) = measured(&mut unit, &Event::hook("config-changed"));
    let says = format!("127.0.0.1:{} could not be reached", registry.port());
    let log = unit.model().log;
    assert!(log.iter().any(|line| line.message.contains(&says)), "{log:?}");
    // It is on record, and not tried again for a while.
    unit.set_option("block-on", "critical");
    let said = log.len();
    let (again, _) = measured(&mut unit, &Event::hook("config-changed"));
    let log = &unit.model().log[said..];
    assert!(!log.iter().any(|line| line.message.contains("could not be reached")), "{log:?}");
    let (action, outcome) =
        measured(&mut unit, &Event::action("check-rocks", serde_json::json!({})));
    assert!(outcome.results().contains_key("rocks"));
    println!(
        "offline {quiet:?}, out of reach {first:?}, remembered {again:?}, check-rocks {action:?}"
    );
    for time in [first, action] {
        assert!(time < LONGEST && time < quiet + Duration::from_secs(4), "{time:?}");
    }
}
