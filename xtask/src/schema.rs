//! `cargo xtask schema`: the report's JSON Schema as it is published.

use anyhow::Context as _;

use crate::run::root;

/// Writes it.
pub fn write() -> anyhow::Result<()> {
    let path = root().join("docs/report-v1.schema.json");
    std::fs::write(&path, ckf_hardening::report::json::schema())
        .with_context(|| path.display().to_string())?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
