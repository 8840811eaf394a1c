//! `cargo xtask sandbox`: a cluster to try things on.

use anyhow::bail;
use ckf_worlds::World;
use kube_sandbox::Sandbox;

/// Pods and profiles of a large deployment.
pub const LARGE: (usize, usize) = (20_000, 2_000);

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask sandbox [large]

Runs a real API server with a stock Charmed Kubeflow 1.10, or with a `large` one of 20,000 pods and
2,000 profiles, and prints the KUBECONFIG to use. Ctrl-C ends it and removes it.
";

/// A real API server with a deployment in it, until Ctrl-C.
pub fn sandbox(arguments: &[String]) -> anyhow::Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let world = match arguments[..] {
        [] => World::stock("1.10"),
        ["large"] => World::large("1.10", LARGE.0, LARGE.1),
        _ => bail!("there is no deployment {:?}\n\n{USAGE}", arguments.join(" ")),
    };
    let sandbox = Sandbox::start()?;
    let loader = sandbox.define(&World::definitions())?;
    eprintln!("loading {} objects ...", world.objects.len());
    loader.load(&world.objects)?;
    println!("export KUBECONFIG={}", sandbox.kubeconfig("admin").display());
    eprintln!("Ctrl-C ends it.");
    loop {
        std::thread::park();
    }
}
