//! Arguments as Juju's tools read them: flags and positionals in any order, `--`
//! before what might look like a flag.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// A tool's flags: their names, and whether they take a value.
pub type Spec = &'static [(&'static [&'static str], bool)];

/// Arguments, read.
#[derive(Debug, Default, PartialEq)]
pub struct Arguments {
    flags: BTreeMap<&'static str, String>,
    /// What is no flag.
    pub positionals: Vec<String>,
}

impl Arguments {
    /// Reads arguments; every tool also has `--help`.
    pub fn parse(arguments: &[String], spec: Spec) -> Result<Self, Failure> {
        let mut read = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                read.positionals.extend(rest.cloned());
                break;
            }
            if !argument.starts_with('-') || argument == "-" {
                read.positionals.push(argument.clone());
                continue;
            }
            let (flag, value) = match argument.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let flag = name(flag);
            let known =
                spec.iter().find(|(names, _)| names.contains(&flag.trim_start_matches('-')));
            let Some((names, takes_value)) = known else {
                return Err(Failure::usage(format!("option provided but not defined: {flag}")));
            };
            let value = match (value, takes_value) {
                (Some(value), _) => value,
                (None, false) => "true".into(),
                (None, true) => rest
                    .next()
                    .cloned()
                    .ok_or_else(|| Failure::usage(format!("option needs an argument: {flag}")))?,
            };
            read.flags.insert(names[0], value);
        }
        Ok(read)
    }

    /// The value of a flag, by the first of its names.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.value(name) == Some("true")
    }

    /// Refuses more positionals than so many.
    pub fn at_most(&self, number: usize) -> Result<(), Failure> {
        match self.positionals.get(number..) {
            None | Some([]) => Ok(()),
            Some(more) => {
                let more: Vec<String> = more.iter().map(|a| format!("{a:?}")).collect();
                Err(Failure::usage(format!("unrecognized args: [{}]", more.join(" "))))
            }
        }
    }
}

/// `-dash` is the flag `-d` with letters after it, as in Go's gnuflag.
fn name(flag: &str) -> String {
    match flag.strip_prefix('-') {
        Some(rest) if !rest.starts_with('-') => {
            rest.chars().take(1).fold("-".into(), |mut f: String, c| {
                f.push(c);
                f
            })
        }
        _ => flag.to_owned(),
    }
}
