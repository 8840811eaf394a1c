//! Steps of a hook, in files of their own. Each looks at the event and the state, does its part,
//! and returns what the status should say of it.

pub mod agent;
mod databags;
pub mod gateway_certificate;
pub mod login;
pub mod login_trust;
mod relation_problem;
pub mod relations;
pub mod rotation;
mod route;
pub mod tls_secret;

use juju_charm::Status;
use log::warn;

use super::absence::is_absence;
use super::hook::Hook;
use super::issue::{StatusIssue, StatusProblem};

/// Names of the steps, under which their issues are remembered.
pub const AUDIT: &str = "audit";
pub const ROTATION: &str = "rotation";
pub const GATEWAY_CERTIFICATE: &str = "gateway-certificates";
pub const TLS_SECRET: &str = "tls-secret";
pub const LOGIN_TRUST: &str = "login-trust";
pub const RELATIONS: &str = "relations";

/// Juju no longer has something that a step needs.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {error:#}")]
struct Absent<'a> {
    step: &'a str,
    error: anyhow::Error,
}

impl StatusProblem for Absent<'_> {
    fn status(&self) -> Status {
        Status::Waiting
    }
}

/// Outcome of a step for the status.
#[derive(Debug)]
pub enum Outcome {
    /// The event did not concern it: the issues of an earlier hook still hold.
    Unchanged,
    /// These issues, in place of those of earlier hooks; none if all is well.
    Issues(Vec<StatusIssue>),
}

impl Outcome {
    /// No issues.
    pub fn none() -> Self {
        Self::Issues(Vec::new())
    }

    /// At most one problem.
    pub fn of(problem: Option<impl StatusProblem>) -> Self {
        Self::all(problem)
    }

    /// Any number of problems.
    pub fn all(problems: impl IntoIterator<Item = impl StatusProblem>) -> Self {
        Self::Issues(problems.into_iter().map(StatusIssue::from).collect())
    }
}

/// Takes a step, and remembers its issues. That Juju no longer has something hinders this step
/// and no other.
pub fn take<'a>(
    hook: &mut Hook<'a>,
    name: &str,
    step: impl FnOnce(&mut Hook<'a>) -> anyhow::Result<Outcome>,
) -> anyhow::Result<()> {
    let started = crate::now();
    let result = step(hook);
    if !matches!(result, Ok(Outcome::Unchanged)) {
        hook.trace.add(name, started, crate::now(), result.is_err());
    }
    match result {
        Ok(Outcome::Unchanged) => {}
        Ok(Outcome::Issues(issues)) => hook.state.set_issues(name, issues),
        Err(error) if is_absence(&error) => {
            let absent = Absent { step: name, error };
            warn!("{absent}");
            hook.state.set_issues(name, vec![absent.into()]);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
