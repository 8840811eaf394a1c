//! `cargo xtask dist`: what a release holds, the same to the bit from the same sources.

mod archive;
mod image;
mod published;
mod sbom;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clap_complete::Shell;

use self::archive::{Archive, gzip, sha256};
use self::published::Release;
use crate::pack::{self, Arch};
use crate::run::root;

/// Usage of the command.
pub const USAGE: &str =
    "usage: cargo xtask dist [--output DIR] [--address URL] [--arch ARCH ... | --binary ARCH=FILE ...]

  --output DIR        an empty or absent directory (default: target/dist)
  --address URL       where the files will be published; without it there are no manifest for krew
                      and no action for GitHub, which name addresses
  --arch ARCH         build amd64 or arm64, and refuse if Rust's target is missing;
                      without any, those are built whose targets are, and the rest is named
  --binary ARCH=FILE  pack this binary, instead of building one

Makes an archive of the binary with completions and manual pages and the charms for each
architecture, the image as an OCI archive for amd64, an SBOM, and SHA256SUMS.
";

/// Names of the shells whose completions are in the archives.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

#[derive(Debug, PartialEq)]
struct Options {
    output: PathBuf,
    address: Option<String>,
    /// To be built, whatever is installed.
    arches: BTreeSet<Arch>,
    binaries: BTreeMap<Arch, PathBuf>,
}

/// Runs the command.
pub fn dist(arguments: &[String]) -> anyhow::Result<()> {
    let mut options = parse(arguments)?;
    let is_empty = fs::read_dir(&options.output).map_or(true, |mut all| all.next().is_none());
    if !is_empty {
        bail!("{} is not empty: remove it, or pass --output DIR", options.output.display());
    }
    let mut notes = Vec::new();
    if options.binaries.is_empty() {
        let (arches, missing) = to_build(&options.arches, has_target)?;
        notes.extend(missing);
        for arch in arches {
            options.binaries.insert(arch, pack::portable_binary(arch)?);
        }
    }
    notes.extend(assemble(&options)?);
    for note in notes {
        eprintln!("not made: {note}");
    }
    Ok(())
}

/// What is built, and what is not and why.
fn to_build(
    demanded: &BTreeSet<Arch>,
    has_target: impl Fn(Arch) -> anyhow::Result<bool>,
) -> anyhow::Result<(Vec<Arch>, Vec<String>)> {
    let (mut arches, mut missing) = (Vec::new(), Vec::new());
    for arch in Arch::ALL {
        let is_demanded = demanded.contains(&arch);
        if !demanded.is_empty() && !is_demanded {
            continue;
        }
        let (name, target) = (arch.name(), arch.target());
        match has_target(arch)? {
            true => arches.push(arch),
            false if is_demanded => bail!(
                "--arch {name}: Rust's target {target} is not installed: run `rustup target add \
                 {target}`"
            ),
            false => missing.push(format!(
                "binary and charm for {name}: Rust's target {target} is not installed: run \
                 `rustup target add {target}`"
            )),
        }
    }
    if arches.is_empty() {
        bail!("nothing can be built: {}", missing.join("; "));
    }
    Ok((arches, missing))
}

fn arch_of(name: &str) -> Option<Arch> {
    Arch::ALL.into_iter().find(|known| known.name() == name)
}

fn parse(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options {
        output: root().join("target/dist"),
        address: None,
        arches: BTreeSet::new(),
        binaries: BTreeMap::new(),
    };
    let mut arguments = arguments.iter();
    while let Some(flag) = arguments.next() {
        let value = arguments.next().filter(|value| !value.starts_with("--"));
        match (flag.as_str(), value) {
            ("--output", Some(directory)) => options.output = directory.into(),
            ("--address", Some(url)) => {
                options.address = Some(url.trim_end_matches('/').to_owned());
            }
            ("--binary", Some(value)) => {
                let (arch, file) = value.split_once('=').unwrap_or_default();
                let Some(arch) = arch_of(arch) else {
                    bail!("--binary {value}: write amd64=FILE or arm64=FILE\n\n{USAGE}");
                };
                options.binaries.insert(arch, file.into());
            }
            ("--arch", Some(name)) => {
                let Some(arch) = arch_of(name) else {
                    bail!("--arch {name}: write amd64 or arm64\n\n{USAGE}");
                };
                options.arches.insert(arch);
            }
            ("--output" | "--address" | "--arch" | "--binary", None) => {
                bail!("{flag} needs a value\n\n{USAGE}")
            }
            _ => bail!("unknown argument {flag:?}\n\n{USAGE}"),
        }
    }
    if !options.arches.is_empty() && !options.binaries.is_empty() {
        bail!("--arch builds, and --binary takes what is built: pass one of them\n\n{USAGE}");
    }
    Ok(options)
}

