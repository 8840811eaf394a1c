//! The software bill of materials: every crate that a binary is linked from, as CycloneDX.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use serde_json::{Value, json};

use crate::run::root;

/// Of the binaries for the targets. It has no time and no serial number: the same sources make the
/// same file.
pub fn render(targets: &[&str]) -> anyhow::Result<String> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml"));
    let filter = targets.iter().map(|target| format!("--filter-platform={target}"));
    command.other_options(filter.chain(["--locked".to_owned()]).collect::<Vec<_>>());
    let metadata = command.exec().context("cargo metadata")?;
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let linked = linked(&metadata)?;
    let program = metadata.root_package().context("the workspace has no root package")?;
    let checksums = checksums(&lock)?;
    let others = linked.keys().filter(|id| **id != &program.id);
    let mut components: Vec<Value> =
        others.map(|id| component(&metadata, id, &checksums, "library")).collect();
    components.sort_by_key(|component| component["bom-ref"].to_string());
    let mut dependencies: Vec<Value> = linked
        .iter()
        .map(|(id, on)| {
            let on: BTreeSet<String> = on.iter().map(|id| reference(&metadata, id)).collect();
            json!({"ref": reference(&metadata, id), "dependsOn": on})
        })
        .collect();
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    let bom = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component(&metadata, &program.id, &checksums, "application")},
        "components": components,
        "dependencies": dependencies,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&bom)?))
}

/// What the program is linked from, each with what it is linked from itself.
fn linked(metadata: &Metadata) -> anyhow::Result<BTreeMap<&PackageId, BTreeSet<&PackageId>>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let program = metadata.root_package().context("the workspace has no root package")?;
    let mut linked = BTreeMap::new();
    let mut open = vec![&program.id];
    while let Some(id) = open.pop() {
        if linked.contains_key(id) {
            continue;
        }
        let deps = resolve[id]
            .deps
            .iter()
            .filter(|dep| dep.dep_kinds.iter().any(|info| info.kind == DependencyKind::Normal));
        let deps: BTreeSet<&PackageId> = deps.map(|dep| &dep.pkg).collect();
        open.extend(&deps);
        linked.insert(id, deps);
    }
    Ok(linked)
}

fn component(
    metadata: &Metadata,
    id: &PackageId,
    checksums: &BTreeMap<(String, String), String>,
    kind: &str,
) -> Value {
    let package = &metadata[id];
    let (name, version) = (package.name.to_string(), package.version.to_string());
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(metadata, id),
        "name": name,
        "version": version,
        "purl": reference(metadata, id),
    });
    if let Some(license) = &package.license {
        // Old manifests separate alternatives by a slash.
        component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
    }
    if let Some(checksum) = checksums.get(&(name, version)) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// The package's URL; it is unique in a lock file of one registry.
fn reference(metadata: &Metadata, id: &PackageId) -> String {
    let package = &metadata[id];
    // A plus is a blank where URLs are decoded.
    let version = package.version.to_string().replace('+', "%2B");
    format!("pkg:cargo/{}@{version}", package.name)
}

/// Checksums of crates' archives in the lock file, by name and version.
fn checksums(lock: &str) -> anyhow::Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = lock.parse().context("Cargo.lock")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let text = |package: &toml::Value, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let checksum = |package: &toml::Value| {
        let named = (text(package, "name")?, text(package, "version")?);
        Some((named, text(package, "checksum")?))
    };
    Ok(packages.filter_map(checksum).collect())
}
