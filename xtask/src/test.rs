//! `cargo xtask test`: everything, or the tests that need no more than one kind of server.

use std::path::PathBuf;
use std::thread;

use anyhow::{anyhow, bail};

use crate::pack::Arch;
use crate::run::{cargo, cargo_command, cargo_in_the_background, succeed};
use crate::{check, pack};

/// Variable by which tests find the binary that a charm has.
const BINARY_UNDER_TEST: &str = "BINARY_UNDER_TEST";

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask test [GROUP]

  pure     nothing is needed: no server and no download; with the unit tests of the crates
  cluster  needs a real API server; attacks also need a registry and a simulated Juju
  gateway  needs istiod and Envoy
  charm    needs a simulated Juju, with or without a real API server
  image    needs registries, and runc for the rock
  peers    needs programs from PyPI, npm and Debian that read what we write
  all      every test of the workspace; the default
";

/// The tests that need the same.
struct Group {
    name: &'static str,
    /// Folders of `tests/`, each a test binary.
    binaries: &'static [&'static str],
}

const GROUPS: &[Group] = &[
    Group { name: "pure", binaries: &["pure", "controls"] },
    Group { name: "cluster", binaries: &["cluster", "attacks"] },
    Group { name: "gateway", binaries: &["gateway"] },
    Group { name: "charm", binaries: &["charm"] },
    Group { name: "image", binaries: &["image"] },
    Group { name: "peers", binaries: &["peers"] },
];

/// Runs all tests, or those of the group that the arguments name.
pub fn test(arguments: &[String]) -> anyhow::Result<()> {
    match arguments {
        [] => all(),
        [word] if word == "all" => all(),
        [word] => match GROUPS.iter().find(|group| group.name == word) {
            Some(group) => run(group),
            None => bail!("no tests {word:?}\n\n{USAGE}"),
        },
        _ => bail!("one group at a time\n\n{USAGE}"),
    }
}

/// Runs the checks, but for those that compile or fetch something else, builds what the tests need
/// and runs all tests. A check that fails keeps no test from running, so that one run shows
/// everything.
fn all() -> anyhow::Result<()> {
    let checked = check::quick();
    // Tests run side by side, and all but one would wait for it.
    kube_sandbox::kubebox()?;
    let (packed, linted) = build_and_lint()?;
    println!("testing {}", packed.display());
    let tests = ["test", "--workspace", "--no-fail-fast"];
    succeed(cargo_command().args(tests).env(BINARY_UNDER_TEST, packed))?;
    checked.and(linted)
}

/// Builds the binary that a charm has, the tests beside it, and then runs clippy. Returns the path of
/// the binary. Sweeps run it thousands of times, and it is several times as quick as the one that
/// cargo builds for tests. It goes first, since the last minutes of its build are on one core.
fn build_and_lint() -> anyhow::Result<(PathBuf, anyhow::Result<()>)> {
    thread::scope(|scope| {
        let packed = scope.spawn(|| pack::portable_binary(Arch::Amd64));
        succeed(cargo_in_the_background().args(["test", "--workspace", "--no-run"]))?;
        let linted = check::lint();
        if let Err(error) = &linted {
            eprintln!("lint: {error:#}");
        }
        let packed =
            packed.join().map_err(|_| anyhow!("the build of the charm's binary panicked"))?;
        Ok((packed?, linted))
    })
}

fn run(group: &Group) -> anyhow::Result<()> {
    // All of the workspace is selected, so that its dependencies are those of other builds.
    let mut arguments = vec!["test", "--workspace"];
    if group.name == "pure" {
        arguments.push("--lib");
    } else {
        kube_sandbox::kubebox()?;
    }
    for binary in group.binaries {
        arguments.extend(["--test", binary]);
    }
    cargo(&arguments)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_test_binary_is_in_one_group() {
        let folders = fs::read_dir(crate::run::root().join("tests")).unwrap();
        let folders = folders.map(|entry| entry.unwrap().path());
        let present: BTreeSet<String> = folders
            .filter(|folder| folder.join("main.rs").exists())
            .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let listed: Vec<&str> = GROUPS.iter().flat_map(|group| group.binaries).copied().collect();
        assert_eq!(listed.len(), present.len(), "{listed:?} {present:?}");
        assert!(listed.iter().all(|name| present.contains(*name)), "{listed:?} {present:?}");
        for Group { name, .. } in GROUPS {
            assert!(USAGE.contains(&format!("\n  {name} ")), "{name}");
        }
    }

    /// Each package of a tree of dependencies with its features.
    fn tree(arguments: &[&str]) -> BTreeSet<String> {
        let output = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"])
            .args(arguments)
            .current_dir(crate::run::root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    }

    #[test]
    fn dependencies_of_xtask_are_not_rebuilt_for_tests() {
        let own = tree(&["--package", "xtask", "--edges", "normal,build"]);
        let tests = tree(&["--workspace", "--edges", "normal,build,dev"]);
        assert!(own.len() > 200, "{own:?}");
        let again: Vec<&String> = own.difference(&tests).collect();
        assert!(again.is_empty(), "with other features in the tests: {again:#?}");
    }

    #[test]
    fn unknown_group_is_refused_with_usage() {
        for arguments in [&["pur"][..], &["pure", "charm"], &["--all"]] {
            let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
            let error = test(&arguments).unwrap_err().to_string();
            assert!(error.contains("usage: cargo xtask test"), "{error}");
        }
    }
}
