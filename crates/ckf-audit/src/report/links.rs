//! Addresses of this project's documentation, for reports that link to it.

use crate::catalog;

/// Where the documentation is published.
const DOCUMENTATION: &str = "https://charmhub.io/ckf-hardening/docs";

/// The page of a control; a control of a policy has none.
pub fn control_page(id: &str) -> Option<String> {
    let known = catalog::control(id)?;
    Some(format!("{DOCUMENTATION}/reference-controls-{}", known.id.to_lowercase()))
}
