//! The reference of the controls: an index, and a page for each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ckf_hardening::catalog::{self, Control, FixProof, Source};
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
    let sources: Vec<String> = sources.iter().map(|(name, n)| format!("{n} {name}")).collect();
    let proved = |kind: &str| {
        let of_kind = all.iter().filter(|control| control.fix_proof.kind() == kind);
        of_kind.count()
    };
    let (by_test, by_source, by_none) = (proved("test"), proved("source"), proved("none"));
    format!(
        "Of {} controls, {remedied} have a remedy that `apply` carries out, {kept} more are kept by the charm itself (rotation,\n\
         renewal), for {advised} there is advice, and {attested} no program can assess: somebody attests them. By what they are read from:\n\
         {}.\n\n\
         Each page says what following its fix may break and where it works. That a fix works and does no other harm is shown by\n\
         a test of this repository for {by_test}, and by code or documentation of the charms at a named revision for {by_source}; {by_none} have\n\
         no good fix, and say so with the mitigation.\n",
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
    add("What that may break", &control.fix_breaks);
    add("Where it works", &format!("{}.", works_on(control)));
    add("What shows it", &proof(control));
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
        (true, _) => "No automatic remediation.".to_owned(),
    };
    add("How to put it right by tool", &tool);
    add("When to waive it", &control.waive);
    let mappings = control.mappings.in_words();
    if !mappings.is_empty() {
        add("In other catalogues", &format!("{}.", mappings.join(". ")));
    }
    text
}

fn works_on(control: &Control) -> String {
    match &control.fix_proof {
        FixProof::None { .. } => "Nowhere: there is no good fix".to_owned(),
        _ => {
            let works = &control.fix_works_on;
            let meshes: Vec<&str> = works.meshes.iter().map(|mesh| mesh.name()).collect();
            let mut text = format!(
                "Charmed Kubeflow {}, in {} mode",
                works.releases.join(", "),
                meshes.join(" and ")
            );
            if !works.when.trim().is_empty() {
                let _ = write!(text, ". Condition: {}", works.when.trim());
            }
            text
        }
    }
}

fn proof(control: &Control) -> String {
    match &control.fix_proof {
        FixProof::Test { name, shows } => {
            let file = name.split("::").next().unwrap_or_default();
            format!("The test [`{name}`](../../../{file}). {}", shows.trim())
        }
        FixProof::Source { repository, revision, path, shows } => {
            format!("`{path}` of {repository}, at revision `{revision}`. {}", shows.trim())
        }
        FixProof::None { reason } => format!("There is none: {}.", reason.trim()),
    }
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
