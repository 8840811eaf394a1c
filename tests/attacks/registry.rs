//! What a registry, and a tenant who names one, can make of the platform's look-ups.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_test_support::binary;
use ckf_worlds::{World, object};
use registry_sandbox::{Answer, Front, Image, Registry, Request};
use serde_json::{Value, json};

/// An image of the platform's own pods, in the catalogue.
const ROCK: &str = "charmedkubeflow/training-operator";
const TAG: &str = "1.9.3-9e9ea13";

/// A snapshot of a stock platform in which tenants run these images beside it.
fn snapshot_with(images: &[String]) -> tempfile::TempDir {
    let mut world = World::stock("1.10");
    // So many images, and no other, are asked for.
    world.objects.retain(|object| {
        object["kind"] != "Pod" || object.to_string().contains(&format!("{ROCK}:{TAG}"))
    });
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(number, image)| json!({"name": format!("c{number}"), "image": image}))
        .collect();
    if !containers.is_empty() {
        let spec = json!({"spec": {"containers": containers}, "status": {"phase": "Running"}});
        let pod = object("v1", "Pod", "admin", "ml-pipeline-mine", spec);
        world.objects.push(pod);
    }
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let folder = tempfile::tempdir().unwrap();
    let facts = Facts::from_objects(about, &world.objects);
    snapshot::write(&facts, &folder.path().join("snapshot")).unwrap();
    folder
}

/// `rocks` of that snapshot, with docker.io at this address.
fn rocks(folder: &Path, docker: &str, arguments: &[&str]) -> Output {
    let mirror = format!("--registry-mirror=docker.io={docker}");
    Command::new(binary())
        .args(["rocks", "--json", "--charmhub-url=http://127.0.0.1:9", &mirror, "--from"])
        .arg(folder.join("snapshot"))
        .args(arguments)
        .env_remove("JUJU_DISPATCH_PATH")
        .output()
        .unwrap()
}

fn rows(output: &Output) -> Vec<Value> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| {
        panic!("{why}: {}", String::from_utf8_lossy(&output.stderr));
    });
    report["images"].as_array().unwrap().clone()
}

/// Why the registry of an image does not tell of it.
fn unknown<'a>(rows: &'a [Value], image: &str) -> &'a str {
    let row =
        rows.iter().find(|row| row["image"].as_str().is_some_and(|name| name.contains(image)));
    let row = row.unwrap_or_else(|| panic!("no row of {image}: {rows:?}"));
    row["unknown"].as_str().unwrap_or_default()
}

fn registry() -> Registry {
    let registry = Registry::start().unwrap();
    let rock = Image::default().file("usr/share/rocks/dpkg.query", "ii ,libc6,2.39,glibc,2.39\n");
    registry.push(ROCK, TAG, &rock).unwrap();
    registry
}

#[test]
fn image_of_a_tenant_at_another_registry_makes_no_request() {
    let registry = registry();
    let theirs = Front::start("", |_| Answer::With(200, vec![], vec![])).unwrap();
    let (at, port) = (theirs.address(), theirs.address().rsplit(':').next().unwrap());
    let folder = snapshot_with(&[
        format!("{at}/evil/a:1"),
        format!("localhost:{port}/evil/b:1"),
        format!("127.1:{port}/evil/c:1"),
        "docker.io/evil/d:1".into(),
    ]);
    let rows = rows(&rocks(folder.path(), registry.address(), &["--within=20"]));
    assert!(theirs.seen().is_empty(), "{:?}", theirs.seen());
    for image in ["evil/a", "evil/b", "evil/c"] {
        let why = unknown(&rows, image);
        assert!(why.contains("allow.registries"), "{image}: {why}");
    }
    assert_eq!(unknown(&rows, ROCK), "", "the platform's own is known");
}

#[test]
fn image_on_loopback_without_mirror_is_not_queried() {
    let registry = registry();
    let theirs = Front::start("", |_| Answer::With(200, vec![], vec![])).unwrap();
    let folder = snapshot_with(&[format!("{}/evil/a:1", theirs.address())]);
    let policy = folder.path().join("policy.yaml");
    let text = format!("allow: {{registries: ['{}']}}", theirs.address());
    std::fs::write(&policy, text).unwrap();
    let policy = format!("--policy={}", policy.display());
    let rows = rows(&rocks(folder.path(), registry.address(), &[&policy, "--within=20"]));
    let why = unknown(&rows, "evil/a");
    assert!(why.contains("on this machine"), "{why}");
    assert!(theirs.seen().is_empty(), "{:?}", theirs.seen());
}

