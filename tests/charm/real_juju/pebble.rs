//! The charm's workload run by Pebble itself, in a container that is a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ckf_test_support::binary;
use juju_charm::pebble::{CheckStatus, Client, Current};
use juju_sim::{Event, Juju, Relation};
use test_programs::pebble::Pebble;

use super::{fire, until};

/// The image's files, as far as the agent needs them: its program and the libraries of that.
fn root(folder: &Path, kubeconfig: &Path) -> PathBuf {
    let root = folder.join("root");
    let put = |from: &Path, to: &str| {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    put(binary(), "/usr/bin/ckf-hardening");
    let libraries = Command::new("ldd").arg(binary()).output().unwrap();
    for word in String::from_utf8(libraries.stdout).unwrap().split_whitespace() {
        if word.starts_with('/') {
            put(Path::new(word), word);
        }
    }
    // The kubeconfig, with the files that it names.
    put(kubeconfig, "/tmp/kubeconfig");
    let text = fs::read_to_string(kubeconfig).unwrap();
    for word in text.split([' ', ',', '}', '\'', '"', '\n']).filter(|word| word.starts_with('/')) {
        put(Path::new(word), word);
    }
    // What Pebble asks the kernel for.
    let boot = "proc/sys/kernel/random";
    for folder in ["run", "tmp", "var/lib/pebble/default", "dev", boot] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("dev/null"), "").unwrap();
    let id = Path::new(boot).join("boot_id");
    fs::copy(Path::new("/").join(&id), root.join(&id)).unwrap();
    root
}

#[test]
fn agent_in_real_pebble_outlives_an_unresponsive_loki() {
    // One agent a machine: its port is that of the image.
    let lock = fs::File::create(std::env::temp_dir().join("ckf-hardening-8090.lock")).unwrap();
    lock.lock().unwrap();
    let sandbox = ckf_test_support::cluster(&ckf_worlds::World::stock("1.10"));
    let kubeconfig = sandbox.kubeconfig("admin");
    let mut unit = super::unit(Juju::V4_0, 0, 1, &kubeconfig);
    let containers = unit.charm_directory().parent().unwrap().join("containers");
    let folder = containers.join("hardening");
    let root = root(&folder, &kubeconfig);
    let pebble = Pebble::start_in(&root, "run/pebble.socket".as_ref(), "/tmp/kubeconfig").unwrap();
    std::os::unix::fs::symlink(pebble.socket(), folder.join("pebble.socket")).unwrap();
    let client = Client::at(pebble.socket());
    assert_eq!(client.system_info().unwrap().version, "v1.32.1");

    fire(&mut unit, &Event::hook("config-changed"));
    fire(&mut unit, &Event::hook("update-status"));
    let is_active = || {
        let services = client.services(&["agent"]).unwrap_or_default();
        services.iter().any(|service| service.current == Current::Active)
    };
    until("the agent", is_active);
    let is_up = || {
        let checks = client.checks(None, &["agent"]).unwrap_or_default();
        checks.iter().any(|check| check.status == CheckStatus::Up)
    };
    until("its check", is_up);
    let input = client.pull("/var/lib/ckf-hardening/input.json", 1 << 20).unwrap();
    let input: serde_json::Value = serde_json::from_slice(&input).unwrap();
    assert_eq!(input["namespace"], "kubeflow");
    until("the agent's answer", || super::is_well("127.0.0.1:8090"));

    // Pebble flushes what it has for Loki whenever a layer is added.
    let hole = super::offline::BlackHole::open();
    let mut loki = Relation::new(1, "logging", "loki", 1);
    let endpoint =
        serde_json::json!({"url": format!("http://127.0.0.1:{}/loki/api/v1/push", hole.port())});
    let databag = [("endpoint".to_owned(), endpoint.to_string())].into();
    loki.remote_units.insert("loki/0".into(), databag);
    unit.change(|model| model.relations.push(loki.clone()));
    fire(&mut unit, &Event::relation(&loki, "changed", Some("loki/0")));
    assert!(client.plan().unwrap().contains("loki"), "{}", client.plan().unwrap());
    for event in [
        Event::relation(&loki, "changed", Some("loki/0")),
        Event::hook("update-status"),
        Event::hook("config-changed"),
    ] {
        let started = Instant::now();
        fire(&mut unit, &event);
        assert!(started.elapsed() < Duration::from_secs(4), "{event:?}: {:?}", started.elapsed());
    }
    assert!(is_active());

    // A unit that goes stops it for good.
    unit.change(|model| model.dying.extend(["ckf-hardening/0".to_owned()]));
    fire(&mut unit, &Event::hook("stop"));
    assert!(!is_active());
    fire(&mut unit, &Event::hook("remove"));
    assert!(!is_active());
}
