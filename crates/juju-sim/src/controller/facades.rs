//! Which facades a controller and a model offer, as far as they are simulated.

use crate::model::Juju;

/// A facade with its versions in 3.6 and in 4.0.
type Row = (&'static str, &'static [u32], &'static [u32]);

const OF_CONTROLLER: &[Row] = &[
    ("ApplicationOffers", &[4, 5], &[5, 6]),
    ("Cloud", &[7], &[7, 8]),
    ("Controller", &[11, 12], &[12, 13, 14]),
    ("ModelConfig", &[3], &[3, 4]),
    ("ModelManager", &[9, 10], &[10, 11]),
    ("Pinger", &[1], &[1]),
    ("SecretBackends", &[1], &[1]),
    ("UserManager", &[3], &[3]),
];

const OF_MODEL: &[Row] = &[
    ("Action", &[7], &[7]),
    ("Application", &[19, 20], &[19, 20, 21, 22]),
    ("Block", &[2], &[2]),
    ("Charms", &[5, 6, 7], &[7]),
    ("Client", &[6, 7, 8], &[8]),
    ("ModelConfig", &[3], &[3, 4]),
    ("Pinger", &[1], &[1]),
    ("Resources", &[3], &[3]),
    ("Secrets", &[2], &[2]),
];

/// The facades, by name, with their versions.
pub(super) fn offered(juju: Juju, of_model: bool) -> Vec<(&'static str, &'static [u32])> {
    let rows = if of_model { OF_MODEL } else { OF_CONTROLLER };
    let of = |(name, old, new): &Row| match juju {
        Juju::V3_6 => (*name, *old),
        Juju::V4_0 => (*name, *new),
    };
    rows.iter().map(of).collect()
}
