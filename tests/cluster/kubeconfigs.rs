//! Kubeconfigs beside kubectl: the same files connect, and those that do not have messages of their own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ckf_test_support::binary;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// What both say of a kubeconfig.
struct Outcome {
    kubectl: Output,
    ours: Output,
}

impl Outcome {
    fn connects(&self) -> [bool; 2] {
        // The cluster is empty: that it has no Kubeflow is known once it was read.
        let is_read = text(&self.ours.stderr).contains("no Charmed Kubeflow in this cluster");
        [self.kubectl.status.success(), is_read]
    }

    fn says(&self) -> String {
        text(&self.ours.stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Both programs, with the kubeconfig of a file, or of KUBECONFIG.
fn both(sandbox: &Sandbox, file: Option<&Path>, variable: &str) -> Outcome {
    let file = file.map(|path| path.display().to_string()).unwrap_or_default();
    let mut kubectl = sandbox.kubectl_command().unwrap();
    kubectl.arg(format!("--kubeconfig={file}")).args(["get", "namespaces"]);
    let mut ours = Command::new(binary());
    ours.arg("audit").env("JUJU_DATA", "/nowhere");
    if !file.is_empty() {
        ours.args(["--kubeconfig", &file]);
    }
    let run = |command: &mut Command| {
        let command = command.env("KUBECONFIG", variable).stdin(std::process::Stdio::null());
        command.output().unwrap()
    };
    Outcome { kubectl: run(&mut kubectl), ours: run(&mut ours) }
}

/// Parts of a kubeconfig.
struct Parts {
    cluster: Value,
    user: Value,
}

impl Parts {
    fn of_admin(sandbox: &Sandbox) -> Self {
        let output = sandbox.kubectl(&["config", "view", "--raw", "-o", "json"]).unwrap();
        let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
        let cluster = whole["clusters"][0]["cluster"].clone();
        Self { cluster, user: whole["users"][0]["user"].clone() }
    }

    fn port(&self) -> u16 {
        let server = self.cluster["server"].as_str().unwrap();
        server.rsplit_once(':').unwrap().1.trim_end_matches('/').parse().unwrap()
    }

    /// Both programs' outcome with the parts of this and these in their place.
    fn outcome(&self, sandbox: &Sandbox, cluster: Value, user: Option<Value>) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, self.text(cluster, user)).unwrap();
        both(sandbox, Some(&path), "")
    }

    fn text(&self, cluster: Value, user: Option<Value>) -> String {
        let mut whole = self.cluster.clone();
        for (key, value) in cluster.as_object().unwrap() {
            whole[key] = value.clone();
        }
        let user = user.unwrap_or_else(|| self.user.clone());
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": whole}],
            "users": [{"name": "here", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        })
        .to_string()
    }
}

#[test]
fn kubeconfigs_connect_as_with_kubectl() {
    let sandbox = Sandbox::start().unwrap();
    let admin = sandbox.kubeconfig("admin");
    let parts = Parts::of_admin(&sandbox);
    let same = |outcome: &Outcome, connects: bool, what: &str| {
        let kubectl = text(&outcome.kubectl.stderr);
        assert_eq!(outcome.connects(), [connects; 2], "{what}: {kubectl}\n{}", outcome.says());
        assert_eq!(outcome.ours.status.code(), Some(2), "{what}");
    };
    same(&both(&sandbox, Some(&admin), ""), true, "admin");
    let list = format!("/nowhere/config::{}", admin.display());
    same(&both(&sandbox, None, &list), true, "a list with missing entries");
    same(&both(&sandbox, Some(Path::new("/nowhere/config")), ""), false, "a missing file");
    server_names_and_addresses(&sandbox, &parts, &same);
    credentials(&sandbox, &parts, &same);
    proxies(&sandbox, &parts, &same);
    let context = Command::new(binary())
        .args(["audit", "--context", "her", "--kubeconfig"])
        .arg(&admin)
        .output()
        .unwrap();
    let says = text(&context.stderr);
    assert!(says.contains("no context her; contexts are: sandbox"), "{says}");
}

fn server_names_and_addresses(
    sandbox: &Sandbox,
    parts: &Parts,
    same: &dyn Fn(&Outcome, bool, &str),
) {
    let named = |name: &str| parts.outcome(sandbox, json!({"tls-server-name": name}), None);
    same(&named("kubernetes"), true, "tls-server-name");
    same(&named("other.example.com"), false, "a wrong tls-server-name");
    // The certificate does not name the address.
    let port = forward("[::1]:0", parts.port());
    let v6 = json!({"server": format!("https://[::1]:{port}"), "tls-server-name": "kubernetes"});
    same(&parts.outcome(sandbox, v6, None), true, "IPv6");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = json!({"server": format!("https://127.0.0.1:{closed}")});
    let gone = parts.outcome(sandbox, gone, None);
    same(&gone, false, "no server");
    assert!(gone.says().contains("did not respond"), "{}", gone.says());
}

fn credentials(sandbox: &Sandbox, parts: &Parts, same: &dyn Fn(&Outcome, bool, &str)) {
    let with = |user: Value| parts.outcome(sandbox, json!({}), Some(user));
    let folder = tempfile::tempdir().unwrap();
    let old = of_version_1(
        Path::new(parts.cluster["certificate-authority"].as_str().unwrap()),
        folder.path(),
    );
    same(&with(old.clone()), true, "a certificate of X.509 version 1");
    let unknown = with(json!({"token": "s3cret-token"}));
    same(&unknown, false, "a rejected token");
    assert!(unknown.says().contains("rejects the credentials"), "{}", unknown.says());
    assert!(unknown.says().contains("log in again"), "{}", unknown.says());
    let read = |key: &str| fs::read_to_string(parts.user[key].as_str().unwrap()).unwrap();
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": read("client-certificate"), "clientKeyData": read("client-key")},
    });
    let script = format!("#!/bin/sh\ncat <<'END'\n{credential}\nEND\n");
    fs::write(folder.path().join("plugin"), script).unwrap();
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join("plugin"), executable).unwrap();
    let exec = |command: &str, arguments: Value| {
        json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command,
            "args": arguments, "interactiveMode": "Never",
            "installHint": "get it from example.com/plugin"}})
    };
    // Relative to the kubeconfig.
    let path = folder.path().join("config");
    fs::write(&path, parts.text(json!({}), Some(exec("./plugin", json!([]))))).unwrap();
    same(&both(sandbox, Some(&path), ""), true, "a relative plugin");
    let missing = with(exec("no-such-plugin", json!(["--token=s3cret-token"])));
    same(&missing, false, "a missing plugin");
    let says = missing.says();
    assert!(says.contains("no-such-plugin was not found; get it from example.com"), "{says}");
    let failing = with(exec("sh", json!(["-c", "exit 3 # s3cret-token"])));
    same(&failing, false, "a failing plugin");
    assert!(failing.says().contains("sh failed: exit status: 3"), "{}", failing.says());
    for outcome in [&unknown, &missing, &failing] {
        assert!(!outcome.says().contains("s3cret"), "{}", outcome.says());
    }
    // What kubectl had until 1.25; the paths are evaluated by our own crate jsonpath-rust.
    let printed = json!({"credential": {"token": "s3cret-token", "ends": "2100-01-01T00:00:00Z"}});
    let command = folder.path().join("command");
    fs::write(&command, format!("#!/bin/sh\ncat <<'END'\n{printed}\nEND\n")).unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
    let provider = |token: &str| {
        let config = json!({"cmd-path": command, "token-key": token,
            "expiry-key": "{.credential.ends}"});
        with(json!({"auth-provider": {"name": "gcp", "config": config}})).says()
    };
    let says = provider("{.credential.token}");
    assert!(says.contains("rejects the credentials"), "{says}");
    for absent in ["{.credential.other}", "{..token}"] {
        let says = provider(absent);
        assert!(says.contains("credential plugin failed") && !says.contains("s3cret"), "{says}");
    }
    let mut acting = parts.user.clone();
    acting["as"] = "stranger".into();
    let acting = with(acting);
    assert!(!acting.kubectl.status.success());
    let report = text(&acting.ours.stdout);
    assert!(acting.ours.status.code() == Some(3), "{report}{}", acting.says());
    // The flag does what kubectl's does.
    let flag = Command::new(binary())
        .args(["audit", "--format", "json", "--as", "stranger", "--kubeconfig"])
        .arg(sandbox.kubeconfig("admin"))
        .output()
        .unwrap();
    assert!(
        text(&flag.stdout).contains("User \\\"stranger\\\" cannot list"),
        "{}",
        text(&flag.stdout)
    );
}

