//! Page of what is supported: releases of the platform, and bases and architectures of the charm,
//! from the catalogue and from the files that the charm and its image are built by.

use std::fmt::Write as _;

use anyhow::Context as _;
use ckf_hardening::catalog;
use serde_json::Value;

use super::GENERATED;
use crate::run::root;

/// Where the page is.
pub const PAGE: &str = "docs/reference/support.md";

/// The page.
pub fn page() -> anyhow::Result<String> {
    let mut text = format!("{GENERATED}# Support matrix\n\n## Charmed Kubeflow\n\n");
    text.push_str("What an audit expects of each release is in `catalog/releases/`. The release is detected from the images, or set by\n");
    text.push_str("`--release` and the option `release`.\n\n");
    text.push_str("| release | channel | mesh | Kubernetes | Juju | Istio | state |\n|---|---|---|---|---|---|---|\n");
    for release in catalog::releases() {
        let (lowest, highest) = &release.kubernetes;
        let state = if release.supported { "gets fixes" } else { "no fixes are promised" };
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {lowest} to {highest} | {} | {} | {state} |",
            release.name,
            release.channel,
            release.mesh,
            release.juju.join(", "),
            release.istio
        );
    }
    text.push_str("\nAnother release, or one with other versions beneath, is audited too; what the catalogue does not know is `not-assessed`.\n");
    binaries(&mut text)?;
    ends(&mut text);
    Ok(text)
}

fn yaml(name: &str) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(root().join(name)).with_context(|| name.to_owned())?;
    serde_yaml::from_str(&text).with_context(|| name.to_owned())
}

/// What the charm, the image and the binary run on.
fn binaries(text: &mut String) -> anyhow::Result<()> {
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect()
    };
    let platforms = keys(&yaml("charmcraft.yaml")?["platforms"]);
    let images = keys(&yaml("rockcraft.yaml")?["platforms"]);
    let assumes = yaml("metadata.yaml")?;
    let assumes = assumes["assumes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let assumes: Vec<&str> = assumes.collect();
    text.push_str("\n## The charm, its image and the binary\n\n| part | runs on |\n|---|---|\n");
    let _ = writeln!(text, "| charm | {} |", platforms.join(", "));
    let _ = writeln!(text, "| charm, needs of Juju | {} |", assumes.join(", "));
    let _ = writeln!(text, "| image | {} |", images.join(", "));
    let _ = writeln!(
        text,
        "| binary | Linux, glibc {} or later, {} |",
        crate::pack::C_LIBRARY,
        images.join(", ")
    );
    let _ = writeln!(text, "| to build from source | Rust {} |", env!("CARGO_PKG_RUST_VERSION"));
    Ok(())
}

/// Ends of support that the audit goes by.
fn ends(text: &mut String) {
    let table = catalog::support();
    let _ = write!(
        text,
        "\n## Ends of security support\n\nThe table that UPG controls go by, reviewed on {} and to be reviewed again by {}. A newer one is read from a file:\n\
         `audit --data FILE`.\n\n| product | version | last day |\n|---|---|---|\n",
        table.reviewed, table.review_by
    );
    for (product, versions) in &table.ends {
        for (version, end) in versions {
            let _ = writeln!(text, "| {product} | {version} | {end} |");
        }
    }
}
