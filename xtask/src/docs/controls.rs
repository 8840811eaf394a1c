//! The reference of the controls: an index, and a page for each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ckf_hardening::catalog::{self, Control, FixProof, Source};
use ckf_hardening::remedies::Remedy;

use super::GENERATED;

/// The index, with numbers first.
pub(super) fn index() -> String {
    let mut text = format!("{GENERATED}# The controls\n\n");
    text.push_str("Sources of controls: `cluster`, the Kubernetes API and a handshake with the gateway; `juju`, Juju's API; `ledger`,\n");
    text.push_str("the record of earlier audits; `registry`, image registries and Charmhub; `prometheus`, COS's Prometheus; `attestation`, a statement in the policy;\n");
    text.push_str("`policy`, the policy itself. A control whose source is unavailable is `not-assessed`, with what it needs.\n\n");
    text.push_str(&numbers());
    let mut section = "";
    for control in catalog::controls() {
        if control.section != section {
            section = &control.section;
            let head = "| control | requirement | severity | source | fixed by |";
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

/// How many controls there are, by source and by fix.
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
        "Of {} controls, {remedied} have a remedy, {kept} more are maintained by the charm itself (rotation, renewal), {advised} have\n\
         advice, and {attested} cannot be checked by a program and are attested. By source: {}.\n\n\
         Each page states what the fix may break and where it works. The evidence that a fix works and does no other harm is\n\
         a test of this repository for {by_test}, and code or documentation of the charms at a named revision for {by_source}; {by_none} have\n\
         no good fix, and give a mitigation instead.\n",
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
        "{GENERATED}# {} {}\n\n{}, severity {}, source {}.\n",
        control.id,
        control.title,
        control.section,
        control.severity.name(),
        control.source.name(),
    );
    let mut add = |title: &str, body: &str| {
        let _ = write!(text, "\n## {title}\n\n{}\n", body.trim());
    };
    add("Why it matters", &control.why);
    add("How it is checked", &control.check);
    add("How to fix it manually", &control.fix);
    add("What the fix may break", &control.fix_breaks);
    add("Where the fix works", &format!("{}.", works_on(control)));
    add("Evidence", &proof(control));
    let mut tools: Vec<String> = Vec::new();
    let remedies = remedies(control, "../");
    if !remedies.is_empty() {
        tools.push(format!(
            "Remedy {}: preview it with `ckf-hardening plan`, apply it with `apply`, roll it back with `undo`.",
            remedies.join(", ")
        ));
    }
    if !control.kept.is_empty() {
        tools.push(control.kept.trim().to_owned());
    }
    let tool = match (tools.is_empty(), control.source) {
        (false, _) => tools.join("\n\n"),
        (true, Source::Attestation) => {
            "It cannot be checked automatically: attest it in the [policy](../policy.md)."
                .to_owned()
        }
        (true, _) => "None.".to_owned(),
    };
    add("Automatic remediation", &tool);
    let limits = control.limits.iter().map(|limit| {
        format!(
            "Where `{}` is `{}`: {} See <{}>. Mitigation: {}",
            limit.field,
            limit.seen,
            limit.why.trim(),
            limit.issue.trim(),
            limit.mitigation.trim()
        )
    });
    let limits: Vec<String> = limits.collect();
    if !limits.is_empty() {
        add("Limits of the platform", &limits.join("\n\n"));
    }
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
        FixProof::None { reason } => format!("None: {}.", reason.trim()),
    }
}

/// What fixes a control, in a word or two.
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

/// Links to a control's remedies, with the way up from the page to the reference.
fn remedies(control: &Control, up: &str) -> Vec<String> {
    Remedy::of_control(&control.id)
        .map(|remedy| format!("[`{remedy}`]({up}remedies.md#{remedy})"))
        .collect()
}
