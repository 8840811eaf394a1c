//! `cargo xtask check`: what is checked before a change is sent, beside the tests.

mod advisories;
mod docs;
mod licences;
mod rules;
mod words;

pub use self::docs::correct_numbers;

use std::path::PathBuf;

use anyhow::bail;

use crate::run::{cargo, cargo_in_the_background, succeed};

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask check [STEP ...] [--advisory-db DIR] [--lower]

  format      rustfmt agrees with every file
  licences    every crate of the program has a licence and an origin that deny.toml allows
  docs        paths, numbers, commands, options and names in the documents are true
  words       no file uses more of the words in xtask/words/words.txt than its ceiling allows;
              --lower writes the present counts into xtask/words/ceilings.txt
  advisories  no dependency has a known advisory, by a copy of RustSec's database:
              --advisory-db DIR, else the environment variable ADVISORY_DB, else
              ~/.cargo/advisory-db; skipped without one, unless named
  lint        clippy has no warning, and no program or library unwraps
  fuzz        the fuzz targets compile

Without a STEP all of them run.
";

/// A step: its name, and what it does.
type Step = (&'static str, fn(&Options) -> anyhow::Result<()>);

const STEPS: [Step; 7] = [
    ("format", |_| cargo(&["fmt", "--all", "--check"])),
    ("licences", |_| licences::check()),
    ("docs", |_| docs::check()),
    ("words", |options| words::check(options.lower)),
    ("advisories", |options| {
        advisories::check(options.advisory_db.clone(), !options.steps.is_empty())
    }),
    ("lint", |_| lint()),
    // A workspace of its own, which compiles every dependency again.
    ("fuzz", |_| {
        cargo(&["check", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target/fuzz"])
    }),
];

/// Steps that take seconds; `cargo xtask test` runs them first.
const QUICK: [&str; 4] = ["format", "licences", "docs", "words"];

#[derive(Default)]
struct Options {
    steps: Vec<String>,
    advisory_db: Option<PathBuf>,
    lower: bool,
}

/// Runs the steps that are named, each whether or not another fails.
pub fn check(arguments: &[String]) -> anyhow::Result<()> {
    run(&parse(arguments)?)
}

/// Runs the steps that take seconds.
pub fn quick() -> anyhow::Result<()> {
    run(&Options { steps: QUICK.map(str::to_owned).to_vec(), ..Options::default() })
}

fn run(options: &Options) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (name, run) in STEPS {
        if !options.steps.is_empty() && !options.steps.iter().any(|step| step == name) {
            continue;
        }
        match run(options) {
            Ok(()) => eprintln!("{name}: ok"),
            Err(error) => {
                eprintln!("{name}: {error:#}");
                failed.push(name);
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("failed: {}", failed.join(", ")),
    }
}

/// Runs clippy. The second run sees no tests, whose helpers outside of a `#[test]` may unwrap too.
pub fn lint() -> anyhow::Result<()> {
    let clippy =
        |arguments: &[&str]| succeed(cargo_in_the_background().arg("clippy").args(arguments));
    clippy(&["--workspace", "--all-targets", "--", "-D", "warnings"])?;
    let mut arguments = vec!["--workspace", "--lib", "--bins"];
    for unchecked in MAY_UNWRAP {
        arguments.extend(["--exclude", unchecked]);
    }
    arguments.extend(["--", "-D", "warnings", "-D", "clippy::unwrap_used"]);
    clippy(&arguments)
}

/// Doubles that panic where a test sets them up wrongly, and what is built with them.
const MAY_UNWRAP: [&str; 3] = ["ckf-test-support", "ckf-worlds", "xtask"];

fn parse(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--advisory-db" => match rest.next() {
                Some(folder) => options.advisory_db = Some(folder.into()),
                None => bail!("--advisory-db needs a folder\n\n{USAGE}"),
            },
            "--lower" => options.lower = true,
            step if is_step(step) => options.steps.push(step.to_owned()),
            other => bail!("{other:?} is not known\n\n{USAGE}"),
        }
    }
    Ok(options)
}

fn is_step(name: &str) -> bool {
    STEPS.iter().any(|(step, _)| *step == name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn arguments_unknown_are_refused() {
        let parse = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            super::parse(&arguments).map(|options| options.steps)
        };
        assert_eq!(parse(&["lint", "licences"]).unwrap(), ["lint", "licences"]);
        assert!(parse(&["lints"]).unwrap_err().to_string().contains("lints"));
        assert!(parse(&["--advisory-db"]).is_err());
    }

    #[test]
    fn steps_that_are_quick_exist() {
        for name in super::QUICK {
            assert!(super::is_step(name), "{name}");
        }
    }
}
