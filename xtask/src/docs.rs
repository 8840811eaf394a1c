//! `cargo xtask docs`: the documents that are generated from code and data.

mod controller;
mod controls;
mod dashboard;
pub mod examples;
mod guide;
mod map;
mod panels;
mod photograph;
mod support;
mod terminal;
mod trust;

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use ckf_hardening::remedies::Remedy;
use serde_json::Value;

use crate::run::{cargo_command, root, succeed};

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask docs [--counts | --pictures]

  --counts    also count how many changed fields move a control, by the test that holds the table
  --pictures  also take the pictures of the report page and of the dashboard again, by Chromium
";

/// Runs the command.
pub fn docs(arguments: &[String]) -> anyhow::Result<()> {
    match arguments {
        [] => write(),
        [flag] if flag == "--counts" => {
            write()?;
            count()
        }
        [flag] if flag == "--pictures" => {
            write()?;
            photograph::take()?;
            dashboard::take()
        }
        _ => bail!("{USAGE}"),
    }
}

/// Has the test that changes every field write its table into the page of verdicts.
fn count() -> anyhow::Result<()> {
    let test = ["--test", "controls", "field_changed_moves_a_control_or_is_listed"];
    let mut cargo = cargo_command();
    cargo.args(["test", "--workspace"]).args(test).env("CKF_HARDENING_WRITE_COUNTS", "1");
    succeed(&mut cargo)
}

/// Writes them all.
fn write() -> anyhow::Result<()> {
    let documents = documents()?;
    for (name, text) in &documents {
        let path = root().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    eprintln!("wrote {} documents", documents.len());
    Ok(())
}

/// Generated documents that are not what the code and the data generate now.
pub fn outdated() -> anyhow::Result<Vec<String>> {
    let is_outdated = |(name, text): &(String, String)| {
        std::fs::read_to_string(root().join(name)).unwrap_or_default() != *text
    };
    let outdated = documents()?.into_iter().filter(is_outdated);
    Ok(outdated.map(|(name, _)| name).collect())
}

fn documents() -> anyhow::Result<Vec<(String, String)>> {
    let named = [
        ("docs/report-v1.schema.json", ckf_hardening::report::json::schema()),
        ("docs/fleet-v1.schema.json", ckf_hardening::report::json::fleet_schema()),
        ("docs/policy-v1.schema.json", ckf_hardening::policy::schema()),
        ("docs/reference/controls.md", controls::index()),
        ("docs/reference/metrics.md", metrics()),
        ("docs/reference/remedies.md", remedies()),
        ("docs/reference/charm.md", charm()?),
        ("docs/reference/juju-access.md", controller::page()),
        ("docs/reference/command-line.md", command_line()),
        ("docs/reference/guide.md", guide::page()?),
        ("docs/ckf-hardening.1", manual()?),
        (support::PAGE, support::page()?),
        (trust::PAGE, trust::page()),
        (map::PAGE, map::page()?),
        (examples::PICTURE, examples::picture()?),
        (examples::TUTORIAL, examples::tutorial()?),
    ];
    let named = named.map(|(name, text)| (name.to_owned(), text));
    Ok(named.into_iter().chain(controls::pages()).collect())
}

/// Every metric of the agent, as the agent declares it.
fn metrics() -> String {
    let mut text = format!("{GENERATED}# Metrics\n\n");
    text.push_str("The agent exports these metrics at `/metrics`, in Prometheus's text format and as OpenMetrics. Label values come from the\n");
    text.push_str("catalogue, from severities and from credentials in the option `rotate`: objects of the cluster create no series.\n\n");
    text.push_str("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for metric in ckf_hardening::agent::metrics() {
        let (name, kind, help) = (metric.name, metric.kind, metric.help);
        let _ = writeln!(text, "| `{name}` | {kind} | {} | {help} |", metric.labels.join(", "));
    }
    text
}

/// Every remedy, as the code describes it.
fn remedies() -> String {
    let mut text = format!("{GENERATED}# Remedies\n\n");
    text.push_str("The arguments of `plan`, `apply` and `undo`, and of the option `enforce`. Remedies that remove what people created are\n");
    text.push_str("applied by name only: `--all` excludes them. A change that would break an existing flow is held back until\n");
    text.push_str("`--allow-disruption` or the charm's option `allow-disruption` permits it. See [how to harden](../how-to/harden.md).\n\n");
    text.push_str("| remedy | controls | risk |\n|---|---|---|\n");
    let all = || Remedy::ALL.iter().map(|remedy| (remedy.name(), remedy.about()));
    for (name, about) in all() {
        let (controls, risk) = (about.controls.join(", "), about.risk.name());
        let by_name = if about.only_by_name { ", by name only" } else { "" };
        let _ = writeln!(text, "| [`{name}`](#{name}) | {controls} | {risk}{by_name} |");
    }
    for (name, about) in all() {
        let _ = write!(
            text,
            "\n## `{}`\n\nIt {}.\n\nImpact: {}.\n\nWhat it may break: {}.\n\nWorks on: {}.\n\nSource: {}.\n",
            name, about.does, about.reach, about.breaks, about.works_on, about.source
        );
    }
    text
}

/// The command line, as its own help describes it.
fn command_line() -> String {
    let mut text = format!("{GENERATED}# The command line\n\n");
    text.push_str("Exit status: 0 no findings at or above the threshold, or done; 1 findings, or `plan` would change something; 2 the\n");
    text.push_str("command could not run; 3 too many controls could not be assessed. Results go to standard output, progress and messages\n");
    text.push_str("to standard error. A reader that closes the pipe is not an error.\n");
    let mut command = ckf_hardening::cli::command().term_width(100);
    command.build();
    let names: Vec<String> = command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            let help = sub.render_long_help().to_string();
            let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
            let help = lines.join("\n");
            let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", help.trim());
        }
    }
    text
}

