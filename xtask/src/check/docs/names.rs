//! Names in sentences: flags, options, actions, controls, metrics, addresses, tests and alerts.

use regex_lite::Regex;

use super::commands::has_flag;
use super::known::Known;
use super::page::{Code, Page};

/// Flags of other programs, and of `cargo xtask`.
const FOREIGN_FLAGS: &[&str] = &[
    "address",
    "advisory-db",
    "config",
    "dest-tls-verify",
    "file",
    "force",
    "lower",
    "no-retry",
    "no-wait",
    "reset",
    "resource",
    "reveal",
    "seconds",
    "trust",
];
/// Options of the platform's charms that the catalogue does not list as harmless.
const FOREIGN_OPTIONS: &[&str] = &["mode", "secret-key", "static-password"];

/// Whether there is a thing of this name.
type IsKnown = fn(&str, &Known) -> bool;

/// Names that nothing has.
pub fn problems(page: &Page, known: &Known) -> Vec<String> {
    let mut problems = Vec::new();
    for code in page.code().iter().filter(|code| code.is_span) {
        problems.extend(span(code, known).map(|what| page.problem(code.line, &what)));
    }
    let patterns: [(&str, IsKnown, &str); 6] = [
        (r"\b[Tt]he\s+option\s+`([a-z-]+)`", is_option, "option"),
        (r"\b[Tt]he\s+action\s+`([a-z-]+)`", is_action, "action"),
        (r"\b([A-Z][A-Z0-9]{1,4}-[0-9]{2})\b", is_control, "control"),
        (r"\b(ckf_hardening_[a-z_]+[a-z])\b", is_metric, "metric"),
        (r"`(/(?:api/[a-z0-9/]+|metrics|healthz))`", is_url, "address"),
        (r"\b(CkfHardening[A-Z]\w+)\b", is_alert, "alert"),
    ];
    for (pattern, is_known, kind) in patterns {
        let Ok(pattern) = Regex::new(pattern) else {
            continue;
        };
        for found in pattern.captures_iter(&page.text) {
            let (name, at) = (&found[1], found.get(1).map_or(0, |name| name.start()));
            if !is_known(name, known) {
                problems.push(page.problem(page.line(at), &format!("there is no {kind} {name}")));
            }
        }
    }
    problems
}

/// A span that is a flag, a setting or the name of a test.
fn span(code: &Code, known: &Known) -> Option<String> {
    let first = code.text.split(' ').next().unwrap_or_default();
    if let Some(flag) = first.strip_prefix("--") {
        let flag = flag.split('=').next().unwrap_or_default();
        let is_known = FOREIGN_FLAGS.contains(&flag) || is_flag(&known.command, flag);
        return (!is_known).then(|| format!("there is no flag --{flag}"));
    }
    let is_lower = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if let Some((name, _)) = code.text.split_once('=')
        && is_lower(name)
    {
        let is_parameter = known.actions.values().any(|names| names.contains(name));
        let is_known = is_parameter || is_option(name, known);
        return (!is_known).then(|| format!("there is no option or parameter {name}"));
    }
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_test = code.text.matches('_').count() > 3
        && code.text.chars().all(is_word)
        && !code.text.starts_with("ckf_hardening_");
    let is_missing = is_test && !known.functions.contains(&code.text);
    is_missing.then(|| format!("there is no test {}", code.text))
}

/// Whether the command, or one below it, has a flag.
fn is_flag(command: &clap::Command, flag: &str) -> bool {
    has_flag(command, flag) || command.get_subcommands().any(|sub| is_flag(sub, flag))
}

fn is_option(name: &str, known: &Known) -> bool {
    known.options.contains(name)
        || known.foreign_options.contains(name)
        || FOREIGN_OPTIONS.contains(&name)
}

fn is_action(name: &str, known: &Known) -> bool {
    known.actions.contains_key(name) || FOREIGN_ACTIONS.contains(&name)
}

/// Actions of the platform's charms.
const FOREIGN_ACTIONS: &[&str] = &["set-password"];

/// An id of a family that the catalogue does not have is another catalogue's.
fn is_control(id: &str, known: &Known) -> bool {
    let family = id.split('-').next().unwrap_or_default();
    let is_ours = |known: &String| known.split('-').next() == Some(family);
    known.controls.contains(id) || !known.controls.iter().any(is_ours)
}

fn is_metric(name: &str, known: &Known) -> bool {
    known.metrics.contains(name)
}

fn is_url(path: &str, known: &Known) -> bool {
    known.urls.contains(path)
}

fn is_alert(name: &str, known: &Known) -> bool {
    known.alerts.contains(name)
}
