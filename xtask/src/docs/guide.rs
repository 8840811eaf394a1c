//! The guide, statement by statement: which control looks at it, how it is fixed, and which test shows it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use ckf_hardening::catalog::{self, Family, FixProof, Source};
use ckf_hardening::remedies::Remedy;
use serde::Deserialize;

use super::GENERATED;
use crate::run::root;

const DATA: &str = "catalog/guide/statements.yaml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    page: String,
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    asks: String,
    #[serde(default)]
    controls: Vec<String>,
    /// Why no control looks at it.
    #[serde(default)]
    none: String,
}

/// The page.
pub(super) fn page() -> anyhow::Result<String> {
    let pages = pages()?;
    let all = || pages.iter().flat_map(|page| &page.statements);
    let open = all().filter(|statement| statement.controls.is_empty()).count();
    let named: BTreeSet<&str> =
        all().flat_map(|statement| &statement.controls).map(String::as_str).collect();
    let mut text = format!("{GENERATED}# The guide, statement by statement\n\n");
    let (total, controls, catalogue) = (all().count(), named.len(), catalog::controls().len());
    let _ = writeln!(
        text,
        "What the security guide of Charmed Kubeflow and the pages that it leads to ask for, and where this project looks at it. {} of {total}\n\
         statements have controls, {controls} of {catalogue}; the other controls look at what these pages do not mention. The faults are those\n\
         by which the tests make each control fail.\n",
        total - open
    );
    for page in &pages {
        let head = "| asks | controls | fixed by | shown by |";
        let _ = write!(text, "\n## {}\n\n{head}\n|---|---|---|---|\n", page.page);
        for statement in &page.statements {
            let row = row(statement)?;
            text.push_str(&row);
        }
    }
    text.push_str(&sources());
    text.push_str(&tables());
    Ok(text)
}

/// How many controls each source has, and how many of them are fixed by what.
fn sources() -> String {
    let mut text = String::from("\n## Controls by source and fix\n\n");
    text.push_str(
        "| read from | controls | fixed by a remedy | kept by the charm | by advice |\n|---|---|---|---|---|\n",
    );
    let all = [
        Source::Kubernetes,
        Source::Juju,
        Source::Registry,
        Source::Ledger,
        Source::Prometheus,
        Source::Attestation,
        Source::Policy,
    ];
    for source in all {
        let all = catalog::controls().iter().filter(|control| control.source == source);
        let (mut remedied, mut kept, mut advised) = (0, 0, 0);
        for control in all {
            let fixes = |remedy: &&Remedy| remedy.about().controls.contains(&control.id.as_str());
            match (Remedy::ALL.iter().any(|remedy| fixes(&remedy)), control.kept.is_empty()) {
                (true, _) => remedied += 1,
                (false, false) => kept += 1,
                (false, true) => advised += 1,
            }
        }
        let total = remedied + kept + advised;
        let _ = writeln!(text, "| {} | {total} | {remedied} | {kept} | {advised} |", source.name());
    }
    text
}

fn pages() -> anyhow::Result<Vec<Page>> {
    let text = std::fs::read_to_string(root().join(DATA)).context(DATA)?;
    let pages: Vec<Page> = serde_yaml::from_str(&text).context(DATA)?;
    for statement in pages.iter().flat_map(|page| &page.statements) {
        let asks = &statement.asks;
        let says_one = statement.controls.is_empty() != statement.none.is_empty();
        ensure!(says_one, "{DATA}: {asks:?} needs controls, or why it has none");
        for id in &statement.controls {
            ensure!(catalog::control(id).is_some(), "{DATA}: {asks:?} names {id}");
        }
    }
    Ok(pages)
}

fn row(statement: &Statement) -> anyhow::Result<String> {
    let asks = &statement.asks;
    if statement.controls.is_empty() {
        return Ok(format!("| {asks} | none: {} | | |\n", statement.none));
    }
    let links = statement.controls.iter().map(|id| format!("[{id}](controls/{id}.md)"));
    let mut fixes: BTreeSet<String> = BTreeSet::new();
    let mut tests: BTreeSet<String> = BTreeSet::new();
    for id in &statement.controls {
        let control = catalog::control(id).context("it is in the catalogue")?;
        let of = Remedy::ALL.iter().filter(|r| r.about().controls.contains(&id.as_str()));
        let names: Vec<String> = of.map(|remedy| remedy.name().to_owned()).collect();
        fixes.extend(names.iter().map(|name| format!("[`{name}`](remedies.md#{name})")));
        if names.is_empty() && !control.kept.is_empty() {
            fixes.insert("the charm".into());
        }
        match control.source {
            Source::Attestation => tests.insert("attested".into()),
            _ => {
                let family = Family::of(id).context("its id has a family")?;
                tests.insert(format!("`tests/controls/faults/{}.rs`", family.folder()))
            }
        };
        if let FixProof::Test { name, .. } = &control.fix_proof
            && let Some((file, _)) = name.split_once("::")
        {
            tests.insert(format!("`{file}`"));
        }
    }
    let fixes = if fixes.is_empty() { BTreeSet::from(["advice".into()]) } else { fixes };
    let join = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
    let links = links.collect::<Vec<_>>().join(", ");
    Ok(format!("| {asks} | {links} | {} | {} |\n", join(fixes), join(tests)))
}

/// The dated tables, with what they were read from.
fn tables() -> String {
    let (support, advisories) = (catalog::support(), catalog::advisories());
    let mut text = String::from("\n## Dated tables\n\n");
    text.push_str(
        "| table | entries | reviewed | to be reviewed by | read from |\n|---|---|---|---|---|\n",
    );
    let ends: usize = support.ends.values().map(|versions| versions.len()).sum();
    let _ = writeln!(
        text,
        "| ends of support, `catalog/support/ends.yaml` | {ends} | {} | {} | pages of the products |",
        support.reviewed, support.review_by
    );
    let sources = advisories.sources.iter().map(|source| match source.revision.as_str() {
        "" => format!("{}, {}", source.name, source.date),
        revision => format!("{} at {revision}, {}", source.name, source.date),
    });
    let _ = writeln!(
        text,
        "| advisories, `catalog/advisories/platform.yaml` | {} | {} | {} | {} |",
        advisories.advisories.len(),
        advisories.reviewed,
        advisories.review_by,
        sources.collect::<Vec<_>>().join("; ")
    );
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn statement_names_controls_of_the_catalogue_or_says_why_it_has_none() {
        let page = super::page().unwrap();
        assert!(page.contains("[TLS-01](controls/TLS-01.md)"), "{page}");
    }
}
