//! The part of the demo that enforces TLS: what clients of a real gateway see before,
//! after, when a user tampers, and when it is undone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ckf_worlds::HOST;
use ckf_worlds::istio_pilot::IstioPilot;
use juju_sim::{Event, Relation, Simulation};
use kube_sandbox::{IngressGateway, Sandbox};
use serde_json::json;

use super::{UNIT, act, fire, kubectl, story};

/// Longest wait until clients see a change.
const SEEN: Duration = Duration::from_secs(30);
const FILTER: [&str; 4] = ["envoyfilter", "ckf-hardening-tls-floor", "--namespace", "kubeflow"];

/// Shows it.
pub fn show(juju: &mut Simulation, sandbox: &Sandbox) -> anyhow::Result<()> {
    let gateway = IngressGateway::start(sandbox)?;
    story::say("Without a certificate, clients of the real gateway (istiod and Envoy) see:");
    clients(&gateway)?;

    story::command("juju integrate ckf-hardening:gateway-certificates istio-pilot:certificates");
    juju.set_option("external-hostname", HOST);
    let mut pilot = IstioPilot::at(HOST);
    let mut relation = Relation::new(7, "gateway-certificates", "istio-pilot", 1);
    relation.remote_units.insert("istio-pilot/0".into(), pilot.databag());
    let event = Event::relation(&relation, "changed", Some("istio-pilot/0"));
    juju.change(|model| model.relations.push(relation));
    fire(juju, &event)?;
    let answered = juju.model();
    pilot.reads(answered.relation(7).context("it is related")?);
    // istio-pilot writes what it got.
    sandbox.loader()?.load(&pilot.objects())?;
    until(|| Ok(gateway.handshake(&["-tls1_3"])?.is_some()))?;
    clients(&gateway)?;
    let served = gateway.https()?;
    for what in ["subject=", "issuer=", "v:NotBefore"] {
        let line = served.lines().find(|line| line.trim().starts_with(what));
        println!("  {}", line.unwrap_or(what).trim());
    }

    story::command(&format!("juju run {UNIT} plan"));
    let outcome = act(juju, "plan", json!({}))?;
    story::head(outcome.results()["plan"].as_str().unwrap_or_default(), 16);
    story::command("juju config ckf-hardening tls-min-version=1.3");
    juju.set_option("tls-min-version", "1.3");
    fire(juju, &Event::hook("config-changed"))?;
    until(|| Ok(gateway.handshake(&["-tls1_2"])?.is_none() && gateway.http()?.is_some()))?;
    clients(&gateway)?;

    story::say(
        "\nSomeone deletes the filter. The next update-status, which Juju runs every five minutes, restores it.",
    );
    let delete: Vec<&str> = ["delete"].into_iter().chain(FILTER).collect();
    kubectl(sandbox, &delete, "")?;
    until(|| Ok(gateway.handshake(&["-tls1_2"])?.is_some()))?;
    story::say("  TLS 1.2 is accepted again.");
    fire(juju, &Event::hook("update-status"))?;
    until(|| Ok(gateway.handshake(&["-tls1_2"])?.is_none()))?;
    clients(&gateway)?;

    story::command("juju config ckf-hardening enforce=none");
    juju.set_option("enforce", "none");
    fire(juju, &Event::hook("config-changed"))?;
    until(|| Ok(gateway.handshake(&["-tls1_2"])?.is_some()))?;
    clients(&gateway)
}

/// What clients see, a line each.
fn clients(gateway: &IngressGateway) -> anyhow::Result<()> {
    for (version, options) in [
        ("1.1", &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..]),
        ("1.2", &["-tls1_2"]),
        ("1.3", &["-tls1_3"]),
    ] {
        let seen = gateway.handshake(options)?;
        println!("  TLS {version}  {}", seen.as_deref().unwrap_or("refused"));
    }
    let mut path = "/pipeline".to_owned();
    while let Some(answer) = gateway.http_at(&path, "")? {
        let mut lines = answer.lines();
        let status = lines.next().context("an answer has a status")?;
        let mut headers = lines.filter_map(|line| line.split_once(": "));
        let location = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"));
        let to = location.map_or("nowhere", |(_, value)| value);
        println!("  HTTP     {path}: {status}, to {to}");
        // Login answers first, with a path of its own.
        match to.strip_prefix('/') {
            Some(_) if to != path => path = to.to_owned(),
            _ => return Ok(()),
        }
    }
    println!("  HTTP     nothing listens");
    Ok(())
}

fn until(mut holds: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds()? {
        if begun.elapsed() > SEEN {
            bail!("clients do not see it within {} s", SEEN.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("  seen by clients after {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}
