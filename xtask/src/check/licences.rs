//! Licences of what the shipped program is made of.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};
use spdx::Expression;

use crate::run::root;

/// Licences under which a dependency may be shipped: all are permissive.
const ALLOWED: [&str; 10] = [
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "0BSD",
];

/// Crates that must not be in the program: a second TLS library would be a second choice of
/// cryptography, made somewhere else than in `src/tls.rs`.
const REFUSED: [&str; 4] = ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls"];

/// Checks every crate that `ckf-hardening` is built with, without those of tests alone.
pub fn check() -> anyhow::Result<()> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .context("cargo metadata")?;
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let program = metadata.root_package().context("the workspace has no root package")?;
    let mut shipped: BTreeSet<&PackageId> = BTreeSet::new();
    let mut open = vec![&program.id];
    while let Some(id) = open.pop() {
        if !shipped.insert(id) {
            continue;
        }
        let node = &resolve[id];
        let is_shipped = |kinds: &[cargo_metadata::DepKindInfo]| {
            kinds.iter().any(|info| info.kind != DependencyKind::Development)
        };
        let deps = node.deps.iter().filter(|dep| is_shipped(&dep.dep_kinds));
        open.extend(deps.map(|dep| &dep.pkg));
    }
    let mut problems = Vec::new();
    for id in &shipped {
        let package = &metadata[id];
        if REFUSED.contains(&package.name.as_str()) {
            problems.push(format!("{} must not be linked", package.name));
        }
        if let Err(why) = is_allowed(package.license.as_deref()) {
            problems.push(format!("{} {}: {why}", package.name, package.version));
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    eprintln!("{} crates are shipped", shipped.len());
    Ok(())
}

fn is_allowed(license: Option<&str>) -> Result<(), String> {
    let license = license.ok_or("it names no licence")?;
    // Old manifests separate alternatives by a slash.
    let text = license.replace('/', " OR ");
    let expression = Expression::parse(&text).map_err(|why| format!("{license}: {why}"))?;
    let is_met = expression.evaluate(|requirement| {
        let name = requirement.license.to_string();
        ALLOWED.contains(&name.as_str())
    });
    match is_met {
        true => Ok(()),
        false => Err(format!("{license} is not among {}", ALLOWED.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_copyleft_is_refused() {
        assert_eq!(is_allowed(Some("MIT OR Apache-2.0")), Ok(()));
        assert_eq!(is_allowed(Some("MIT/Apache-2.0")), Ok(()));
        assert_eq!(is_allowed(Some("(MIT OR GPL-3.0-only) AND Zlib")), Ok(()));
        for refused in [Some("GPL-3.0-only"), Some("MIT AND AGPL-3.0-only"), Some("free"), None] {
            assert!(is_allowed(refused).is_err(), "{refused:?}");
        }
    }
}
