//! The programs that the demo runs, built and installed side by side while it goes on.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use test_programs::progress;

/// How often progress is shown where it cannot be overwritten.
const EVERY: Duration = Duration::from_secs(10);
/// How often it is looked at.
const TICK: Duration = Duration::from_millis(250);

/// A program on its way, or several that one thread makes one after the other.
pub struct Part {
    /// What it is, for a person.
    what: &'static str,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Part {
    /// Begins to make it.
    fn begin(what: &'static str, make: fn() -> anyhow::Result<PathBuf>) -> Self {
        Self { what, thread: std::thread::spawn(move || make().map(drop)) }
    }

    /// Waits until it is there, and shows how far all are.
    pub fn wait(self) -> anyhow::Result<()> {
        let mut shown = Instant::now() - EVERY;
        let overwrites = std::io::stderr().is_terminal();
        let begun = Instant::now();
        while !self.thread.is_finished() {
            std::thread::sleep(TICK);
            if overwrites {
                eprint!("\r\x1b[2K{}", progress::lines().join(" · "));
                // A line that is not shown does no harm.
                let _ = std::io::stderr().flush();
            } else if shown.elapsed() >= EVERY {
                eprintln!("{}", progress::lines().join(" · "));
                shown = Instant::now();
            }
        }
        if overwrites {
            eprint!("\r\x1b[2K");
        }
        if begun.elapsed() > EVERY {
            eprintln!("{} is ready after {} s", self.what, begun.elapsed().as_secs());
        }
        match self.thread.join() {
            Ok(made) => made.with_context(|| format!("making {}", self.what)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// All programs of the demo.
pub struct Parts {
    /// etcd, kube-apiserver and kubectl.
    pub cluster: Part,
    /// istiod.
    pub istiod: Part,
    /// Envoy.
    pub envoy: Part,
    /// A registry.
    pub registry: Part,
    /// Prometheus.
    pub prometheus: Part,
}

impl Parts {
    /// Begins to make all of them. istiod is built after the API server, whose packages it shares;
    /// apt-get does not run twice at a time.
    pub fn begin() -> Self {
        progress::take();
        Self {
            cluster: Part::begin("the Kubernetes API server", kube_sandbox::kubebox),
            istiod: Part::begin("istiod", || {
                kube_sandbox::kubebox()?;
                kube_sandbox::istiod()
            }),
            envoy: Part::begin("Envoy", kube_sandbox::envoy),
            registry: Part::begin("the registry", || {
                test_programs::debian::program("docker-registry", "docker-registry")
            }),
            prometheus: Part::begin("Prometheus", || {
                test_programs::debian::program("docker-registry", "docker-registry")?;
                test_programs::debian::program("prometheus", "prometheus")
            }),
        }
    }
}
