//! The policy that new profiles get.

use crate::controls::application::{object, of_charm};
use crate::controls::check::Check;
use crate::finding::{Outcome, finding};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("PSS-02", profiles_get_the_policy)];

/// PSS-02: kubeflow-profiles applies a Pod Security Standard to new profiles
fn profiles_get_the_policy(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, "kubeflow-profiles", "new profiles are restricted", |app| {
        let policy = app.option("security-policy").unwrap_or("privileged");
        let is_strong = ["baseline", "restricted"].contains(&policy);
        (!is_strong).then(|| finding(object(app), "security-policy", policy, "baseline"))
    })
}
