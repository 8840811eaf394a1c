//! Errors of hook tools that mean the object is gone from Juju.

use juju_charm::ToolError;
use juju_charm::secret::SecretError;

/// Whether a hook tool failed because what it was asked about no longer exists. No retry brings
/// it back, and a hook in error stops the unit.
pub fn is_absence(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let tool = cause.downcast_ref::<ToolError>();
        let secret = cause.downcast_ref::<SecretError>();
        let secret = secret.and_then(|error| match error {
            SecretError::Tool(tool) => Some(tool),
            SecretError::Files(_) | SecretError::Key(_) => None,
        });
        tool.or(secret).is_some_and(ToolError::is_absence)
    })
}
