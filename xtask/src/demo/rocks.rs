//! The part of the demo that looks after images: a rock is moved under its tag in a real
//! registry, and is found.

use anyhow::{Context as _, bail};
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::images::Inventory;
use ckf_worlds::World;
use juju_sim::{Event, Simulation};
use kube_sandbox::Sandbox;
use registry_sandbox::{Image, Registry};
use serde_json::{Value, json};

use super::{UNIT, act, fire, story};

/// The rock that is moved.
const MOVED: (&str, &str) = ("docker.io/charmedkubeflow/training-operator", "1.9.3-9e9ea13");

/// Shows it.
pub fn show(juju: &mut Simulation, sandbox: &Sandbox) -> anyhow::Result<()> {
    story::say("A real registry, as a mirror, holds the images that the platform pulls by tag.");
    let registry = Registry::start()?;
    let pushed = fill(&registry)?;
    run_what_was_pushed(sandbox, &pushed)?;
    story::say(format!("{} images at {}", pushed.len(), registry.address()));
    let hosts = ["docker.io", "ghcr.io", "registry.k8s.io"];
    let mirrors = hosts.map(|host| format!("{host}={}", registry.address()));
    juju.set_option("registry-mirrors", mirrors.join(","));
    // There is no Charmhub to be reached from here.
    juju.set_option("charmhub-url", "http://127.0.0.1:9");
    juju.set_option("offline", false);
    fire(juju, &Event::hook("config-changed"))?;
    // Other digests were on record before there was a registry.
    story::command(&format!("juju run {UNIT} check-rocks accept=true"));
    if shown(juju, true)? != 0 {
        bail!("an accepted image is unexpected");
    }

    story::say(format!("\nSomeone pushes another rock as {}:{}", MOVED.0, MOVED.1));
    let digest = registry.push(path(MOVED.0)?, MOVED.1, &Image::default().file("x", "another"))?;
    story::detail(&digest);
    story::command(&format!("juju run {UNIT} check-rocks"));
    if shown(juju, false)? != 1 {
        bail!("a rock was moved under its tag, and was not found");
    }
    Ok(())
}

/// Puts each image of the platform that is asked for by tag into the registry.
fn fill(registry: &Registry) -> anyhow::Result<Vec<(String, String)>> {
    let about = About { namespace: "kubeflow".into(), ..About::default() };
    let facts = Facts::from_objects(about, &World::stock("1.10").objects);
    let mut pushed = Vec::new();
    for reference in Inventory::of(&facts).references() {
        let Some(tag) = &reference.tag else { continue };
        let name = reference.to_string();
        let image = Image::default().file("usr/bin/program", name.clone());
        let digest = registry.push(path(&reference.repository)?, tag, &image)?;
        pushed.push((name, digest));
    }
    Ok(pushed)
}

fn path(repository: &str) -> anyhow::Result<&str> {
    Ok(repository.split_once('/').context("a repository has a registry")?.1)
}

/// Has each pod say that it runs what is in the registry. Only its status is written: the
/// namespace of a profile admits no such pod any longer.
fn run_what_was_pushed(sandbox: &Sandbox, pushed: &[(String, String)]) -> anyhow::Result<()> {
    let listed = sandbox.kubectl(&["get", "--raw", "/api/v1/pods"])?;
    let pods: Value = serde_json::from_slice(&listed.stdout)?;
    for pod in pods["items"].as_array().into_iter().flatten() {
        let mut now = serde_json::Map::new();
        for (containers, statuses) in
            [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")]
        {
            let mut shown = pod["status"][statuses].clone();
            for status in shown.as_array_mut().into_iter().flatten() {
                let mut specs = pod["spec"][containers].as_array().into_iter().flatten();
                let spec = specs.find(|spec| spec["name"] == status["name"]);
                let image = spec.and_then(|spec| spec["image"].as_str());
                let image = image.unwrap_or_default();
                let is_it =
                    |name: &str| name == image || name.strip_prefix("docker.io/") == Some(image);
                if let Some((name, digest)) = pushed.iter().find(|(name, _)| is_it(name)) {
                    status["imageID"] = format!("{name}@{digest}").into();
                }
            }
            if shown != pod["status"][statuses] {
                now.insert(statuses.to_owned(), shown);
            }
        }
        if now.is_empty() {
            continue;
        }
        let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
        let patch = json!({"status": now}).to_string();
        let arguments = [
            "patch",
            "pod",
            "--namespace",
            text("namespace"),
            text("name"),
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ];
        sandbox.kubectl_with(&arguments, "")?;
    }
    Ok(())
}

/// Runs the action, and prints what it reports of images that are asked for by tag.
fn shown(juju: &mut Simulation, accept: bool) -> anyhow::Result<usize> {
    let parameters = json!({"format": "json", "accept": accept});
    let outcome = act(juju, "check-rocks", parameters)?;
    let results = outcome.results();
    let report: Value = serde_json::from_str(results["rocks"].as_str().unwrap_or_default())?;
    for row in report["images"].as_array().into_iter().flatten() {
        for state in row["states"].as_array().into_iter().flatten() {
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            story::say(format!("{} {}: {state}", text("application"), text("image")));
        }
    }
    let number = results["unexpected"].as_str().unwrap_or_default().parse()?;
    let images = report["images"].as_array().map_or(0, Vec::len);
    story::say(format!("{images} images, {number} unexpected"));
    Ok(number)
}
