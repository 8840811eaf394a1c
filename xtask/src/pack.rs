//! `cargo xtask pack`: the charm, for each base that it runs on, the same to the
//! bit wherever and whenever it is packed.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::run::{root, without_package};

/// Ubuntu releases whose charm containers run the binary, by architecture.
const BASES: [(&str, Arch); 3] =
    [("22.04", Arch::Amd64), ("24.04", Arch::Amd64), ("24.04", Arch::Arm64)];
/// Older than the C library of every base.
pub const C_LIBRARY: &str = "2.31";
/// What links against an older C library than that of this machine.
const LINKER: [&str; 2] = ["ziglang==0.15.1", "cargo-zigbuild==0.24.0"];
/// Files that the charm has beside `dispatch` and its manifest.
const FILES: [&str; 3] = ["actions.yaml", "config.yaml", "metadata.yaml"];
/// Shown by Charmhub and Juju's dashboard; `charmcraft.yaml` takes it from the same folder.
const ICON: &str = "packaging/charm/icon.svg";

/// An architecture that the binary is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arch {
    /// x86-64
    Amd64,
    /// 64-bit ARM
    Arm64,
}

impl Arch {
    /// Every architecture.
    pub const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// By the name that Debian, Go and Juju have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Rust's target.
    pub fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

/// Packs for amd64, and returns the paths of the charms.
pub fn pack() -> anyhow::Result<Vec<PathBuf>> {
    let binary = portable_binary(Arch::Amd64)?;
    charms(Arch::Amd64, &binary, &root().join("target/charms"))
}

/// Writes the charms of a binary into a directory, and returns their paths.
pub fn charms(arch: Arch, binary: &Path, directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(directory)?;
    let mut charms = Vec::new();
    for (base, _) in BASES.into_iter().filter(|(_, of)| *of == arch) {
        let name = format!("ckf-hardening_ubuntu-{base}-{}.charm", arch.name());
        let path = directory.join(name);
        write(&path, base, arch, binary).with_context(|| path.display().to_string())?;
        let size = fs::metadata(&path)?.len();
        println!("{}: {size} bytes", path.display());
        charms.push(path);
    }
    Ok(charms)
}

/// The binary, linked against the oldest C library of the bases, in which no
/// path of this machine is.
pub fn portable_binary(arch: Arch) -> anyhow::Result<PathBuf> {
    let programs = test_programs::python::programs("linker", &LINKER)?;
    let home = std::env::var("CARGO_HOME").or_else(|_| {
        let home = std::env::var("HOME").context("HOME is not set")?;
        anyhow::Ok(format!("{home}/.cargo"))
    })?;
    let flags = [
        format!("--remap-path-prefix={}=/ckf-hardening", root().display()),
        format!("--remap-path-prefix={home}=/cargo"),
    ];
    let target = format!("{}.{C_LIBRARY}", arch.target());
    let path = std::env::var("PATH").unwrap_or_default();
    let status = without_package(&mut Command::new(programs.join("cargo-zigbuild")))
        .args(["zigbuild", "--profile", "packed", "--locked", "--bin", "ckf-hardening"])
        .args(["--target", &target])
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        // The linker's own Python finds zig.
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("CARGO_ZIGBUILD_PYTHON_PATH", programs.join("python"))
        .current_dir(root())
        .status()
        .context("cargo-zigbuild")?;
    if !status.success() {
        bail!("cargo zigbuild ended with {status}");
    }
    Ok(root().join("target").join(arch.target()).join("packed/ckf-hardening"))
}

fn write(path: &Path, base: &str, arch: Arch, binary: &Path) -> anyhow::Result<()> {
    let mut files: Vec<(&str, Vec<u8>, u32)> = Vec::new();
    for name in FILES {
        files.push((name, fs::read(root().join(name))?, 0o644));
    }
    files.push(("icon.svg", fs::read(root().join(ICON)).context(ICON)?, 0o644));
    files.push(("dispatch", fs::read(binary)?, 0o755));
    files.push(("manifest.yaml", manifest(base, arch).into_bytes(), 0o644));
    files.sort_by_key(|(name, _, _)| *name);
    // Written beside it first, so that a charm is whole or not there.
    let unfinished = path.with_extension("part");
    let mut archive = ZipWriter::new(File::create(&unfinished)?);
    for (name, content, mode) in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::default())
            .unix_permissions(mode);
        archive.start_file(name, options)?;
        archive.write_all(&content)?;
    }
    archive.finish()?;
    fs::rename(&unfinished, path)?;
    Ok(())
}

