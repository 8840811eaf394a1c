//! Mirrors without TLS, as within an air gap: asked only where they are listed, and without a login.

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_test_support::run;
use ckf_worlds::World;
use registry_sandbox::{Answer, Front, Image, Registry};
use serde_json::Value;

use super::air_gap::again_cut_off;

const ROCK: &str = "charmedkubeflow/training-operator";
const TAG: &str = "1.9.3-9e9ea13";
/// An address of no loopback, of this test's own network.
const ADDRESS: &str = "10.99.0.1";

/// Passes connections at that address on to one on loopback; returns its own.
fn forward(to: &str) -> String {
    let listener = TcpListener::bind((ADDRESS, 0)).unwrap();
    let (at, to) = (listener.local_addr().unwrap().to_string(), to.to_owned());
    std::thread::spawn(move || {
        for inside in listener.incoming() {
            let (inside, outside) = (inside.unwrap(), TcpStream::connect(&to).unwrap());
            let pairs = [(inside.try_clone(), outside.try_clone()), (Ok(outside), Ok(inside))];
            for (from, to) in pairs {
                let (mut from, mut to) = (from.unwrap(), to.unwrap());
                std::thread::spawn(move || {
                    // Either side may go away.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    at
}

#[test]
fn registry_without_tls_is_read_only_where_it_is_listed_and_gets_no_login() {
    let name = "plain_http::registry_without_tls_is_read_only_where_it_is_listed_and_gets_no_login";
    if again_cut_off(name) {
        return;
    }
    let added = Command::new("ip").args(["address", "add", ADDRESS, "dev", "lo"]).status();
    assert!(added.unwrap().success());
    let mut world = World::stock("1.10");
    world.objects.retain(|object| {
        object["kind"] != "Pod" || object.to_string().contains(&format!("{ROCK}:{TAG}"))
    });
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("snapshot");
    snapshot::write(&Facts::from_objects(about, &world.objects), &from).unwrap();
    let registry = Registry::start().unwrap();
    let rock = Image::default().file("usr/share/rocks/dpkg.query", "ii ,libc6,2.39,glibc,2.39\n");
    registry.push(ROCK, TAG, &rock).unwrap();
    let closed = Front::start(registry.address(), |request| {
        match request.headers.contains_key("authorization") {
            true => Answer::Through,
            false => Answer::With(401, vec![("www-authenticate", "Basic realm=r".into())], vec![]),
        }
    })
    .unwrap();
    let logins = folder.path().join("config.json");
    let logins_of = |at: &str| {
        let text = format!(r#"{{"auths": {{"{at}": {{"username": "robot", "password": "pw"}}}}}}"#);
        std::fs::write(&logins, text).unwrap();
        format!("--registry-credentials={}", logins.display())
    };
    let unknown = |at: &str, more: &[&str]| {
        let mirror = format!("--registry-mirror=docker.io={at}");
        let from = from.display().to_string();
        let arguments = ["rocks", "--json", "--charmhub-url=http://127.0.0.1:9", "--from", &from];
        let output = run(&[&arguments[..], &[&*mirror], more].concat());
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let rows = report["images"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["image"].as_str().unwrap().contains(ROCK)).unwrap();
        row["unknown"].as_str().unwrap_or_default().to_owned()
    };

    // What a real registry answers to a handshake.
    let at = forward(registry.address());
    let port: u16 = at.rsplit(':').next().unwrap().parse().unwrap();
    let other = format!("--registry-plain-http={ADDRESS}:{}", port ^ 1);
    for more in [vec![], vec![&*other], vec!["--registry-plain-http=10.99.0.1"]] {
        let why = unknown(&at, &more);
        assert!(why.contains("does not speak TLS") && why.contains("registry-plain-http"), "{why}");
    }
    assert_eq!(unknown(&at, &[&format!("--registry-plain-http={at}")]), "");

    let at = forward(closed.address());
    let listed = format!("--registry-plain-http={at}");
    let why = unknown(&at, &[&listed, &logins_of(&at)]);
    assert!(why.contains("none is sent without TLS"), "{why}");
    assert!(closed.seen().iter().all(|request| !request.headers.contains_key("authorization")));

    let everything = run(&["rocks", "--registry-plain-http=*"]);
    let said = String::from_utf8_lossy(&everything.stderr).into_owned();
    assert!(said.contains("is no host; expected HOST or HOST:PORT"), "{said}");
}
