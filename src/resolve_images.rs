//! Resolves a platform's images at their registries, and its channels at Charmhub: the digests that
//! tags point to now, and the newest revisions.

use std::collections::BTreeSet;

use log::warn;

use crate::facts::charmhub::{self, Charmhub};
use crate::facts::registry::{self as registry, Rocks};
use crate::facts::{Facts, reachable};
use crate::images::{self, Inventory};

/// Answers of registries and Charmhub.
#[derive(Debug)]
pub struct Resolved {
    /// Answers of registries, by image.
    pub rocks: Rocks,
    /// Answer of Charmhub; `None` if no application of the platform follows a known channel.
    pub charmhub: Option<Charmhub>,
}

impl Resolved {
    /// Number of requests that were sent.
    pub fn requests(&self) -> usize {
        self.rocks.requests + self.charmhub.as_ref().map_or(0, |charmhub| charmhub.requests)
    }
}

/// Queries registries and Charmhub; blocks. Hosts that cannot be connected to at first are not
/// queried. Results `known` for a digest are reused; `progress` is
/// called after each image with the total number of images.
pub fn resolve(
    facts: &Facts,
    registries: &mut registry::Source,
    charmhub: &mut charmhub::Source,
    known: Option<&Rocks>,
    progress: &(dyn Fn(usize) + Sync),
) -> Resolved {
    let images = Inventory::of(facts).asked();
    let after_each = || progress(images.len());
    let followed = images::followed(facts);
    let mut hosts = BTreeSet::new();
    if !registries.connect_within.is_zero() {
        hosts = registries.hosts(&images);
        hosts.extend(charmhub.host().filter(|_| !followed.is_empty()));
    }
    let lost = reachable::unreachable(hosts, registries.connect_within);
    for host in &lost {
        warn!("{host} could not be reached");
    }
    (registries.unreachable, charmhub.unreachable) = (lost.clone(), lost);
    let rocks = registry::read(registries, &images, known, &after_each);
    let charmhub = (!followed.is_empty()).then(|| charmhub::read(charmhub, &followed));
    Resolved { rocks, charmhub }
}
