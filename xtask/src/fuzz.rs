//! `cargo xtask fuzz`: runs the fuzz targets for a bounded time, on the stable toolchain.
//!
//! libFuzzer comes with the crate libfuzzer-sys, which compiles it; LLVM's coverage
//! instrumentation is a pass that stable rustc can run. So there is no nightly toolchain and no
//! `cargo fuzz` to install, and no sanitizer either: what is looked for are panics, overflows
//! and hangs, and the code is safe Rust.

mod corpus;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use ckf_worlds::World;

use crate::run::{cargo_command, root};

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask fuzz [TARGET ...] [--seconds N] [--keep] [--list]

  TARGET       a file in fuzz/fuzz_targets; without one, all
  --seconds N  how long each target runs (default 30)
  --keep       pack the inputs that reach something new into fuzz/corpus
  --list       print the targets

It needs a C++ compiler (c++), for libFuzzer. Seeds are in fuzz/seeds/TARGET, and for
cluster_objects the objects of the tests' worlds. Inputs of earlier runs that reached something
new are in fuzz/corpus/TARGET.tar.gz, and those of this machine in target/fuzz/corpus/TARGET. An
input that fails is kept in fuzz/artifacts/TARGET, and is run again by `cargo xtask fuzz TARGET`
first.
";

/// Coverage instrumentation, as libFuzzer reads it.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1 -Cdebug-assertions=on \
    -Coverflow-checks=on";
/// An input that takes longer than this many seconds counts as a hang.
const LONGEST: u32 = 10;
/// Memory that one target may use, in MiB.
const MEMORY: u32 = 2048;
/// Longest input, in bytes.
const LENGTH: u32 = 65536;
/// Where cargo finds the platform it compiles for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the targets and runs them, each for its time.
pub fn fuzz(arguments: &[String]) -> anyhow::Result<()> {
    let (mut names, mut seconds, mut keep) = (Vec::new(), 30u32, false);
    let mut rest = arguments.iter();
    let known = targets()?;
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--list" => {
                println!("{}", known.join("\n"));
                return Ok(());
            }
            "--keep" => keep = true,
            "--seconds" => {
                let number = rest.next().and_then(|text| text.parse().ok());
                seconds = number.filter(|number| *number > 0).with_context(|| {
                    format!("--seconds needs a whole number of seconds\n\n{USAGE}")
                })?;
            }
            name if known.iter().any(|target| target == name) => names.push(name.to_owned()),
            other => bail!("{other:?} is not known\n\n{USAGE}"),
        }
    }
    if names.is_empty() {
        names = known;
    }
    build()?;
    let mut failed = Vec::new();
    for name in &names {
        if !run(name, seconds, keep)? {
            failed.push(name.as_str());
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!(
            "an input made these panic, hang or grow: {}; it is in fuzz/artifacts",
            failed.join(", ")
        ),
    }
}

fn folder() -> PathBuf {
    root().join("fuzz")
}

/// The targets, by their files.
fn targets() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder().join("fuzz_targets"))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(name) = stem.filter(|_| path.extension().is_some_and(|of| of == "rs")) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn build() -> anyhow::Result<()> {
    let has_compiler = Command::new("c++").arg("--version").output().is_ok();
    if !has_compiler {
        bail!("there is no C++ compiler, which libFuzzer needs: apt-get install g++");
    }
    let status = cargo_command()
        // With a target named, the flags do not reach build scripts and macros.
        .args(["build", "--release", "--target", TARGET])
        .current_dir(folder())
        .env("RUSTFLAGS", INSTRUMENTATION)
        .env("CARGO_TARGET_DIR", root().join("target/fuzz"))
        .status()
        .context("running cargo")?;
    match status.success() {
        true => Ok(()),
        false => bail!("the fuzz targets could not be built"),
    }
}

/// Runs a target for so many seconds, first of all on what failed before; whether all went well.
fn run(name: &str, seconds: u32, keep: bool) -> anyhow::Result<bool> {
    let corpus = corpus::unpack(name)?;
    let artifacts = folder().join("artifacts").join(name);
    std::fs::create_dir_all(&artifacts)?;
    let binary = root().join(format!("target/fuzz/{TARGET}/release/{name}"));
    let mut failures: Vec<PathBuf> = std::fs::read_dir(&artifacts)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    failures.sort();
    if !failures.is_empty()
        && !is_fine(Command::new(&binary).args(limits(&artifacts)).args(failures))?
    {
        return Ok(false);
    }
    eprintln!("{name}: {seconds} s");
    let mut command = Command::new(&binary);
    command
        .args(limits(&artifacts))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LENGTH}"))
        .arg("-print_final_stats=1")
        .arg(&corpus);
    let seeds = folder().join("seeds").join(name);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    if name == "cluster_objects" {
        command.arg(world_seeds()?);
    }
    let is_fine = is_fine(&mut command)?;
    if keep && is_fine {
        corpus::keep(name, &binary, &corpus)?;
    }
    Ok(is_fine)
}

/// A folder with each object of the worlds, to begin with: they are written by the tests' worlds,
/// so no copies of them are kept.
fn world_seeds() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/fuzz/seeds");
    std::fs::create_dir_all(&folder)?;
    for (name, world) in [("stock", World::stock("1.10")), ("hardened", World::hardened("1.11"))] {
        for (number, object) in world.objects.iter().enumerate() {
            let text = serde_json::to_string(&[object])?;
            std::fs::write(folder.join(format!("{name}-{number}")), text)?;
        }
    }
    Ok(folder)
}

fn limits(artifacts: &Path) -> [String; 4] {
    [
        format!("-artifact_prefix={}/", artifacts.display()),
        format!("-timeout={LONGEST}"),
        format!("-rss_limit_mb={MEMORY}"),
        "-verbosity=0".into(),
    ]
}

fn is_fine(command: &mut Command) -> anyhow::Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("running {}", command.get_program().to_string_lossy()))?;
    Ok(status.success())
}
