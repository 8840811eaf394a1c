//! The picture of the report page, taken by Chromium.

use std::process::Command;

use anyhow::{Context as _, bail};

use super::examples;
use crate::run::root;

/// The picture.
const PICTURE: &str = "docs/images/report.png";
/// Size of the window, in pixels.
const SIZE: &str = "1200,1000";

/// Takes the picture again.
pub fn take() -> anyhow::Result<()> {
    let chromium = test_programs::debian::installed("chromium", "chromium")?;
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("report.html");
    std::fs::write(&page, examples::page()?)?;
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--virtual-time-budget=2000", &format!("--window-size={SIZE}")])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--screenshot={}", root().join(PICTURE).display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .context("chromium")?;
    if !output.status.success() {
        bail!("chromium: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    println!("{PICTURE}");
    Ok(())
}
