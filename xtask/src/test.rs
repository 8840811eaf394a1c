//! `cargo xtask test`: everything.

use crate::run::cargo;

/// Builds what the tests need and runs them all.
pub fn test() -> anyhow::Result<()> {
    kube_sandbox::kubebox()?;
    // Tests of the charm start it as every hook tool.
    cargo(&["build", "--package", "juju-sim", "--bins"])?;
    cargo(&["test", "--workspace"])
}
