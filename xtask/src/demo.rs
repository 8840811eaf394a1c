//! `cargo xtask demo`: the charm's life in a simulated Juju model beside a real
//! Kubernetes API server that holds a stock Charmed Kubeflow 1.10.

mod credentials;
mod first;
mod harden;
mod observe;
mod parts;
mod rocks;
mod story;
mod tls;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use ckf_worlds::World;
use juju_sim::{Event, Outcome, Simulation};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use self::parts::Parts;
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

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask demo [--no-wait] [-v | --verbose] [--binary FILE]

Audits a stock Charmed Kubeflow, hardens it, undoes it, enforces TLS, rotates a password, finds a
rock that was moved and watches for drift, on a real API server, istiod, Envoy, registry and
Prometheus. They are built or installed on the way, the first time.

  --no-wait      end at the end, instead of serving the report page until Ctrl-C
  -v, --verbose  show hook tools, events and whole reports
  --binary FILE  show this program, instead of building it
";

/// Shows it all; at the end the report page is served until Ctrl-C.
pub fn demo(arguments: &[String]) -> anyhow::Result<()> {
    let mut waits = true;
    let mut verbose = false;
    let mut binary = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--no-wait" => waits = false,
            "-v" | "--verbose" => verbose = true,
            "--binary" => binary = Some(PathBuf::from(rest.next().context(USAGE)?)),
            other => bail!("there is no option {other:?}\n\n{USAGE}"),
        }
    }
    story::begin(verbose);
    let parts = Parts::begin();
    let binary = match binary {
        Some(binary) => binary,
        None => run::debug_binary()?,
    };

    story::act("Audit a stock Charmed Kubeflow 1.10 from a snapshot, without a cluster");
    first::show(&binary)?;

    story::act("The charm on a real API server");
    parts.cluster.wait()?;
    let sandbox = Sandbox::start()?;
    sandbox.install_istio_definitions()?;
    load(&sandbox)?;
    let mut juju = Simulation::new(run::root(), &binary)?;
    juju.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    // Until there is a registry to be asked.
    juju.set_option("offline", true);
    story::command("juju deploy ckf-hardening --trust");
    for hook in ["install", "leader-elected", "config-changed", "start"] {
        fire(&mut juju, &Event::hook(hook))?;
    }
    fire(&mut juju, &Event::pebble_ready("hardening"))?;
    show_status(&juju);
    story::command(&format!("juju run {UNIT} explain control=TLS-01"));
    let outcome = act(&mut juju, "explain", json!({"control": "TLS-01"}))?;
    story::head(outcome.results()["explanation"].as_str().unwrap_or_default(), 12);

    story::act("Plan, apply and undo a remedy");
    lifecycle(&mut juju)?;
    harden::show(&sandbox, &binary)?;
    story::act("Accept a risk, with an owner and an expiry date");
    waive(&mut juju)?;
    story::act("Rotate a password; the charm is killed half-way");
    credentials::show(&mut juju)?;
    story::act("Enforce TLS on the gateway, seen by its clients");
    parts.istiod.wait()?;
    parts.envoy.wait()?;
    tls::show(&mut juju, &sandbox)?;
    story::act("Find a rock that was moved under its tag");
    parts.registry.wait()?;
    rocks::show(&mut juju, &sandbox)?;
    story::act("Watch for drift");
    parts.prometheus.wait()?;
    observe::show(&sandbox, &binary, waits)?;
    let seconds = story::seconds();
    story::say(format!("\nDone in {}:{:02}; every server has ended.", seconds / 60, seconds % 60));
    Ok(())
}

/// Plans a remedy, applies it and undoes it, and checks that only its control changes.
fn lifecycle(juju: &mut Simulation) -> anyhow::Result<()> {
    let before = verdicts(juju)?;
    for name in ["plan", "apply"] {
        remedy(juju, name)?;
    }
    let after = verdicts(juju)?;
    let changed: Vec<&String> = after.keys().filter(|id| before[*id] != after[*id]).collect();
    for id in &changed {
        story::say(format!("{id}: {} -> {}", before[*id], after[*id]));
    }
    if changed != ["NET-02"] {
        bail!("{HARMLESS} was applied, and the verdicts on {changed:?} changed");
    }
    remedy(juju, "undo")?;
    if verdicts(juju)? != before {
        bail!("{HARMLESS} was undone, and the verdicts are not as they were");
    }
    story::say("Every verdict is as it was before.");
    Ok(())
}

/// Waives a control by the charm's option, as an operator would.
fn waive(juju: &mut Simulation) -> anyhow::Result<()> {
    story::command(&format!("juju config ckf-hardening policy='\n{WAIVER}'"));
    juju.set_option("policy", WAIVER);
    fire(juju, &Event::hook("config-changed"))?;
    fire(juju, &Event::hook("update-status"))?;
    show_status(juju);
    let verdict = verdicts(juju)?.remove("PSS-06");
    if verdict.as_deref() != Some("waived") {
        bail!("PSS-06 is {verdict:?} after its waiver");
    }
    story::say("PSS-06 is waived.");
    Ok(())
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
    story::say(format!("Loaded {} objects of {} kinds.", world.objects.len(), kinds.len()));
    let counts: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    story::detail(counts.join(", "));
    Ok(())
}

/// Runs the charm for a hook, and reports how long it took and what it called.
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
    story::detail(format!(
        "{name:<24} {:>5} ms  {}",
        started.elapsed().as_millis(),
        tools.join(" ")
    ));
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
    story::command(&format!("juju run {UNIT} {name} remedies={HARMLESS}"));
    let outcome = act(juju, name, json!({"remedies": [HARMLESS]}))?;
    for (key, value) in outcome.results().iter().filter(|(key, _)| *key != "return-code") {
        let value = value.as_str().unwrap_or_default();
        story::head(&format!("{key}: {value}"), 4);
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
    story::command(&format!("kubectl {}", arguments.join(" ")));
    print!("{}", sandbox.kubectl_with(arguments, input)?);
    Ok(())
}
