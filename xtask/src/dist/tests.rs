//! A release of a stand-in binary: no release build is needed to see that it is whole.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::*;

/// Stands for the program: it finds something.
const STAND_IN: &str = "#!/bin/sh\necho \"$KUBECONFIG: $*\"\nexit 1\n";

fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn succeed(command: &mut Command) -> String {
    let (code, said) = run(command);
    assert_eq!(code, Some(0), "{command:?}: {said}");
    said
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

/// A release for both architectures, and the folder that is its address.
fn release_of(binary: &Path) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        output: folder.path().to_owned(),
        address: Some(format!("file://{}", folder.path().display())),
        arches: BTreeSet::new(),
        binaries: Arch::ALL.into_iter().map(|arch| (arch, binary.to_owned())).collect(),
    };
    let notes = assemble(&options).unwrap();
    (folder, notes)
}

fn stand_in(folder: &Path) -> PathBuf {
    let path = folder.join("stand-in");
    fs::write(&path, STAND_IN).unwrap();
    path
}

#[test]
fn release_is_whole_and_the_same_to_the_bit_when_made_again() {
    let sources = tempfile::tempdir().unwrap();
    let binary = stand_in(sources.path());
    let (folder, notes) = release_of(&binary);
    let first = files(folder.path());
    assert_eq!(
        first.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "SHA256SUMS",
            "action.yml",
            "ckf-hardening.yaml",
            "ckf-hardening_0.1.0.cdx.json",
            "ckf-hardening_0.1.0_amd64.oci.tar",
            "ckf-hardening_0.1.0_linux_amd64.tar.gz",
            "ckf-hardening_0.1.0_linux_arm64.tar.gz",
            "ckf-hardening_ubuntu-22.04-amd64.charm",
            "ckf-hardening_ubuntu-24.04-amd64.charm",
            "ckf-hardening_ubuntu-24.04-arm64.charm",
        ]
    );
    let charm = fs::File::open(folder.path().join("ckf-hardening_ubuntu-24.04-amd64.charm"));
    let mut charm = zip::ZipArchive::new(charm.unwrap()).unwrap();
    let mut icon = String::new();
    charm.by_name("icon.svg").unwrap().read_to_string(&mut icon).unwrap();
    assert!(icon.starts_with("<svg ") && icon.contains("viewBox=\"0 0 100 100\""), "{icon}");
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("the image for arm64: "), "{notes:?}");
    succeed(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&folder));
    let (again, _) = release_of(&binary);
    for (name, content) in files(again.path()) {
        let at = |folder: &Path| format!("file://{}", folder.display());
        let content =
            String::from_utf8_lossy(&content).replace(&at(again.path()), &at(folder.path()));
        let before = String::from_utf8_lossy(&first[&name]);
        // Its address is in two files, and so the sums of these differ.
        assert!(name == "SHA256SUMS" || content == before, "{name} differs");
    }

    let unpacked = sources.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let archive = folder.path().join("ckf-hardening_0.1.0_linux_amd64.tar.gz");
    succeed(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&unpacked));
    let mode = fs::metadata(unpacked.join("ckf-hardening")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    for path in ["LICENSE", "man/man1/ckf-hardening.1", "man/man1/ckf-hardening-policy-check.1"] {
        assert!(unpacked.join(path).exists(), "{path}");
    }
    // As the program itself prints it.
    let program = std::env::current_exe().unwrap();
    let program = program.parent().unwrap().with_file_name("ckf-hardening");
    assert!(program.exists(), "cargo build --bin ckf-hardening builds {}", program.display());
    for shell in ["bash", "fish", "zsh"] {
        let packed =
            fs::read_to_string(unpacked.join(format!("completions/ckf-hardening.{shell}")));
        let printed = succeed(Command::new(&program).args(["completions", shell]));
        assert!(packed.unwrap() == printed, "{shell}");
    }
}

