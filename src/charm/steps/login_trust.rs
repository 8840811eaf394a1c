//! Makes login trust the authority of the gateway's certificate.

use log::warn;

use super::Outcome;
use crate::charm::certificates::{self, TrustProblem};
use crate::charm::hook::Hook;
use crate::pki::bundle;

/// Runs the step, on the leader.
pub fn run(hook: &mut Hook<'_>) -> anyhow::Result<Outcome> {
    // Without a step that learned the authorities in this hook, they are as they were.
    if hook.trusted_authorities.is_none() && hook.login().is_some() {
        return Ok(Outcome::Unchanged);
    }
    let problem = trust(hook).err();
    if let Some(problem) = &problem {
        warn!("{problem}");
    }
    Ok(Outcome::of(problem))
}

/// Configures oidc-gatekeeper if the authorities changed, and compares again after an audit.
/// Without a login to the controller, TLS-09 says what to do.
fn trust(hook: &mut Hook<'_>) -> Result<(), TrustProblem> {
    if hook.options.is_frozen() {
        return Ok(());
    }
    let Some(trusted) = hook.trusted_authorities.take() else {
        return Ok(());
    };
    let Some(login) = hook.login() else {
        return Ok(());
    };
    let digests: Vec<String> = trusted.iter().map(|pem| bundle::digest(pem)).collect();
    let before = hook.state.login_authorities();
    if before == digests && (!hook.is_audited || digests.is_empty()) {
        return Ok(());
    }
    certificates::trust_at_login(hook.unit, login, &trusted, before)?;
    hook.state.set_login_authorities(digests);
    Ok(())
}