/// Whether Rust's library for an architecture is installed.
fn has_target(arch: Arch) -> anyhow::Result<bool> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()).output();
    let sysroot = String::from_utf8(rustc.context("rustc")?.stdout)?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(arch.target()).join("lib").exists())
}

/// The name of an archive of the binary.
fn archive_name(version: &str, arch: Arch) -> String {
    format!("ckf-hardening_{version}_linux_{}.tar.gz", arch.name())
}

/// Makes every file, and returns what was not made and why.
fn assemble(options: &Options) -> anyhow::Result<Vec<String>> {
    let version = env!("CARGO_PKG_VERSION");
    let output = &options.output;
    fs::create_dir_all(output).with_context(|| output.display().to_string())?;
    let mut notes = Vec::new();
    let mut digests = BTreeMap::new();
    for (&arch, path) in &options.binaries {
        let binary = fs::read(path).with_context(|| path.display().to_string())?;
        let archive = gzip(&program(&binary)?.tar()?)?;
        digests.insert(arch, sha256(&archive));
        write(output, &archive_name(version, arch), &archive)?;
        pack::charms(arch, path, output)?;
        match image::obstacle(arch) {
            None => {
                let name = format!("ckf-hardening_{version}_{}.oci.tar", arch.name());
                write(output, &name, &image::archive(&binary, version)?)?;
            }
            Some(why) => notes.push(format!("the image for {}: {why}", arch.name())),
        }
    }
    let targets: Vec<&str> = options.binaries.keys().map(|arch| arch.target()).collect();
    write(
        output,
        &format!("ckf-hardening_{version}.cdx.json"),
        sbom::render(&targets)?.as_bytes(),
    )?;
    match &options.address {
        Some(address) => {
            let release = Release { version, address, digests: &digests };
            write(output, "ckf-hardening.yaml", release.krew()?.as_bytes())?;
            write(output, "action.yml", release.action()?.as_bytes())?;
        }
        None => notes.push("ckf-hardening.yaml for krew, and action.yml: pass --address".into()),
    }
    write(output, "SHA256SUMS", sums(output)?.as_bytes())?;
    Ok(notes)
}

/// The binary with its licence, completions and manual pages.
fn program(binary: &[u8]) -> anyhow::Result<Archive> {
    let mut archive = Archive::default();
    archive.file("ckf-hardening", binary, 0o755);
    archive.file("LICENSE", fs::read(root().join("LICENSE"))?, 0o644);
    for shell in SHELLS {
        let mut script = Vec::new();
        let mut command = ckf_hardening::cli::command();
        clap_complete::generate(shell, &mut command, "ckf-hardening", &mut script);
        archive.file(format!("completions/ckf-hardening.{shell}"), script, 0o644);
    }
    for (name, page) in ckf_hardening::cli::manual_pages(ckf_hardening::cli::command())? {
        archive.file(format!("man/man1/{name}.1"), page, 0o644);
    }
    Ok(archive)
}

fn write(output: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let path = output.join(name);
    fs::write(&path, content).with_context(|| path.display().to_string())?;
    println!("{}: {} bytes", path.display(), content.len());
    Ok(())
}

/// Digests of every file, as `sha256sum --check` reads them.
fn sums(output: &Path) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(output)? {
        let entry = entry?;
        let digest = sha256(&fs::read(entry.path())?);
        lines.push((entry.file_name().to_string_lossy().into_owned(), digest));
    }
    lines.sort();
    Ok(lines.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect())
}