/// By which Juju knows the base of a charm.
fn manifest(base: &str, arch: Arch) -> String {
    let arch = arch.name();
    format!(
        "bases:\n- name: ubuntu\n  channel: '{base}'\n  architectures:\n  - {arch}\n\
         analysis:\n  attributes:\n  - name: language\n    result: unknown\n  - name: framework\n    result: unknown\n"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    use juju_sim::Simulation;
    use zip::ZipArchive;

    use super::*;

    fn unpack(charm: &Path, into: &Path) {
        let mut archive = ZipArchive::new(File::open(charm).unwrap()).unwrap();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let path = into.join(&*entry.name().unwrap());
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            fs::write(&path, content).unwrap();
            let mode = fs::Permissions::from_mode(entry.unix_mode().unwrap());
            fs::set_permissions(&path, mode).unwrap();
        }
    }

    /// The versions of the C library that a binary names.
    fn c_library_versions(binary: &[u8]) -> Vec<(u32, u32)> {
        let text = String::from_utf8_lossy(binary);
        let names = text.split("GLIBC_2.").skip(1);
        let minor = |rest: &str| {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            digits.and_then(|d| d.parse().ok()).map(|minor| (2, minor))
        };
        names.filter_map(minor).collect()
    }

    fn charmcraft(arguments: &[&str]) -> String {
        let programs =
            test_programs::python::programs("charmcraft", &["charmcraft==4.5.0"]).unwrap();
        let output = Command::new(programs.join("charmcraft"))
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "charmcraft {arguments:?}: {said}");
        said
    }

    #[test]
    fn packed_charm_runs_and_satisfies_charmcraft() {
        let charms = pack().unwrap();
        let first: Vec<Vec<u8>> = charms.iter().map(|c| fs::read(c).unwrap()).collect();
        assert_eq!(charms, pack().unwrap());
        let again: Vec<Vec<u8>> = charms.iter().map(|c| fs::read(c).unwrap()).collect();
        assert!(first == again, "packed again the charms differ");

        let directory = tempfile::tempdir().unwrap();
        unpack(&charms[0], directory.path());
        let dispatch = directory.path().join("dispatch");
        let binary = fs::read(&dispatch).unwrap();
        let versions = c_library_versions(&binary);
        let newest = versions.iter().max().unwrap();
        assert!(*newest <= (2, 31), "it needs glibc {newest:?}");
        let here = root().display().to_string();
        let text = String::from_utf8_lossy(&binary);
        assert!(!text.contains(&here), "a path of this machine is in it");

        let mut juju = Simulation::new(directory.path(), &dispatch).unwrap();
        for event in juju.deployment() {
            let outcome = juju.run(&event);
            assert!(outcome.committed(), "{event:?}: {}", outcome.stderr);
        }
        let status = juju.model().status;
        assert_eq!(status.name, "waiting", "{status:?}");
        assert!(status.message.contains("cluster"), "{status:?}");

        charmcraft(&["expand-extensions"]);
        for charm in &charms {
            let said = charmcraft(&["analyse", charm.to_str().unwrap()]);
            for bad in ["[ERROR", "[WARN", "[FATAL"] {
                assert!(!said.contains(bad), "{said}");
            }
            assert!(said.contains("metadata: [OK]"), "{said}");
        }
    }
}
