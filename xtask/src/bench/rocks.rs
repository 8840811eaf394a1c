//! Images: how many requests they take, how long, and how much memory a large layer does.

use std::path::Path;
use std::process::Command;

use ckf_hardening::facts::juju::{Application, Juju};
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_hardening::images::Inventory;
use ckf_worlds::World;
use registry_sandbox::{Answer, Front, Image, Registry};
use serde_json::{Value, json};

use super::measure;

/// Size of the large layer's file, in bytes.
const LARGE: usize = 1 << 30;

/// Measures both.
pub fn rocks(binary: &Path) -> anyhow::Result<()> {
    let registry = Registry::start()?;
    let charmhub = Front::start("", |request| {
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let actions = asked["actions"].as_array().into_iter().flatten();
        let results = actions.map(|action| {
            json!({"instance-key": action["instance-key"], "error": null, "charm": {"revision": 1, "resources": []}})
        });
        let answer = json!({"error-list": [], "results": results.collect::<Vec<_>>()});
        Answer::With(200, vec![], answer.to_string().into_bytes())
    })?;
    let about = About { namespace: "kubeflow".into(), ..About::default() };
    let mut facts = Facts::from_objects(about, &World::stock("1.10").objects);
    let release = ckf_hardening::catalog::release("1.10");
    let applications = release.into_iter().flat_map(|release| &release.applications);
    let applications: Vec<Application> = applications
        .map(|(name, known)| Application {
            name: name.clone(),
            charm: known.charm.clone(),
            channel: known.channel.clone(),
            revision: Some(1),
            ..Application::default()
        })
        .collect();
    let number = applications.len();
    facts.juju = Known::Known(Juju { applications: Known::Known(applications), ..Juju::default() });
    let images = Inventory::of(&facts).references();
    let mut largest = None;
    for image in &images {
        let Some((_, path)) = image.repository.split_once('/') else {
            continue;
        };
        let tag = image.tag.as_deref().unwrap_or("latest");
        registry.push(path, tag, &Image::default().file("usr/bin/program", image.to_string()))?;
        largest = Some((path.to_owned(), tag.to_owned()));
    }
    let directory = tempfile::tempdir()?;
    snapshot::write(&facts, directory.path())?;
    let rocks = |more: &[&str]| {
        let mut command = Command::new(binary);
        command.args(["rocks", "--json", "--within", "600", "--from"]).arg(directory.path());
        command.arg(format!("--charmhub-url=http://{}", charmhub.address()));
        for host in ["docker.io", "ghcr.io", "registry.k8s.io"] {
            command.arg(format!("--registry-mirror={host}={}", registry.address()));
        }
        measure(command.args(more), None)
    };
    let asked = rocks(&[])?;
    let report: Value = serde_json::from_str(&asked.stdout)?;
    println!(
        "rocks of stock 1.10: {number} applications, {} images by tag: {} requests, {:.2} s, {:.0} MB",
        images.len(),
        report["requests"],
        asked.time.as_secs_f64(),
        asked.memory as f64 / 1e6
    );
    if let Some((path, tag)) = largest {
        registry.push(&path, &tag, &Image::default().file("usr/lib/large", vec![7; LARGE]))?;
        let read = rocks(&["--packages"])?;
        println!(
            "reading the layers of all of them, one of {LARGE} bytes unpacked: {:.2} s, {:.0} MB",
            read.time.as_secs_f64(),
            read.memory as f64 / 1e6
        );
    }
    Ok(())
}
