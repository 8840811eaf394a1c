//! Completes a plan that layers made: defaults, and what Pebble refuses.

use super::errors::PlanError;
use super::order::in_a_loop;
use super::plan::Plan;

/// Fills in what Pebble does, and refuses what it refuses.
pub(super) fn complete(mut plan: Plan) -> Result<Plan, PlanError> {
    for (name, service) in &plan.services {
        let command = service.command.as_deref().unwrap_or("");
        if command.is_empty() {
            return Err(PlanError::NoCommand(name.clone()));
        }
        if shlex::split(command).is_none_or(|words| words.is_empty()) {
            return Err(PlanError::Command(name.clone()));
        }
    }
    let looped = in_a_loop(&plan.services);
    if !looped.is_empty() {
        return Err(PlanError::Loop(looped));
    }
    for (name, check) in &mut plan.checks {
        let kinds = [check.http.is_some(), check.tcp.is_some(), check.exec.is_some()];
        if kinds.into_iter().filter(|is| *is).count() != 1 {
            return Err(PlanError::CheckKind(name.clone()));
        }
        check.threshold = Some(check.threshold());
    }
    for (name, target) in &plan.log_targets {
        if target.r#type.is_none() {
            return Err(PlanError::NoType(name.clone()));
        }
        if target.location.is_none() && !target.services.is_empty() {
            return Err(PlanError::NoLocation(name.clone()));
        }
    }
    Ok(plan)
}
