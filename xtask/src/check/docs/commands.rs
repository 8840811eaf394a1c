//! Commands that documents give: those of `ckf-hardening`, of Juju about this charm, and of
//! `cargo xtask`.

use super::known::Known;
use super::page::Page;

/// What may be before a command in a block.
const PROMPTS: [&str; 7] = ["$", "#", "-", "run:", "entry:", "kubectl", "&&"];

/// Commands, flags, options, actions and parameters that do not exist.
pub fn problems(page: &Page, known: &Known) -> Vec<String> {
    let mut problems = Vec::new();
    for code in page.code() {
        for command in code.text.split(['|', ';']).flat_map(|text| text.split("&&")) {
            let words: Vec<&str> = words(command);
            let wrong = match words.split_first() {
                Some((&first, rest)) if is_program(first) => program(rest, known),
                Some((&"juju", rest)) => juju(rest, known),
                Some((&"cargo", ["xtask", rest @ ..])) => xtask(rest),
                _ => None,
            };
            problems.extend(wrong.map(|what| page.problem(code.line, &what)));
        }
    }
    problems
}

/// The words of a command, without what is before it and without a comment.
fn words(command: &str) -> Vec<&str> {
    let command = command.split(" # ").next().unwrap_or_default();
    let command = command.split("  #").next().unwrap_or_default();
    let words = command.split_whitespace();
    let words = words.map(|word| word.trim_matches(['\'', '"', '(', ')', ',']));
    words.skip_while(|word| PROMPTS.contains(word)).collect()
}

fn is_program(word: &str) -> bool {
    word == "ckf-hardening" || word.ends_with("release/ckf-hardening")
}

/// A command of `ckf-hardening`: the subcommand, its flags, and names of remedies.
fn program(words: &[&str], known: &Known) -> Option<String> {
    let mut command = &known.command;
    let mut is_command = true;
    for word in words {
        if word.starts_with(['>', '<']) {
            break;
        }
        if let Some(flag) = word.strip_prefix("--") {
            let flag = flag.split('=').next().unwrap_or_default();
            if !has_flag(command, flag) && !has_flag(&known.command, flag) {
                return Some(format!("{} has no flag --{flag}", command.get_name()));
            }
            is_command = false;
            continue;
        }
        if is_command && command.has_subcommands() && is_name(word) {
            match command.find_subcommand(word) {
                Some(found) => command = found,
                None => return Some(format!("{} has no command {word}", command.get_name())),
            }
            continue;
        }
        let takes_remedies = matches!(command.get_name(), "plan" | "apply" | "undo");
        if is_command && takes_remedies && is_name(word) && !known.remedies.contains(*word) {
            return Some(format!("there is no remedy {word}"));
        }
    }
    None
}

/// Whether a word may be the name of a command or a remedy, and is no placeholder.
fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

pub(super) fn has_flag(command: &clap::Command, flag: &str) -> bool {
    flag == "help" || command.get_arguments().any(|argument| argument.get_long() == Some(flag))
}

/// A command of Juju, as far as it is about this charm.
fn juju(words: &[&str], known: &Known) -> Option<String> {
    match words {
        ["config", "ckf-hardening", rest @ ..] => settings(rest).find_map(|option| {
            let is_known = known.options.contains(option);
            (!is_known).then(|| format!("the charm has no option {option}"))
        }),
        ["run", unit, action, rest @ ..] if unit.starts_with("ckf-hardening/") => {
            let Some(parameters) = known.actions.get(*action) else {
                return is_name(action).then(|| format!("the charm has no action {action}"));
            };
            settings(rest).find_map(|parameter| {
                let is_known = parameters.contains(parameter);
                (!is_known).then(|| format!("the action {action} has no parameter {parameter}"))
            })
        }
        ["integrate" | "remove-relation", rest @ ..] => {
            let mut endpoints = rest.iter().filter_map(|end| end.strip_prefix("ckf-hardening:"));
            let wrong = endpoints.find(|endpoint| !known.endpoints.contains(*endpoint));
            wrong.map(|endpoint| format!("the charm has no endpoint {endpoint}"))
        }
        _ => None,
    }
}

/// Names that are set, as `name=value`.
fn settings<'a>(words: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let words = words.iter().filter(|word| !word.starts_with("--"));
    words.filter_map(|word| word.split_once('=')).map(|(name, _)| name)
}

fn xtask(words: &[&str]) -> Option<String> {
    let (command, rest) = words.split_first()?;
    if !is_name(command) {
        return None;
    }
    if !crate::COMMANDS.iter().any(|known| known.name == *command) {
        return Some(format!("cargo xtask has no command {command}"));
    }
    let mut steps = rest.iter().filter(|word| *command == "check" && is_name(word));
    let wrong = steps.find(|step| !step.starts_with("--") && !super::super::is_step(step));
    wrong.map(|step| format!("cargo xtask check has no step {step}"))
}