#[test]
fn sbom_lists_what_is_linked_and_satisfies_cyclonedx() {
    let text = sbom::render(&[Arch::Amd64.target(), Arch::Arm64.target()]).unwrap();
    let bom: Value = serde_json::from_str(&text).unwrap();
    let component = |name: &str| {
        let all = bom["components"].as_array().unwrap();
        all.iter().find(|component| component["name"] == name)
    };
    let rustls = component("rustls").unwrap();
    assert_eq!(rustls["hashes"][0]["alg"], "SHA-256");
    assert_eq!(rustls["licenses"][0]["expression"], "Apache-2.0 OR ISC OR MIT");
    assert!(component("ckf-audit").is_some());
    // Of tests, of other systems, of xtask.
    for absent in ["proptest", "windows-sys", "cargo_metadata", "juju-sim"] {
        assert!(component(absent).is_none(), "{absent}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sbom.json");
    fs::write(&file, text).unwrap();
    let packages = ["cyclonedx-python-lib[json-validation]==11.5.0"];
    let programs = test_programs::python::programs("cyclonedx", &packages).unwrap();
    let script = "
import json, sys
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
assert error is None, error
print(len(Bom.from_json(json.loads(text)).components))
";
    let read = succeed(Command::new(programs.join("python")).args(["-c", script]).arg(&file));
    assert_eq!(read.trim(), bom["components"].as_array().unwrap().len().to_string());
}

#[test]
fn image_runs_its_program_on_its_own_libraries_and_names_its_packages() {
    // Linked as the program is.
    let archive = image::archive(&fs::read("/bin/echo").unwrap(), "0.1.0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let unpack = |archive: &[u8], into: &Path| {
        fs::create_dir_all(into).unwrap();
        tar::Archive::new(archive).unpack(into).unwrap();
    };
    let image = folder.path().join("image");
    unpack(&archive, &image);
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        let content = fs::read(image.join("blobs").join(digest.replace(':', "/"))).unwrap();
        assert_eq!(digest, format!("sha256:{}", sha256(&content)));
        assert_eq!(descriptor["size"], content.len());
        content
    };
    let json = |content: &[u8]| serde_json::from_slice::<Value>(content).unwrap();
    let index = json(&fs::read(image.join("index.json")).unwrap());
    let tag = &index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"];
    assert_eq!(tag, "0.1.0");
    let manifest = json(&blob(&index["manifests"][0]));
    let config = json(&blob(&manifest["config"]));
    assert_eq!(config["config"]["User"], "584792");
    assert_eq!(config["config"]["Entrypoint"][0], "/usr/bin/ckf-hardening");
    let mut layer = Vec::new();
    GzDecoder::new(blob(&manifest["layers"][0]).as_slice()).read_to_end(&mut layer).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", sha256(&layer)));
    let mut owners = BTreeSet::new();
    for entry in tar::Archive::new(layer.as_slice()).entries().unwrap() {
        let header = entry.unwrap().header().clone();
        owners.insert((header.mtime().unwrap(), header.uid().unwrap()));
    }
    assert_eq!(owners, [(0, 0), (0, 584_792)].into());
    let root = folder.path().join("root");
    unpack(&layer, &root);
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let said = succeed(
        Command::new(root.join("lib64/ld-linux-x86-64.so.2"))
            .arg("--library-path")
            .arg(&libraries)
            .arg(root.join("usr/bin/ckf-hardening"))
            .arg("runs"),
    );
    assert_eq!(said, "runs\n");
    let authorities = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(authorities.matches("BEGIN CERTIFICATE").count() > 100);
    let described = fs::read_to_string(root.join("var/lib/dpkg/status.d/libc6")).unwrap();
    assert!(described.contains("\nVersion: "), "{described}");
}

#[test]
fn manifest_for_krew_has_the_digests_of_the_archives_that_are_there() {
    let digests = [(Arch::Arm64, "ab".repeat(32))].into();
    let release = Release { version: "1.2.3", address: "https://example.com/x", digests: &digests };
    let manifest: Value = serde_yaml::from_str(&release.krew().unwrap()).unwrap();
    assert_eq!(manifest["spec"]["version"], "v1.2.3");
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 1, "{manifest}");
    assert_eq!(platforms[0]["sha256"], "ab".repeat(32));
    assert_eq!(platforms[0]["uri"], "https://example.com/x/ckf-hardening_1.2.3_linux_arm64.tar.gz");
    let sources = tempfile::tempdir().unwrap();
    let (folder, _) = release_of(&stand_in(sources.path()));
    let files = files(folder.path());
    let manifest: Value = serde_yaml::from_slice(&files["ckf-hardening.yaml"]).unwrap();
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        let name = platform["uri"].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!(platform["sha256"], sha256(&files[name]), "{name}");
        assert_eq!(platform["bin"], "ckf-hardening");
    }
}

/// What a runner does with the steps of a composite action, as far as this one needs it.
struct Runner {
    folder: tempfile::TempDir,
    action: Value,
}

