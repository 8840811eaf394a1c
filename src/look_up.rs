//! Asks registries and Charmhub for what a platform runs and follows: what of it is newest,
//! and where its tags lead by now.

use crate::facts::Facts;
use crate::facts::charmhub::{self, Charmhub};
use crate::facts::rocks::{self as registry, Rocks};
use crate::rocks::{self, Inventory};

/// What they told.
#[derive(Debug)]
pub struct Told {
    /// What registries did.
    pub rocks: Rocks,
    /// What Charmhub did; `None` if the platform follows no channel that is known.
    pub charmhub: Option<Charmhub>,
}

impl Told {
    /// How many requests that took.
    pub fn requests(&self) -> usize {
        self.rocks.requests + self.charmhub.as_ref().map_or(0, |told| told.requests)
    }
}

/// Asks them. What was `known` of a digest is not asked again; `progress` is told how many
/// images there are, after each of them. Blocks.
pub fn look_up(
    facts: &Facts,
    registries: &registry::Source,
    charmhub: &charmhub::Source,
    known: Option<&Rocks>,
    progress: &(dyn Fn(usize) + Sync),
) -> Told {
    let images = Inventory::of(facts).asked();
    let told = || progress(images.len());
    let rocks = registry::read(registries, &images, known, &told);
    let followed = rocks::followed(facts);
    let charmhub = (!followed.is_empty()).then(|| charmhub::read(charmhub, &followed));
    Told { rocks, charmhub }
}
