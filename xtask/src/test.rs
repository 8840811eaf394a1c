//! `cargo xtask test`: the quick checks, then every test.

use crate::check;
use crate::run::cargo;

/// Runs the checks that take seconds, builds what the tests need and runs all tests. A check that
/// fails keeps no test from running, so that one run shows everything.
pub fn test() -> anyhow::Result<()> {
    let checked = check::quick();
    kube_sandbox::kubebox()?;
    // Tests of the charm start it as every hook tool.
    cargo(&["build", "--package", "juju-sim", "--bins"])?;
    cargo(&["test", "--workspace"])?;
    checked
}
