//! `cargo xtask check`: what is checked before a change is sent, beside the tests.

mod advisories;
mod licences;

use std::path::PathBuf;

use anyhow::bail;

use crate::run::cargo;

const USAGE: &str = "usage: cargo xtask check [STEP ...] [--advisory-db DIR]

  format      rustfmt agrees with every file
  lint        clippy has no warning
  licences    every dependency of the program may be shipped under the licences that are allowed
  advisories  no dependency has a known advisory, by a copy of RustSec's database:
              --advisory-db DIR, else the environment variable ADVISORY_DB, else ~/.cargo/advisory-db

Without a STEP all of them run.
";

/// A step: its name, and what it does.
type Step = (&'static str, fn(&Options) -> anyhow::Result<()>);

const STEPS: [Step; 4] = [
    ("format", |_| cargo(&["fmt", "--all", "--check"])),
    ("lint", |_| cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("licences", |_| licences::check()),
    ("advisories", |options| advisories::check(options.advisory_db.clone())),
];

#[derive(Default)]
struct Options {
    steps: Vec<String>,
    advisory_db: Option<PathBuf>,
}

/// Runs the steps that are named, each whether or not another fails.
pub fn check(arguments: &[String]) -> anyhow::Result<()> {
    let options = parse(arguments)?;
    let mut failed = Vec::new();
    for (name, run) in STEPS {
        if !options.steps.is_empty() && !options.steps.iter().any(|step| step == name) {
            continue;
        }
        match run(&options) {
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

fn parse(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--advisory-db" => match rest.next() {
                Some(folder) => options.advisory_db = Some(folder.into()),
                None => bail!("--advisory-db needs a folder\n\n{USAGE}"),
            },
            step if STEPS.iter().any(|(name, _)| *name == step) => {
                options.steps.push(step.to_owned());
            }
            other => bail!("{other:?} is not known\n\n{USAGE}"),
        }
    }
    Ok(options)
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
}
