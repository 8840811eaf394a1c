//! Where the gateway's certificate comes from.

use crate::controls::application::{object, of_charm};
use crate::controls::check::Check;
use crate::finding::{Outcome, finding};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("TLS-12", one_certificate_source)];

/// TLS-12: The gateway has one source of its certificate
fn one_certificate_source(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, "istio-pilot", "not both a relation and a secret", |pilot| {
        let both = pilot.is_related("certificates") && pilot.option("tls-secret-id").is_some();
        let seen = "set, and certificates is related";
        both.then(|| finding(object(pilot), "tls-secret-id", seen, "one of the two"))
    })
}