fn proxies(sandbox: &Sandbox, parts: &Parts, same: &dyn Fn(&Outcome, bool, &str)) {
    let folder = tempfile::tempdir().unwrap();
    let authority = parts.cluster["certificate-authority"].as_str().unwrap();
    let old = of_version_1(Path::new(authority), folder.path());
    for scheme in ["http", "socks5"] {
        let (port, tunnels) = proxy(scheme == "http");
        let through = json!({"proxy-url": format!("{scheme}://127.0.0.1:{port}")});
        same(&parts.outcome(sandbox, through.clone(), None), true, scheme);
        let after = tunnels.load(Ordering::SeqCst);
        assert!(after >= 2, "{scheme}: {after}");
        same(&parts.outcome(sandbox, through, Some(old.clone())), true, scheme);
        assert!(tunnels.load(Ordering::SeqCst) > after, "{scheme}");
    }
    let gone = json!({"proxy-url": "http://127.0.0.1:9"});
    same(&parts.outcome(sandbox, gone, None), false, "a proxy that is gone");
}

/// A user with an admin's certificate of X.509 version 1, as MicroK8s issues them.
fn of_version_1(authority: &Path, folder: &Path) -> Value {
    let key = authority.with_file_name("ca.key");
    let file = |name: &str| folder.join(name).display().to_string();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let (private, request, certificate) = (file("old.key"), file("old.csr"), file("old.crt"));
    let subject = "/O=system:masters/CN=old-admin";
    openssl(&[
        "req", "-newkey", "rsa:2048", "-nodes", "-keyout", &private, "-out", &request, "-subj",
        subject,
    ]);
    let (ca, ca_key) = (authority.display().to_string(), key.display().to_string());
    openssl(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &ca,
        "-CAkey",
        &ca_key,
        "-set_serial",
        "7",
        "-out",
        &certificate,
        "-days",
        "1",
    ]);
    assert!(openssl(&["x509", "-in", &certificate, "-noout", "-text"]).contains("Version: 1"));
    json!({"client-certificate": certificate, "client-key": private})
}

