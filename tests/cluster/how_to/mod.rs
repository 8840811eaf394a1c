//! The how-to guides, followed command by command: those of the program and of kubectl on a real
//! API server with a simulated controller, those of Juju on the simulated charm.

mod juju;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_test_support::deployment::state_of;
use ckf_test_support::documents::commands;
use ckf_test_support::{client_store, cluster, root};
use ckf_worlds::World;
use flate2::Compression;
use flate2::read::GzEncoder;
use juju_sim::controller::{CharmRevision, Controller};
use kube_sandbox::Sandbox;
use serde_json::json;

use self::juju::Charm;

/// About another program than this one, and tested by itself: `crates/juju-sim/tests/outside.rs`.
const ANOTHER: &str = "docs/how-to/write-a-charm.md";

/// Programs that are not run, each with the reason.
const NOT_RUN: [(&str, &str); 9] = [
    ("cargo install ", "builds the program once more"),
    ("kubectl krew ", "needs krew; the tests of `cargo xtask dist` read its manifest"),
    ("sha256sum ", "needs a release; the tests of `cargo xtask dist` make one and do this"),
    ("cargo xtask ", "builds the program; the docs check knows its commands"),
    ("rockcraft pack", "needs snaps; tests/image/rock.rs makes the image of the same file"),
    ("rockcraft.skopeo ", "needs snaps, and a registry at a placeholder"),
    ("skopeo ", "needs a registry at a placeholder"),
    ("terraform ", "no registry carries it; src/facts/terraform.rs has a plan as it prints one"),
    ("kubectl logs job/kube-bench ", "a Job has no log without a kubelet"),
];

/// Commands of the program whose arguments are parsed only, each with the reason.
const PARSED: [(&str, &str); 10] = [
    ("ckf-hardening audit --contexts ", "a reader has one; tests/cluster/fleet.rs has several"),
    ("ckf-hardening bundle-data --charmhub ", "queries Charmhub; tests/image/rocks.rs runs it"),
    ("ckf-hardening serve ", "does not end; tests/cluster/agent.rs runs it"),
    ("ckf-hardening audit --watch ", "does not end"),
    ("ckf-hardening rocks --lock ", "queries registries; tests/image/rocks.rs runs it"),
    ("ckf-hardening rocks --offline --verify ", "needs the lock of the command before"),
    ("ckf-hardening rocks --packages", "queries registries; tests/image/rocks.rs runs it"),
    ("ckf-hardening rocks --osv ", "queries registries; tests/image/rocks.rs runs it"),
    ("ckf-hardening rocks --sbom ", "queries registries; tests/image/rocks.rs runs it"),
    ("ckf-hardening rocks  ", "queries registries and Charmhub; tests/image/rocks.rs runs it"),
];

/// Files that a reader has, by name.
const FILES: [(&str, &str); 4] = [
    (
        "policy.yaml",
        "waivers: [{control: TLS-01, reason: behind a VPN, owner: ops, expires: 2099-03-31}]\n",
    ),
    ("bundle.yaml", "bundle: kubernetes\napplications:\n  minio: {charm: minio, scale: 1}\n"),
    (
        "plan.json",
        r#"{"format_version":"1.2","planned_values":{"root_module":{"resources":[{"type":"juju_application","address":"juju_application.minio","values":{"name":"minio","model":"kubeflow","charm":[{"name":"minio","channel":"ckf-1.10/stable"}]}}]}}}"#,
    ),
    (
        "kube-bench.json",
        r#"{"Controls":[{"id":"1","version":"cis-1.11","node_type":"master","tests":[{"section":"1.2","results":[{"test_number":"1.2.1","test_desc":"Ensure anonymous-auth is false","status":"FAIL"}]}]}],"Totals":{}}"#,
    ),
];

/// Profiles and their owners, as the guides name them.
const PROFILES: [(&str, &str); 3] =
    [("team-a", "a@example.com"), ("alice", "alice@example.com"), ("bob", "bob@example.com")];

fn world() -> World {
    let mut world = World::stock("1.10");
    let release = ckf_worlds::release("1.10");
    for (name, owner) in PROFILES {
        world.objects.extend(ckf_worlds::profile(name, owner, &release));
    }
    world
}

/// A controller that has the applications that the guides name.
fn controller() -> Controller {
    let mut state = state_of(&[("dex-auth", "2.41/stable"), ("minio", "ckf-1.10/stable")]);
    state.add_user("alice", "alice-pw");
    for charm in ["dex-auth", "minio"] {
        let newer = CharmRevision { revision: 2, ..CharmRevision::default() };
        state.charmhub.insert(charm.into(), vec![newer]);
    }
    Controller::start(state).unwrap()
}

/// A reader with a shell, a home, a cluster and a login to Juju.
struct Reader<'a> {
    home: &'a Path,
    kubeconfig: &'a Path,
    juju: &'a Path,
}

