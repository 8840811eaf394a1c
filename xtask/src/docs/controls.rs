//! The reference of the controls: an index, and a page for each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ckf_hardening::catalog::{self, Control, Source};
use ckf_hardening::remedies::Remedy;

use super::GENERATED;

/// The index, with numbers first.
pub(super) fn index() -> String {
    let mut text = format!("{GENERATED}# The controls\n\n");
    text.push_str("What a control is read from: `cluster`, the Kubernetes API and a handshake with the gateway; `juju`, Juju's API; `ledger`,\n");
    text.push_str("what an earlier audit saw; `registry`, image registries and Charmhub; `attestation`, what somebody attests in the policy;\n");
    text.push_str("`policy`, the policy itself. What a source did not tell is `not-assessed`, with what it needs.\n\n");
    text.push_str(&numbers());
    let mut section = "";
    for control in catalog::controls() {
        if control.section != section {
            section = &control.section;
            let head = "| control | what should be so | severity | read from | put right by |";
            let _ = write!(text, "\n## {section}\n\n{head}\n|---|---|---|---|---|\n");
        }
        let _ = writeln!(
            text,
            "| [{0}](controls/{0}.md) | {1} | {2} | {3} | {4} |",
            control.id,
            control.title,
            control.severity.name(),
            control.source.name(),
            by(control).join(", "),
        );
    }
    text
}

/// How many are put right by what.
fn numbers() -> String {
    let all = catalog::controls();
    let of = |is: fn(&&Control) -> bool| all.iter().filter(is).count();
    let attested = of(|control| control.source == Source::Attestation);
    let remedied = of(|control| !remedies(control, "").is_empty());
    let kept = of(|control| !control.kept.is_empty() && remedies(control, "").is_empty());
    let advised = all.len() - remedied - kept - attested;
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    for control in all {
        *sources.entry(control.source.name()).or_default() += 1;
    }
    let sources: Vec<String> = sources
        .iter()
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    format!(
        "Of {} controls, {remedied} have a remedy that `apply` carries out, {kept} more are kept by the charm itself (rotation,\n\
         renewal), for {advised} there is advice, and {attested} no program can assess: somebody attests them. By what they are read from:\n\
         {}.\n",
        all.len(),
        sources.join(", ")
    )
}

/// A page for each: path below the project, and text.
pub(super) fn pages() -> impl Iterator<Item = (String, String)> {
    catalog::controls().iter().map(|control| {
        let path = format!("docs/reference/controls/{}.md", control.id);
        (path, page(control))
    })
}

fn page(control: &Control) -> String {
    let mut text = format!(
        "{GENERATED}# {} {}\n\n{}, severity {}, read from {}.\n",
        control.id,
        control.title,
        control.section,
        control.severity.name(),
        control.source.name(),
    );
    let mut add = |title: &str, body: &str| {
        let _ = write!(text, "\n## {title}\n\n{}\n", body.trim());
    };
    add("Why", &control.why);
    add("How it is checked", &control.check);
    add("How to put it right by hand", &control.fix);
    let mut tools: Vec<String> = Vec::new();
    let remedies = remedies(control, "../");
    if !remedies.is_empty() {
        tools.push(format!(
            "Remedy {}: `ckf-hardening plan` shows what it would do, `apply` does it, `undo` takes it back.",
            remedies.join(", ")
        ));
    }
    if !control.kept.is_empty() {
        tools.push(control.kept.trim().to_owned());
    }
    let tool = match (tools.is_empty(), control.source) {
        (false, _) => tools.join("\n\n"),
        (true, Source::Attestation) => {
            "There is no remedy, and no check: attest it in the [policy](../policy.md).".to_owned()
        }
        (true, _) => "There is no remedy: what is wrong is somebody's to decide.".to_owned(),
    };
    add("How to put it right by tool", &tool);
    add("When to waive it", &control.waive);
    let mappings = control.mappings.in_words();
    if !mappings.is_empty() {
        add("In other catalogues", &format!("{}.", mappings.join(". ")));
    }
    text
}

/// What puts a control right, in a word or two.
fn by(control: &Control) -> Vec<String> {
    let mut by = remedies(control, "");
    if !control.kept.is_empty() {
        by.push("the charm".to_owned());
    }
    if by.is_empty() {
        let how = match control.source {
            Source::Attestation => "attest it",
            _ => "advice",
        };
        by.push(how.to_owned());
    }
    by
}

/// Links to a control's remedies, from a page that lies so deep.
fn remedies(control: &Control, up: &str) -> Vec<String> {
    Remedy::ALL
        .iter()
        .map(|remedy| remedy.about())
        .filter(|about| about.controls.contains(&control.id.as_str()))
        .map(|about| format!("[`{0}`]({up}remedies.md#{0})", about.name))
        .collect()
}
