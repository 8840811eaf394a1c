//! Installs the certificate of the option `tls-secret` at istio-pilot.

use log::warn;

use super::Outcome;
use crate::charm::certificates::{ProvidedCertificate, ProvidedProblem};
use crate::charm::hook::Hook;

/// Runs the step, on the leader.
pub fn run(hook: &mut Hook<'_>) -> anyhow::Result<Outcome> {
    let problem = install(hook).err();
    if let Some(problem) = &problem {
        warn!("{problem}");
    }
    Ok(Outcome::of(problem))
}

/// Installs it if istio-pilot has another one. After an audit it is compared again, in case
/// someone else changed it.
fn install(hook: &mut Hook<'_>) -> Result<(), ProvidedProblem> {
    if hook.options.is_frozen() {
        return Ok(());
    }
    let Some(id) = hook.options.tls_secret.clone() else {
        if hook.state.installed_certificate().is_some() {
            hook.state.set_installed_certificate(None);
            hook.trusted_authorities.get_or_insert_default();
        }
        return Ok(());
    };
    if hook.state.has_gateway() == Some(true) {
        return Err(ProvidedProblem::TwoSources);
    }
    let host = hook.external_hostname();
    let provided = ProvidedCertificate::read(hook.unit, &id, host, crate::now())?;
    hook.trusted_authorities = Some(provided.anchors());
    let fingerprint = provided.fingerprint.to_string();
    if !hook.is_audited && hook.state.installed_certificate() == Some(&fingerprint) {
        return Ok(());
    }
    hook.state.set_installed_certificate(None);
    provided.install(hook.unit, hook.login())?;
    hook.state.set_installed_certificate(Some(fingerprint));
    Ok(())
}