/// Forwards connections to a port of this machine; returns the port that it listens at.
fn forward(address: &str, to: u16) -> u16 {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                join(client, TcpStream::connect(("127.0.0.1", to)).unwrap())
            });
        }
    });
    port
}

/// A proxy by CONNECT or SOCKS 5, and how many tunnels it has opened.
fn proxy(is_http: bool) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&opened);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            std::thread::spawn(move || {
                let to = if is_http { connect(&mut client) } else { socks(&mut client) };
                if let Some(server) = to.and_then(|to| TcpStream::connect(to).ok()) {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let answer: &[u8] = match is_http {
                        true => b"HTTP/1.1 200 Connected\r\n\r\n",
                        false => &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0],
                    };
                    if client.write_all(answer).is_ok() {
                        join(client, server);
                    }
                }
            });
        }
    });
    (port, opened)
}

fn connect(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = text(&head);
    head.strip_prefix("CONNECT ")?.split(' ').next().map(str::to_owned)
}

fn socks(client: &mut TcpStream) -> Option<String> {
    let mut hello = [0; 2];
    client.read_exact(&mut hello).ok()?;
    let mut methods = vec![0; hello[1].into()];
    client.read_exact(&mut methods).ok()?;
    client.write_all(&[5, 0]).ok()?;
    let mut head = [0; 4];
    client.read_exact(&mut head).ok()?;
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        client.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    let host = match head[3] {
        1 => {
            let octets = read(4)?;
            format!("{}.{}.{}.{}", octets[0], octets[1], octets[2], octets[3])
        }
        3 => {
            let length = read(1)?[0];
            text(&read(length.into())?)
        }
        _ => return None,
    };
    let port = read(2)?;
    Some(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])))
}

/// Copies both ways until both ends are done.
fn join(client: TcpStream, server: TcpStream) {
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    };
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let other = std::thread::spawn(move || copy(back.0, back.1));
    copy(client, server);
    let _ = other.join();
}
