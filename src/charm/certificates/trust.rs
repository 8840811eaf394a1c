//! Tells those who must trust the gateway whose signature to trust.

use juju_charm::Unit;
use juju_charm::relation::{Databag, Relation, Side};

use crate::relations::certificate_transfer;

/// Has each relation say these certificates, PEM; none withdraws them.
pub fn tell(unit: &Unit, relations: &[Relation], trusted: &[String]) -> anyhow::Result<()> {
    for relation in relations {
        let remote = match relation.application()? {
            Some(name) => relation.get(Side::Application(&name))?,
            None => Databag::new(),
        };
        let application = certificate_transfer::application(trusted);
        let present = relation.get(Side::Application(unit.application()))?;
        if differs(&present, &application) {
            relation.set_application(&application)?;
        }
        let own = certificate_transfer::unit(trusted, &remote);
        let present = relation.get(Side::Unit(&unit.name))?;
        if differs(&present, &own) {
            relation.set(&own)?;
        }
    }
    Ok(())
}

/// Whether a databag is another after these are written: an empty value is no key.
pub fn differs(present: &Databag, wanted: &Databag) -> bool {
    wanted
        .iter()
        .any(|(key, value)| present.get(key).map(String::as_str).unwrap_or_default() != value)
}