impl Runner {
    fn step(&self, index: usize, arch: &str, inputs: &[(&str, &str)]) -> (Option<i32>, String) {
        let step = &self.action["runs"]["steps"][index];
        let at = |name: &str| self.folder.path().join(name);
        let path = fs::read_to_string(at("path")).unwrap_or_default();
        let path = format!("{}:{}", path.trim(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c"])
            .arg(step["run"].as_str().unwrap())
            .envs([("RUNNER_OS", "Linux"), ("RUNNER_ARCH", arch), ("PATH", &path)])
            .envs([("RUNNER_TEMP", at("temp")), ("GITHUB_PATH", at("path"))])
            .env("GITHUB_OUTPUT", at("output"));
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let input = value.as_str().unwrap().trim_start_matches("${{ inputs.");
            let input = input.trim_end_matches(" }}");
            let passed = inputs.iter().find(|(name, _)| *name == input);
            let default = self.action["inputs"][input]["default"].as_str().unwrap();
            command.env(name, passed.map_or(default, |(_, value)| value));
        }
        run(&mut command)
    }
}

#[test]
fn action_installs_the_released_binary_and_refuses_another() {
    let sources = tempfile::tempdir().unwrap();
    let (folder, _) = release_of(&stand_in(sources.path()));
    let action = fs::read_to_string(folder.path().join("action.yml")).unwrap();
    let runner = Runner {
        folder: tempfile::tempdir().unwrap(),
        action: serde_yaml::from_str(&action).unwrap(),
    };
    assert_eq!(runner.step(0, "X64", &[]), (Some(0), String::new()));
    let output = runner.folder.path().join("output");
    let inputs = [("kubeconfig", "kube"), ("arguments", "audit $(touch x) -o report.html")];
    let (code, said) = runner.step(1, "X64", &inputs);
    assert_eq!((code, said.as_str()), (Some(1), "kube: audit $(touch x) -o report.html\n"));
    assert_eq!(fs::read_to_string(output).unwrap(), "status=1\n");
    let (code, said) = runner.step(0, "RISCV64", &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("has no binary for Linux RISCV64"), "{said}");
    let archive = folder.path().join("ckf-hardening_0.1.0_linux_arm64.tar.gz");
    fs::write(archive, "another").unwrap();
    let (code, said) = runner.step(0, "ARM64", &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is not the released one"), "{said}");
}

#[test]
fn argument_unknown_is_refused_with_usage() {
    let parse = |arguments: &[&str]| {
        parse(&arguments.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    };
    for arguments in [
        &["arm64"][..],
        &["--outptu", "x"],
        &["--output"],
        &["--address", "--output", "x"],
        &["--binary", "riscv64=x"],
        &["--binary", "x"],
    ] {
        let error = parse(arguments).unwrap_err().to_string();
        assert!(error.contains("usage: cargo xtask dist"), "{arguments:?}: {error}");
    }
    let options = parse(&["--binary", "amd64=x", "--address", "https://example.com/"]).unwrap();
    assert_eq!(options.address.as_deref(), Some("https://example.com"));
    let full = tempfile::tempdir().unwrap();
    fs::write(full.path().join("mine"), "").unwrap();
    let output = full.path().to_str().unwrap().to_owned();
    let error = dist(&["--output".to_owned(), output]).unwrap_err().to_string();
    assert!(error.ends_with("is not empty: remove it, or pass --output DIR"), "{error}");
}

#[test]
fn architecture_without_its_target_is_named_or_refused_if_demanded() {
    fn only_amd64(arch: Arch) -> anyhow::Result<bool> {
        Ok(arch == Arch::Amd64)
    }
    let (arches, missing) = to_build(&BTreeSet::new(), only_amd64).unwrap();
    assert_eq!(arches, [Arch::Amd64]);
    assert!(
        missing[0].contains("for arm64: Rust's target aarch64-unknown-linux-gnu"),
        "{missing:?}"
    );
    assert_eq!(missing.len(), 1);
    let demanded = parse(&["--arch".to_owned(), "arm64".to_owned()]).unwrap().arches;
    let refusal = to_build(&demanded, only_amd64).unwrap_err().to_string();
    assert!(refusal.contains("`rustup target add aarch64-unknown-linux-gnu`"), "{refusal}");
    assert_eq!(to_build(&demanded, |_| Ok(true)).unwrap().0, [Arch::Arm64]);
    assert!(to_build(&BTreeSet::new(), |_| Ok(false)).is_err());
    assert!(parse(&["--arch".to_owned(), "riscv".to_owned()]).is_err());
}