#[test]
fn redirect_and_realm_to_another_service_are_not_followed() {
    let registry = registry();
    let inside =
        Front::start("", |_| Answer::With(200, vec![], br#"{"token": "t"}"#.to_vec())).unwrap();
    let there = format!("http://{}", inside.address());
    let folder = snapshot_with(&[]);
    let asked = |front: &Front| {
        let login = folder.path().join("config.json");
        let text = json!({"auths": {front.address(): {"username": "u", "password": "p"}}});
        std::fs::write(&login, text.to_string()).unwrap();
        let login = format!("--registry-credentials={}", login.display());
        rows(&rocks(folder.path(), front.address(), &[&login, "--within=20"]))
    };
    for part in ["/blobs/", "/manifests/"] {
        let to = there.clone();
        let leads_on = Front::start(registry.address(), move |request: &Request| {
            match request.path.contains(part) {
                true => {
                    let place = format!("{to}/latest/meta-data/iam");
                    Answer::With(307, vec![("location", place)], vec![])
                }
                false => Answer::Through,
            }
        })
        .unwrap();
        let rows = asked(&leads_on);
        let why = unknown(&rows, ROCK);
        assert!(why.contains("is not asked"), "{part}: {why}");
    }
    let to = there.clone();
    let realm = Front::start(registry.address(), move |_: &Request| {
        let challenge = format!(r#"Bearer realm="{to}/any/path?delete=all",service="r""#);
        Answer::With(401, vec![("www-authenticate", challenge)], vec![])
    })
    .unwrap();
    let rows = asked(&realm);
    let why = unknown(&rows, ROCK);
    assert!(why.contains("not known to belong to it"), "{why}");
    assert!(inside.seen().is_empty(), "{:?}", inside.seen());
}

#[test]
fn forty_slow_registries_do_not_delay_the_platforms_registry() {
    let registry = registry();
    let slow: Vec<Front> = (0..40)
        .map(|_| Front::start("", |_| Answer::Silence(Duration::from_secs(60))).unwrap())
        .collect();
    // The operator has even allowed them.
    let images = slow.iter().map(|front| format!("{}/slow/a:1", front.address()));
    let folder = snapshot_with(&images.collect::<Vec<_>>());
    let mirrors: Vec<String> =
        slow.iter().map(|front| format!("--registry-mirror={0}={0}", front.address())).collect();
    let mut arguments = vec!["--within=15"];
    arguments.extend(mirrors.iter().map(String::as_str));
    let started = Instant::now();
    let rows = rows(&rocks(folder.path(), registry.address(), &arguments));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(unknown(&rows, ROCK), "");
    assert!(unknown(&rows, "slow/a").contains("did not answer in time"));
}

/// A zstd frame of blocks, each a piece as it is or one byte many times over.
fn zstd(blocks: &[(&[u8], u32)]) -> Vec<u8> {
    // Magic number, no checksum or size, a window of 128 KiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    let last = blocks.len() - 1;
    for (number, (bytes, times)) in blocks.iter().enumerate() {
        let is_last = u32::from(number == last);
        let (kind, size) = match *times {
            0 => (0, bytes.len() as u32),
            times => (1, times),
        };
        let head = is_last | kind << 1 | size << 3;
        frame.extend_from_slice(&head.to_le_bytes()[..3]);
        frame.extend_from_slice(bytes);
    }
    frame
}

/// The header of an entry of a tar archive.
fn header(kind: u8, size: u64) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..13].copy_from_slice(b"././@LongLink");
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[test]
fn layer_of_a_few_kilobytes_costs_no_gigabytes() {
    let registry = registry();
    let folder = snapshot_with(&[]);
    // A name of 1.5 GiB, and a file of as much: each in about 50 kB.
    for (kind, why_not) in [(b'L', "a name of a file"), (b'0', "times its size")] {
        let head = header(kind, 3 << 29);
        let mut blocks: Vec<(&[u8], u32)> = vec![(&head, 0)];
        blocks.extend(vec![(&b"a"[..], 128 << 10); (3 << 29) / (128 << 10)]);
        let layer = zstd(&blocks);
        assert!(layer.len() < 100_000, "{}", layer.len());
        // The first blob that is asked for is the configuration.
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let bomb = Front::start(registry.address(), move |request: &Request| {
            let is_blob = request.path.contains("/blobs/");
            match is_blob && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0 {
                true => Answer::With(200, vec![], layer.clone()),
                false => Answer::Through,
            }
        })
        .unwrap();
        let output = Command::new("sh")
            .args(["-c", "ulimit -v 1500000; exec \"$0\" \"$@\""])
            .arg(binary())
            .args(["rocks", "--json", "--charmhub-url=http://127.0.0.1:9", "--packages"])
            .args(["--within=60", "--from"])
            .arg(folder.path().join("snapshot"))
            .arg(format!("--registry-mirror=docker.io={}", bomb.address()))
            .env_remove("JUJU_DISPATCH_PATH")
            .output()
            .unwrap();
        let rows = rows(&output);
        let why = unknown(&rows, ROCK);
        assert!(why.contains(why_not), "{why}");
    }
}
