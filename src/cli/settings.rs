//! Defaults of options: from the environment, and from a configuration file below it.
//!
//! They replace the defaults that an option has, so they never conflict with what is passed. What
//! changes something has none: no default confirms, applies or publishes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::suggest;

/// Options that have defaults, as after `--`.
const OPTIONS: [&str; 27] = [
    "as",
    "as-group",
    "color",
    "context",
    "control",
    "controller",
    "data",
    "external-hostname",
    "fail-on",
    "format",
    "framework",
    "kubeconfig",
    "listen",
    "model",
    "namespace",
    "policy",
    "prometheus",
    "prometheus-ca",
    "quiet",
    "redact",
    "release",
    "section",
    "severity",
    "skip",
    "strict",
    "verbose",
    "within",
];

/// Variable that names the configuration file.
const FILE: &str = "CKF_HARDENING_CONFIG";

/// A value of the configuration file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Flag(bool),
    Number(u64),
    Text(String),
    List(Vec<String>),
}

/// The command with the defaults of this environment and of the configuration file.
pub(super) fn with_defaults(
    command: clap::Command,
    env: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<clap::Command> {
    let mut values = of_file(env)?;
    for option in OPTIONS {
        let name = variable(option);
        if let Some(value) = env(&name).filter(|value| !value.is_empty()) {
            values.insert(option.to_owned(), (name, vec![value]));
        }
    }
    values.into_iter().try_fold(command, |command, (option, (from, values))| {
        with_default(command, &option, &from, &values)
    })
}

/// The variable of an option.
fn variable(option: &str) -> String {
    format!("CKF_HARDENING_{}", option.replace('-', "_").to_ascii_uppercase())
}

type Values = BTreeMap<String, (String, Vec<String>)>;

fn of_file(env: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Values> {
    let named = env(FILE).filter(|path| !path.is_empty());
    let directory = env("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let directory = directory.or_else(|| Some(PathBuf::from(env("HOME")?).join(".config")));
    let usual = directory.map(|directory| directory.join("ckf-hardening/config.yaml"));
    let path = match (&named, usual) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(path)) if path.exists() => path,
        (None, _) => return Ok(Values::new()),
    };
    let shown = path.display().to_string();
    let what = || format!("configuration file {shown}");
    let text = crate::files::read(&path, crate::files::LARGEST_BY_HAND).with_context(what)?;
    if text.trim().is_empty() {
        return Ok(Values::new());
    }
    let wire: BTreeMap<String, Wire> = serde_yaml::from_str(&text).with_context(what)?;
    let mut values = Values::new();
    for (option, value) in wire {
        if !OPTIONS.contains(&option.as_str()) {
            let hint = suggest::hint(&option, OPTIONS);
            bail!("{}: no option {option}{hint}; options are: {}", what(), OPTIONS.join(", "));
        }
        let value = match value {
            Wire::Flag(flag) => vec![flag.to_string()],
            Wire::Number(number) => vec![number.to_string()],
            Wire::Text(text) => vec![text],
            Wire::List(texts) => texts,
        };
        values.insert(option, (what(), value));
    }
    Ok(values)
}

/// Gives an option its default in each command that has it and knows the value.
fn with_default(
    mut command: clap::Command,
    option: &str,
    from: &str,
    values: &[String],
) -> anyhow::Result<clap::Command> {
    let mut wrong = None;
    let names: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut is_set = false;
    for name in names {
        let Some(sub) = command.find_subcommand(&name) else { continue };
        match set(sub.clone(), option, values) {
            Set::Done(changed) => {
                is_set = true;
                command = command.mut_subcommand(name, |_| *changed);
            }
            Set::Wrong(why) => wrong = Some(why),
            Set::Missing => {}
        }
    }
    match set(command.clone(), option, values) {
        Set::Done(changed) => return Ok(*changed),
        Set::Wrong(why) => wrong = Some(why),
        Set::Missing => {}
    }
    match wrong {
        Some(why) if !is_set => bail!("{from}: {option}: {why}"),
        _ => Ok(command),
    }
}

enum Set {
    Done(Box<clap::Command>),
    Wrong(String),
    Missing,
}

fn set(command: clap::Command, option: &str, values: &[String]) -> Set {
    let Some(argument) = command.get_arguments().find(|arg| arg.get_long() == Some(option)) else {
        return Set::Missing;
    };
    let id = argument.get_id().clone();
    let is_flag = matches!(argument.get_action(), clap::ArgAction::SetTrue);
    let delimiter = argument.get_value_delimiter();
    let values: Vec<String> = match delimiter {
        Some(c) => values.iter().flat_map(|v| v.split(c)).map(|v| v.trim().to_owned()).collect(),
        None => values.to_vec(),
    };
    let possible = argument.get_possible_values();
    let unknown = values.iter().find(|value| {
        let fits = possible.iter().any(|known| known.matches(value, false));
        !possible.is_empty() && !fits
    });
    if let Some(value) = unknown {
        let known: Vec<&str> = possible.iter().map(|known| known.get_name()).collect();
        return Set::Wrong(format!("{value:?} is not one of {}", known.join(", ")));
    }
    let is_bool = |value: &String| value == "true" || value == "false";
    if is_flag && !values.iter().all(is_bool) {
        return Set::Wrong("it is true or false".into());
    }
    if delimiter.is_none() && values.len() > 1 && !is_repeated(argument) {
        return Set::Wrong("it takes one value".into());
    }
    // What is required unless a default is there stays as it is.
    let command = command.mut_arg(id, |arg| arg.required(false).default_values(values));
    Set::Done(Box::new(command))
}

fn is_repeated(argument: &clap::Arg) -> bool {
    matches!(argument.get_action(), clap::ArgAction::Append)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(env: &[(&str, &str)], arguments: &[&str], option: &str) -> anyhow::Result<String> {
        let env = |name: &str| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let command = with_defaults(super::super::command(), &env)?;
        let matches = command.try_get_matches_from(arguments)?;
        let (_, sub) = matches.subcommand().unwrap();
        let mut raw = sub.get_raw(option).into_iter().flatten();
        Ok(raw.next().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default())
    }

    #[test]
    fn flag_precedes_environment_and_environment_precedes_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, "namespace: of-file\nskip: [TLS-01, NET-*]\nstrict: true\n").unwrap();
        let file = file.display().to_string();
        let of_file = [("CKF_HARDENING_CONFIG", file.as_str())];
        let both = [of_file[0], ("CKF_HARDENING_NAMESPACE", "of-environment")];
        let audit = ["ckf-hardening", "audit"];
        assert_eq!(value(&[], &audit, "namespace").unwrap(), "kubeflow");
        assert_eq!(value(&of_file, &audit, "namespace").unwrap(), "of-file");
        assert_eq!(value(&of_file, &audit, "skip").unwrap(), "TLS-01");
        assert_eq!(value(&both, &audit, "namespace").unwrap(), "of-environment");
        let flag = ["ckf-hardening", "audit", "-n", "of-flag"];
        assert_eq!(value(&both, &flag, "namespace").unwrap(), "of-flag");
        // A default conflicts with nothing.
        let from = ["ckf-hardening", "audit", "--from", "x"];
        assert_eq!(value(&both, &from, "from").unwrap(), "x");
    }

    #[test]
    fn wrong_defaults_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (text, expected) in [
            ("namspace: x\n", "did you mean namespace?"),
            ("yes: true\n", "no option yes"),
            ("allow-disruption: true\n", "no option allow-disruption"),
            ("format: word\n", "\"word\" is not one of text, json"),
            ("strict: perhaps\n", "\"perhaps\" is not one of true, false"),
            ("namespace: [a, b]\n", "it takes one value"),
        ] {
            let file = folder.path().join("config.yaml");
            std::fs::write(&file, text).unwrap();
            let file = file.display().to_string();
            let env = [("CKF_HARDENING_CONFIG", file.as_str())];
            let error = value(&env, &["ckf-hardening", "audit"], "namespace").unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{text}: {error:#}");
        }
        // Each command that assesses versions takes their tables.
        let env = [("CKF_HARDENING_DATA", "data.json")];
        for command in ["audit", "serve", "upgrade-plan"] {
            assert_eq!(value(&env, &["ckf-hardening", command], "data").unwrap(), "data.json");
        }
        let env = [("CKF_HARDENING_FORMAT", "json")];
        assert_eq!(value(&env, &["ckf-hardening", "keys"], "format").unwrap(), "json");
        // Only an audit has this format; the others keep their own default.
        let env = [("CKF_HARDENING_FORMAT", "sarif")];
        assert_eq!(value(&env, &["ckf-hardening", "keys"], "format").unwrap(), "text");
        assert_eq!(value(&env, &["ckf-hardening", "audit"], "format").unwrap(), "sarif");
    }
}
