//! Secrets of the cluster are in nothing that the charm or the command line leave behind.

mod support;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use ckf_worlds::World;
use juju_sim::{Event, Simulation};
use serde_json::{Value, json};
use support::{cluster, run};

/// The values of all Secrets of a world: as they are, in base64, and the lines of keys.
fn secrets(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for secret in world.objects.iter().filter(|o| o["kind"] == "Secret") {
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            // Certificates, user names and names of applications are no secrets.
            if [
                "tls.crt",
                "accesskey",
                "MINIO_ACCESS_KEY",
                "JUJU_K8S_APPLICATION",
            ]
            .contains(&key.as_str())
            {
                continue;
            }
            let encoded = value.as_str().unwrap();
            let plain = String::from_utf8(
                base64::engine::general_purpose::STANDARD
                    .decode(encoded)
                    .unwrap(),
            )
            .unwrap();
            found.extend(
                plain
                    .lines()
                    .filter(|l| l.len() > 8 && !l.starts_with("-----"))
                    .map(str::to_owned),
            );
            found.push(encoded.to_owned());
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn no_secret_is_in_what_is_left_behind() {
    let world = World::hardened("1.11");
    let secrets = secrets(&world);
    assert!(
        secrets.len() >= 6,
        "{} values are looked for",
        secrets.len()
    );
    let sandbox = cluster(&world);
    let kubeconfig = sandbox.kubeconfig("admin");
    let mut left: Vec<(String, String)> = Vec::new();

    let charm = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut juju = Simulation::new(charm, env!("CARGO_BIN_EXE_ckf-hardening").as_ref()).unwrap();
    juju.environment
        .insert("KUBECONFIG".into(), kubeconfig.as_os_str().into());
    juju.set_option("log-level", "trace");
    let mut events: Vec<Event> = ["install", "config-changed", "update-status"]
        .map(Event::hook)
        .into();
    events.push(Event::action("audit", json!({})));
    events.extend(
        ["table", "json", "markdown"].map(|f| Event::action("get-report", json!({"format": f}))),
    );
    for event in &events {
        let outcome = juju.run(event);
        assert!(outcome.committed(), "{}", outcome.stderr);
        let of_event = outcome.traces().into_iter();
        left.extend(of_event.map(|trace| (format!("{event:?}: {}", trace.place), trace.text)));
    }
    let of_model = juju.traces().into_iter();
    left.extend(of_model.map(|trace| (trace.place, trace.text)));

    let snapshot = tempfile::tempdir().unwrap();
    for arguments in [
        vec![
            "collect",
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            snapshot.path().to_str().unwrap(),
        ],
        vec![
            "audit",
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "--format",
            "json",
        ],
    ] {
        let output = run(&arguments);
        left.push((
            arguments.join(" "),
            format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        ));
    }
    for entry in fs::read_dir(snapshot.path()).unwrap() {
        let path = entry.unwrap().path();
        left.push((
            path.display().to_string(),
            fs::read_to_string(&path).unwrap(),
        ));
    }
    // The search itself must be able to find: the certificate, which is public, is there.
    let size: usize = left.iter().map(|(_, text)| text.len()).sum();
    assert!(size > 100_000, "{size} bytes were searched");
    for (place, text) in &left {
        for secret in &secrets {
            // A test that tells the secret would leak it itself.
            assert!(
                !text.contains(secret.as_str()),
                "{place} holds a secret of {} characters",
                secret.len()
            );
        }
    }
    assert!(
        Value::from(left.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>())
            .to_string()
            .contains("secrets.json")
    );
}