impl Reader<'_> {
    fn shell(&self, script: &str) -> Output {
        let binary = ckf_test_support::binary().parent().unwrap();
        let folders = [&self.home.join(".local/bin"), &self.home.join("bin"), binary];
        let folders: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
        let path = format!("{}:{}", folders.join(":"), std::env::var("PATH").unwrap());
        Command::new("sh")
            .args(["-c", script])
            .current_dir(self.home)
            .env("PATH", path)
            .env("HOME", self.home)
            .env("KUBECONFIG", self.kubeconfig)
            .env("JUJU_DATA", self.juju)
            .env_remove("JUJU_DISPATCH_PATH")
            .output()
            .expect("sh runs")
    }

    /// Runs a command as a reader does who answers its question with yes.
    fn follow(&self, page: &str, command: &str) {
        let asks = ["ckf-hardening apply ", "ckf-hardening undo ", "ckf-hardening refresh "];
        let asks =
            asks.iter().any(|begin| command.starts_with(begin)) || command.contains("--apply");
        // Before a comment.
        let (typed, comment) = command.split_once("  #").unwrap_or((command, ""));
        let script = match asks && typed.trim() != "ckf-hardening refresh" {
            true => format!("{} --yes  #{comment}", typed.trim_end()),
            false => command.to_owned(),
        };
        let output = self.shell(&script);
        let error = String::from_utf8_lossy(&output.stderr);
        // 1 says that something is open, would change or can be done, 3 that much is unknown.
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{page}: {command}: {error}");
    }
}

/// A home with the files of a reader, and kubectl.
fn home(sandbox: &Sandbox) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        fs::write(home.path().join(name), text).unwrap();
    }
    let authority = ckf_worlds::tls("cos.example.com", 2035).certificate;
    fs::write(home.path().join("cos-ca.pem"), authority).unwrap();
    let kubectl = home.path().join("bin/kubectl");
    fs::create_dir(kubectl.parent().unwrap()).unwrap();
    let kubebox = sandbox.kubectl_command().unwrap();
    let kubebox = kubebox.get_program().to_str().unwrap().to_owned();
    fs::write(&kubectl, format!("#!/bin/sh\nexec {kubebox} kubectl \"$@\"\n")).unwrap();
    fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
    home
}

/// The report of a large deployment, as an action returns it and as `juju run` prints it.
fn large_report(home: &Path) -> String {
    let report = "{\"findings\": []}\n".repeat(300_000);
    let mut compressed = Vec::new();
    let mut encoder = GzEncoder::new(report.as_bytes(), Compression::default());
    encoder.read_to_end(&mut compressed).unwrap();
    let text = STANDARD.encode(compressed);
    let (first, second) = text.split_at(text.len() / 2);
    let results = json!({"ckf-hardening/0": {"results": {
        "report": first, "report-2": second, "report-encoding": "gzip, then base64",
    }}});
    fs::write(home.join("results.json"), results.to_string()).unwrap();
    report
}

/// The words of a command, without redirections and comments.
fn words(command: &str) -> Vec<String> {
    let command = command.split(" #").next().unwrap_or_default();
    let command = command.split(" | ").next().unwrap_or_default();
    let words = command.split_whitespace().take_while(|word| !word.starts_with(['>', '<']));
    words.map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn every_how_to_guide_works_command_by_command() {
    let sandbox = cluster(&world());
    let kubeconfig = sandbox.kubeconfig("admin");
    let controller = controller();
    let store = client_store(&controller);
    let mut charm = Charm::new(&kubeconfig);
    let begins = |list: &[(&str, &str)], command: &str| {
        list.iter().any(|(begin, _)| command.starts_with(begin))
    };
    let mut pages: Vec<String> = fs::read_dir(root().join("docs/how-to"))
        .unwrap()
        .map(|page| format!("docs/how-to/{}", page.unwrap().file_name().to_str().unwrap()))
        .filter(|page| page != ANOTHER)
        .collect();
    pages.sort();
    let (mut ran, mut checked) = (0, 0);
    for page in &pages {
        let home = home(&sandbox);
        let reader = Reader { home: home.path(), kubeconfig: &kubeconfig, juju: store.path() };
        // Yesterday's report.
        if commands(page).iter().any(|command| command.contains("old.json")) {
            reader.follow(page, "ckf-hardening audit --format json > old.json");
        }
        for command in commands(page) {
            let first = command.split_whitespace().next().unwrap();
            if begins(&NOT_RUN, &command) || command.starts_with('#') {
                continue;
            }
            match first {
                "juju" => charm.check(page, &words(&command)),
                "ckf-hardening" if begins(&PARSED, &format!("{command}  ")) => {
                    let parsed =
                        ckf_hardening::cli::command().try_get_matches_from(words(&command));
                    if let Err(error) = parsed {
                        panic!("{page}: {command}: {error}");
                    }
                }
                "jq" => {
                    test_programs::debian::installed("jq", "jq").unwrap();
                    let report = large_report(home.path());
                    let output = reader.shell(&command);
                    let error = String::from_utf8_lossy(&output.stderr);
                    assert!(output.stdout == report.as_bytes(), "{page}: {command}: {error}");
                    ran += 1;
                }
                "tar" => assert!(command.contains("ckf-hardening_0.1.0_linux_amd64.tar.gz")),
                "ckf-hardening" | "kubectl" | "ln" | "mkdir" | "cat" => {
                    reader.follow(page, &command);
                    ran += 1;
                }
                _ => panic!("{page}: {command:?} is of no known program; mark output as text"),
            }
            checked += 1;
        }
    }
    // The pages have commands, and they were found.
    assert!(ran > 30 && checked > 80, "{ran} of {checked} commands ran");
    assert_eq!(charm.unused(), [""; 0], "no guide integrates these endpoints");
}
