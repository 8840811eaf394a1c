//! `cargo xtask sandbox`: a cluster to try things on.

use anyhow::bail;
use ckf_worlds::World;
use kube_sandbox::Sandbox;

/// Pods and profiles of a large deployment.
pub const LARGE: (usize, usize) = (20_000, 2_000);

/// A real API server with a deployment in it, until Ctrl-C.
pub fn sandbox(size: Option<&str>) -> anyhow::Result<()> {
    let world = match size {
        None => World::stock("1.10"),
        Some("large") => World::large("1.10", LARGE.0, LARGE.1),
        Some(other) => bail!("there is no deployment {other:?}; `large` is one"),
    };
    let sandbox = Sandbox::start()?;
    sandbox.install_istio_definitions()?;
    let loader = sandbox.loader()?;
    loader.load(&World::definitions())?;
    sandbox.wait_for_definitions()?;
    eprintln!("loading {} objects ...", world.objects.len());
    loader.load(&world.objects)?;
    println!("export KUBECONFIG={}", sandbox.kubeconfig("admin").display());
    eprintln!("Ctrl-C ends it.");
    loop {
        std::thread::park();
    }
}
