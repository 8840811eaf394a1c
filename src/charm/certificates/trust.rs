//! Publishes the authorities that clients of the gateway must trust.

use juju_charm::Unit;
use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::tool::present;

use crate::charm::peers::differs;
use crate::relations::certificate_transfer;

/// Writes these certificates, PEM, to each relation; none withdraws them.
pub fn publish(unit: &Unit, relations: &[Relation], trusted: &[String]) -> anyhow::Result<()> {
    for relation in relations {
        // One that is gone is listed still.
        let of_application = relation.get(Side::Application(unit.application()));
        let Some(of_application) = present(of_application)? else {
            continue;
        };
        let remote = match present(relation.application())?.flatten() {
            Some(name) => present(relation.get(Side::Application(&name)))?.unwrap_or_default(),
            None => Databag::new(),
        };
        let application = certificate_transfer::application(trusted);
        if differs(&of_application, &application) {
            relation.set_application(&application)?;
        }
        let own = certificate_transfer::unit(trusted, &remote);
        let of_unit = present(relation.get(Side::Unit(&unit.name)))?;
        if of_unit.is_some_and(|databag| differs(&databag, &own)) {
            relation.set(&own)?;
        }
    }
    Ok(())
}
