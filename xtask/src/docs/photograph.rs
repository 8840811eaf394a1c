//! Pictures of pages, taken by Chromium: of the report page, and of a page that is given.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use super::examples;
use crate::run::root;

/// The picture of the report page.
const PICTURE: &str = "docs/images/report.png";
/// Size of its window, in pixels.
const SIZE: (u64, u64) = (1200, 1000);

/// Takes the picture of the report page again.
pub fn take() -> anyhow::Result<()> {
    page(&examples::page()?, &root().join(PICTURE), SIZE.0, SIZE.1)?;
    println!("{PICTURE}");
    Ok(())
}

/// Takes a picture of a page, in a window of this size in pixels.
pub fn page(html: &str, picture: &Path, width: u64, height: u64) -> anyhow::Result<()> {
    let chromium = test_programs::debian::installed("chromium", "chromium")?;
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("page.html");
    std::fs::write(&page, html)?;
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--virtual-time-budget=2000", &format!("--window-size={width},{height}")])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .context("chromium")?;
    if !output.status.success() {
        bail!("chromium: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
