//! The image of the agent, as `rockcraft.yaml` says it is made, run by a real runtime as a cluster
//! runs it: another user than root, no capabilities, nothing to write to.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ckf_worlds::World;
use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};
use serde_json::{Value, json};
use sha2::Digest as _;

/// The user of rocks, `_daemon_`.
const DAEMON: u32 = 584_792;
const PATIENCE: Duration = Duration::from_secs(60);

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {shown}");
    String::from_utf8(output.stdout).unwrap()
}

fn rockcraft() -> Value {
    serde_yaml::from_str(include_str!("../../rockcraft.yaml")).unwrap()
}

/// Puts a blob into an image, and returns its descriptor.
fn blob(image: &Path, kind: &str, content: &[u8]) -> Value {
    let digest: String =
        sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(image.join("blobs/sha256").join(&digest), content).unwrap();
    json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": content.len()})
}

/// Makes the image in the layout of OCI, without a daemon: the binary, the libraries that
/// the rock takes from Ubuntu, and the folder for the agent's input.
fn image(folder: &Path) -> PathBuf {
    let rock = rockcraft();
    let parts = &rock["parts"];
    let place = parts["ckf-hardening"]["organize"]["bin/ckf-hardening"].as_str().unwrap();
    let input = &parts["agent-input"]["permissions"][0];
    assert_eq!((&rock["run-user"], &input["owner"]), (&json!("_daemon_"), &json!(DAEMON)));
    let root = folder.join("root");
    let put = |from: &Path, to: &str| {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    let binary = ckf_test_support::binary();
    put(binary, place);
    for word in run(Command::new("ldd").arg(binary)).split_whitespace() {
        if word.starts_with('/') {
            put(Path::new(word), word);
        }
    }
    let input_path = input["path"].as_str().unwrap();
    fs::create_dir_all(root.join(input_path)).unwrap();
    let layer = folder.join("layer.tar");
    let tar = |mode: &str, owner: u32, path: &str| {
        run(Command::new("tar")
            .args([mode, layer.to_str().unwrap(), "--sort=name", "--mtime=@0"])
            .args(["--numeric-owner", "--format=posix", "--pax-option=delete=atime,delete=ctime"])
            .args([format!("--owner={owner}"), format!("--group={owner}")])
            .args(["-C", root.to_str().unwrap(), path]));
    };
    let top = fs::read_dir(&root).unwrap();
    let mut top: Vec<String> = top
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "var")
        .collect();
    top.sort();
    for (at, name) in top.iter().enumerate() {
        tar(if at == 0 { "-cf" } else { "-rf" }, 0, name);
    }
    tar("-rf", DAEMON, input_path);

    let image = folder.join("image");
    fs::create_dir_all(image.join("blobs/sha256")).unwrap();
    let kind = |what: &str| format!("application/vnd.oci.image.{what}");
    let content = fs::read(&layer).unwrap();
    let layer = blob(&image, &kind("layer.v1.tar"), &content);
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"User": DAEMON.to_string(), "Entrypoint": [format!("/{place}")]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = blob(&image, &kind("config.v1+json"), config.to_string().as_bytes());
    let manifest = json!({"schemaVersion": 2, "mediaType": kind("manifest.v1+json"),
        "config": config, "layers": [layer]});
    let manifest = blob(&image, &kind("manifest.v1+json"), manifest.to_string().as_bytes());
    let index =
        json!({"schemaVersion": 2, "mediaType": kind("index.v1+json"), "manifests": [manifest]});
    fs::write(image.join("index.json"), index.to_string()).unwrap();
    fs::write(image.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    image
}

/// Unpacks an image as a runtime's host does; returns its configuration.
fn unpack(image: &Path, into: &Path) -> ImageConfiguration {
    let path = |digest: &str| image.join("blobs").join(digest.replace(':', "/"));
    let index = ImageIndex::from_file(image.join("index.json")).unwrap();
    let manifest = index.manifests()[0].digest().to_string();
    let manifest = ImageManifest::from_file(path(&manifest)).unwrap();
    fs::create_dir_all(into).unwrap();
    for layer in manifest.layers() {
        run(Command::new("tar")
            .arg("-xpf")
            .arg(path(layer.digest().as_ref()))
            .args(["--numeric-owner", "-C"])
            .arg(into));
    }
    ImageConfiguration::from_file(path(manifest.config().digest().as_ref())).unwrap()
}

/// A container that runs. It is ended when it is dropped.
struct Container {
    runc: PathBuf,
    state: PathBuf,
    child: Child,
}

impl Container {
    fn runc(&self) -> Command {
        let mut command = Command::new(&self.runc);
        command.arg("--root").arg(&self.state);
        command
    }

    fn process(&self) -> u32 {
        let state = run(self.runc().args(["state", "agent"]));
        let state: Value = serde_json::from_str(&state).unwrap();
        state["pid"].as_u64().unwrap().try_into().unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.runc().args(["delete", "--force", "agent"]).output();
        let _ = self.child.wait();
    }
}

/// Starts the image's program with arguments, where the folder of its input is one of this machine.
fn start(folder: &Path, input: &Path, arguments: &[&str]) -> Container {
    let bundle = folder.join("bundle");
    let image = unpack(&image(folder), &bundle.join("rootfs"));
    let image = image.config().clone().unwrap();
    let runc = test_programs::debian::program("runc", "runc").unwrap();
    run(Command::new(&runc).arg("spec").current_dir(&bundle));
    let path = bundle.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let user: u32 = image.user().as_ref().unwrap().parse().unwrap();
    let entry = image.entrypoint().clone().unwrap();
    let words: Vec<&str> =
        entry.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
    let process = &mut config["process"];
    process["terminal"] = false.into();
    process["args"] = json!(words);
    process["user"] = json!({"uid": user, "gid": user});
    process["noNewPrivileges"] = true.into();
    let none = process["capabilities"].as_object().unwrap().keys();
    process["capabilities"] = none.map(|set| (set.clone(), json!([]))).collect();
    config["root"]["readonly"] = true.into();
    config["mounts"].as_array_mut().unwrap().push(json!({
        "destination": "/var/lib/ckf-hardening", "type": "bind", "source": input,
        "options": ["bind", "ro"],
    }));
    // The API server listens on this machine's loopback interface.
    let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != "network");
    fs::write(&path, config.to_string()).unwrap();
    let state = folder.join("state");
    let child = Command::new(&runc)
        .arg("--root")
        .arg(&state)
        .args(["run", "--bundle"])
        .arg(&bundle)
        .arg("agent")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Container { runc, state, child }
}

fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn agent_in_its_image_serves_without_root_capabilities_or_disk() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let folder = tempfile::tempdir().unwrap();
    // What Pebble and a pod's account would bring: readable by the user of rocks.
    let input = folder.path().join("input");
    fs::create_dir(&input).unwrap();
    fs::write(input.join("input.json"), json!({"namespace": "kubeflow"}).to_string()).unwrap();
    // With its certificates in it, for what it names is not in the container.
    let flat = sandbox.kubectl(&["config", "view", "--flatten", "--raw"]).unwrap();
    fs::write(input.join("kubeconfig"), flat.stdout).unwrap();
    for entry in fs::read_dir(&input).unwrap() {
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(entry.unwrap().path(), mode).unwrap();
    }
    for path in [folder.path(), &input] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let port = kube_sandbox::free_port().unwrap();
    let listen = format!("127.0.0.1:{port}");
    let arguments = [
        "serve",
        "--listen",
        &listen,
        "--input",
        "/var/lib/ckf-hardening",
        "--kubeconfig",
        "/var/lib/ckf-hardening/kubeconfig",
    ];
    let mut container = start(folder.path(), &input, &arguments);
    let started = Instant::now();
    while get(port, "/api/v1/report").is_none_or(|(status, _)| status != 200) {
        assert!(started.elapsed() < PATIENCE, "it made no audit");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(get(port, "/healthz").unwrap().0, 200);
    let (_, report) = get(port, "/api/v1/report").unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(ckf_test_support::verdict(&report, "TLS-01"), "fail");

    let status = fs::read_to_string(format!("/proc/{}/status", container.process())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(field("Uid:"), DAEMON.to_string());
    assert_eq!((field("CapEff:"), field("CapPrm:")), ("0".repeat(16), "0".repeat(16)));
    assert_eq!(field("NoNewPrivs:"), "1");
    let collect = ["exec", "agent", "/usr/bin/ckf-hardening", "collect", "/snapshot"];
    let output = container
        .runc()
        .args(collect)
        .args(["--kubeconfig", "/var/lib/ckf-hardening/kubeconfig"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(shown.contains("Read-only file system"), "{shown}");

    // As the kubelet ends it.
    run(container.runc().args(["kill", "agent", "TERM"]));
    let ended = container.child.wait().unwrap();
    assert!(ended.success(), "{ended}");
}
