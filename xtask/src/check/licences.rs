//! Licences and origins of what the shipped program is made of.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use spdx::Expression;

use super::rules::Rules;
use crate::run::root;

/// Checks every crate that `ckf-hardening` is built with, without those of tests alone.
pub fn check() -> anyhow::Result<()> {
    let rules = Rules::read()?;
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .context("cargo metadata")?;
    let shipped = shipped(&metadata)?;
    let mut problems: Vec<String> =
        shipped.iter().flat_map(|id| problems(&metadata[id], &rules)).collect();
    problems.extend(disagreements(&metadata, &shipped, &rules));
    warn_of_duplicates(&metadata, &shipped);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    eprintln!("{} crates are shipped", shipped.len());
    Ok(())
}

/// What the program is linked from, the program itself included.
fn shipped(metadata: &Metadata) -> anyhow::Result<BTreeSet<&PackageId>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let program = metadata.root_package().context("the workspace has no root package")?;
    let mut shipped: BTreeSet<&PackageId> = BTreeSet::new();
    let mut open = vec![&program.id];
    while let Some(id) = open.pop() {
        if !shipped.insert(id) {
            continue;
        }
        let is_shipped = |kinds: &[cargo_metadata::DepKindInfo]| {
            kinds.iter().any(|info| info.kind != DependencyKind::Development)
        };
        let deps = resolve[id].deps.iter().filter(|dep| is_shipped(&dep.dep_kinds));
        open.extend(deps.map(|dep| &dep.pkg));
    }
    Ok(shipped)
}

fn problems(package: &Package, rules: &Rules) -> Vec<String> {
    let mut problems = Vec::new();
    let refused = rules.refused.iter().find(|(name, _)| *name == *package.name);
    if let Some((name, reason)) = refused {
        problems.push(format!("{name} must not be linked: {reason}"));
    }
    if let Err(why) = is_allowed(package.license.as_deref(), &rules.licences) {
        problems.push(format!("{} {}: {why:#}", package.name, package.version));
    }
    // Without a source it is a member of this workspace.
    if let Some(source) = package.source.as_ref().filter(|source| !source.is_crates_io()) {
        problems.push(format!("{} comes from {source}", package.name));
    }
    problems
}

/// Members that cargo-deny would check or leave out against what is shipped.
fn disagreements(
    metadata: &Metadata,
    shipped: &BTreeSet<&PackageId>,
    rules: &Rules,
) -> Vec<String> {
    let members = metadata.workspace_packages();
    let wrong = members.iter().filter_map(|member| {
        let name = member.name.as_str();
        let is_excluded = rules.unshipped.iter().any(|excluded| excluded == name);
        match (shipped.contains(&member.id), is_excluded) {
            (true, true) => Some(format!("{name} is shipped; deny.toml excludes it")),
            (false, false) => Some(format!("{name} is not shipped; exclude it in deny.toml")),
            _ => None,
        }
    });
    wrong.collect()
}

fn warn_of_duplicates(metadata: &Metadata, shipped: &BTreeSet<&PackageId>) {
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in shipped.iter().map(|id| &metadata[*id]) {
        versions.entry(package.name.as_str()).or_default().push(package.version.to_string());
    }
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        eprintln!("warning: {name} is needed in versions {}", versions.join(", "));
    }
}

fn is_allowed(license: Option<&str>, allowed: &[String]) -> anyhow::Result<()> {
    let license = license.context("it names no licence")?;
    // Old manifests separate alternatives by a slash.
    let text = license.replace('/', " OR ");
    let expression = Expression::parse(&text).with_context(|| license.to_owned())?;
    let is_met = expression.evaluate(|requirement| {
        let name = requirement.license.to_string();
        allowed.contains(&name)
    });
    match is_met {
        true => Ok(()),
        false => bail!("{license} is not among {}", allowed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_copyleft_is_refused() {
        let allowed = Rules::read().unwrap().licences;
        let is_allowed = |license| super::is_allowed(license, &allowed);
        is_allowed(Some("MIT OR Apache-2.0")).unwrap();
        is_allowed(Some("MIT/Apache-2.0")).unwrap();
        is_allowed(Some("(MIT OR GPL-3.0-only) AND Zlib")).unwrap();
        for refused in [Some("GPL-3.0-only"), Some("MIT AND AGPL-3.0-only"), Some("free"), None] {
            assert!(is_allowed(refused).is_err(), "{refused:?}");
        }
    }
}
