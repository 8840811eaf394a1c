//! Checks the login to the controller between audits, so that one that no longer works is known
//! at once.

use juju_charm::Event;
use juju_charm::event::{Lifecycle, SecretEvent};
use log::warn;

use crate::charm::controller::ControllerSession;
use crate::charm::hook::Hook;

/// Runs the step, on the leader. What is wrong is in the state until the next audit.
pub fn run(hook: &mut Hook<'_>) {
    let Some(option) = hook.login() else {
        return;
    };
    // An audit has just logged in, and after a failure there is one in each hook.
    let is_known = hook.is_audited
        || hook.state.audit().is_none_or(|audit| audit.juju_problem.is_some())
        || hook.state.unreachable().is_some();
    if is_known || !concerns(hook.event, option) {
        return;
    }
    let session = ControllerSession::read(hook.unit, Some(option));
    let checked = session.map_err(|problem| problem.to_string()).and_then(|session| {
        let accepted = session.check_login();
        accepted.map_err(|refusal| refusal.to_string())
    });
    if let Err(why) = checked {
        warn!("{why}");
        hook.state.set_juju_problem(&why);
    }
}

/// Whether the login may be another one by now, or was not checked for a while.
fn concerns(event: &Event, option: &str) -> bool {
    match event {
        Event::Lifecycle(Lifecycle::UpdateStatus) => true,
        Event::Secret { id, what: SecretEvent::Changed, .. } => bare(id) == bare(option),
        _ => false,
    }
}

/// The id without what is before it: Juju writes it in three forms.
fn bare(id: &str) -> &str {
    id.rsplit(['/', ':']).next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_is_checked_at_update_status_and_when_its_secret_changes() {
        let changed =
            |id: &str| Event::Secret { id: id.into(), label: None, what: SecretEvent::Changed };
        let option = "secret:d3nkb2fmp25c76a0log1";
        for id in [option, "d3nkb2fmp25c76a0log1", "secret://7d3f0c7e/d3nkb2fmp25c76a0log1"] {
            assert!(concerns(&changed(id), option), "{id}");
        }
        assert!(!concerns(&changed("secret:d3nkb2fmp25c76a0log2"), option));
        assert!(concerns(&Event::Lifecycle(Lifecycle::UpdateStatus), option));
        assert!(!concerns(&Event::Lifecycle(Lifecycle::ConfigChanged), option));
    }
}