/// One manual page, which covers the subcommands too: they have no pages of their own.
fn manual() -> anyhow::Result<String> {
    let mut command = ckf_hardening::cli::command();
    command.build();
    let mut page = Vec::new();
    // Without a date, the same sources make the same page.
    let manual = clap_mangen::Man::new(command.clone()).date("");
    manual.render_title(&mut page)?;
    manual.render_name_section(&mut page)?;
    manual.render_synopsis_section(&mut page)?;
    manual.render_description_section(&mut page)?;
    for sub in leaves(&command) {
        let name = sub.get_bin_name().unwrap_or_default();
        let name = name.trim_start_matches("ckf-hardening ").to_uppercase();
        page.extend(format!(".SH \"{name}\"\n").into_bytes());
        let manual = clap_mangen::Man::new(sub.clone());
        manual.render_description_section(&mut page)?;
        manual.render_synopsis_section(&mut page)?;
        manual.render_options_section(&mut page)?;
    }
    let page = String::from_utf8(page)?;
    // Headings of a subcommand's page become paragraphs of its section; what each section defines
    // is defined once.
    let mut sections = 0;
    let lines = page.lines().enumerate().filter_map(|(i, line)| {
        let is_definition = line.starts_with(".ie ") || line.starts_with(".el ");
        sections += usize::from(line.starts_with(".SH "));
        match line {
            _ if is_definition && i > 1 => None,
            ".SH DESCRIPTION" | ".SH SYNOPSIS" | ".SH OPTIONS" if sections > 3 => Some(".PP"),
            other => Some(other),
        }
    });
    let lines: Vec<&str> = lines.collect();
    Ok(format!("{}\n{MANUAL_END}", lines.join("\n")))
}

/// Commands that take no further one, by name.
fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
    let subs = command.get_subcommands();
    let subs: Vec<_> = subs.filter(|sub| sub.get_name() != "help").collect();
    match subs.is_empty() {
        true => vec![command],
        false => subs.into_iter().flat_map(leaves).collect(),
    }
}

/// What clap does not generate.
const MANUAL_END: &str = r#".SH "EXIT STATUS"
.TP
0
No findings at or above the threshold, or done.
.TP
1
Findings at or above the threshold; plan would change something; access is possible.
.TP
2
The command could not run; standard error gives the reason.
.TP
3
Too many controls could not be assessed, or the subject of access is unknown.
.SH ENVIRONMENT
.TP
KUBECONFIG
The kubeconfig, unless \-\-kubeconfig is passed.
.TP
JUJU_DATA
The directory of Juju's client store (default: ~/.local/share/juju).
.TP
CKF_HARDENING_LOG
Log level on standard error: warn (default), info or debug.
.TP
CKF_HARDENING_CONFIG
The configuration file (default: ~/.config/ckf-hardening/config.yaml).
.TP
CKF_HARDENING_NAMESPACE, CKF_HARDENING_FORMAT, ...
Defaults of options; they precede the configuration file.
.TP
HTTPS_PROXY, HTTP_PROXY, NO_PROXY
The proxy, unless the kubeconfig has a proxy-url.
.TP
NO_COLOR
No colours, unless \-\-color always is passed.
.SH FILES
.TP
~/.kube/config
The kubeconfig, if neither is set.
.TP
~/.local/share/juju
Juju's client store: the controller and the login.
"#;

pub(crate) const GENERATED: &str = "<!-- Generated by `cargo xtask docs`. -->\n\n";

fn charm() -> anyhow::Result<String> {
    let yaml = |name: &str| -> anyhow::Result<Value> {
        let text = std::fs::read_to_string(root().join(name)).with_context(|| name.to_owned())?;
        serde_yaml::from_str(&text).with_context(|| name.to_owned())
    };
    let mut text = format!("{GENERATED}# Options and actions of the charm\n\n## Options\n");
    let config = yaml("config.yaml")?;
    for (name, option) in config["options"].as_object().into_iter().flatten() {
        let default = match &option["default"] {
            Value::String(empty) if empty.is_empty() => "empty".to_owned(),
            Value::String(default) => format!("`{default}`"),
            other => format!("`{other}`"),
        };
        let description = option["description"].as_str().unwrap_or_default().trim();
        let _ = write!(
            text,
            "\n### `{name}`\n\n{}, default {default}. {description}\n",
            option["type"].as_str().unwrap_or_default()
        );
    }
    text.push_str("\n## Actions\n");
    let actions = yaml("actions.yaml")?;
    for (name, action) in actions.as_object().into_iter().flatten() {
        let description = action["description"].as_str().unwrap_or_default();
        let _ = write!(text, "\n### `{name}`\n\n{description}\n");
        for (parameter, schema) in action["params"].as_object().into_iter().flatten() {
            let mut about = schema["description"].as_str().unwrap_or_default().to_owned();
            if let Some(values) = schema["enum"].as_array() {
                let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                let _ = write!(about, " One of {}.", values.join(", "));
            }
            if let Some(default) = schema["default"].as_str() {
                let _ = write!(about, " Default: {default}.");
            }
            let _ = write!(text, "\n- `{parameter}`: {about}\n");
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_checked_in_are_those_generated() {
        assert_eq!(outdated().unwrap(), [""; 0], "run `cargo xtask docs`");
    }
}
