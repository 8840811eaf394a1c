//! What a person who leaves still has: in Juju, in profiles, by bindings and policies, by logins and
//! tokens; and how each is taken. Pure.

mod cluster;
mod juju;
mod remnant;

pub use self::remnant::{By, Offboarding, Person, Remnant};
use crate::views::{Context, MissingFact};

/// Remaining access of a person.
pub fn of(context: &Context<'_>, person: &Person) -> Offboarding {
    let mut left = Offboarding::default();
    for part in juju::PARTS.into_iter().chain(cluster::PARTS) {
        if let Err(MissingFact(why)) = part(context, person, &mut left)
            && !left.unknown.contains(&why)
        {
            left.unknown.push(why);
        }
    }
    left
}
