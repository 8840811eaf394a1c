//! The order in which services start and stop.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Service;

/// Services by name.
type Services = BTreeMap<String, Service>;

/// Whether a service waits for another.
pub(super) fn comes_before(services: &Services, first: &str, then: &str) -> bool {
    let names = |list: &[String], name: &str| list.iter().any(|n| n == name);
    let after = services.get(then);
    let before = services.get(first);
    after.is_some_and(|service| names(&service.after, first))
        || before.is_some_and(|service| names(&service.before, then))
}

/// Services with what they require, each after what it comes after.
pub(super) fn start_order(services: &Services, names: &[String]) -> Vec<String> {
    let requires = |name: &String| {
        let service = services.get(name);
        service.map_or(&[][..], |service| &service.requires[..]).to_vec()
    };
    order(services, with(names, requires))
}

/// Services with what requires them, each before what it comes after.
pub(super) fn stop_order(services: &Services, names: &[String]) -> Vec<String> {
    let required_by = |name: &String| {
        let all = services.iter();
        let needing = all.filter(|(_, service)| service.requires.contains(name));
        needing.map(|(name, _)| name.clone()).collect()
    };
    let mut ordered = order(services, with(names, required_by));
    ordered.reverse();
    ordered
}

fn with(names: &[String], more: impl Fn(&String) -> Vec<String>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut next = names.to_vec();
    while let Some(name) = next.pop() {
        if all.insert(name.clone()) {
            next.extend(more(&name));
        }
    }
    all
}

/// Services each of which is to start before another of them.
pub(super) fn in_a_loop(services: &Services) -> Vec<String> {
    let mut names: BTreeSet<&String> = services.keys().collect();
    loop {
        let is_free = |name: &&&String| {
            let mut others = names.iter().filter(|other| *other != *name);
            !others.any(|other| comes_before(services, other, name))
        };
        match names.iter().find(is_free).copied() {
            Some(name) => drop(names.remove(name)),
            None => return names.into_iter().cloned().collect(),
        }
    }
}

fn order(services: &Services, mut names: BTreeSet<String>) -> Vec<String> {
    let mut ordered = Vec::new();
    while !names.is_empty() {
        let is_free = |name: &&String| {
            let mut others = names.iter().filter(|other| other != name);
            !others.any(|other| comes_before(services, other, name))
        };
        // Where each waits for another, alphabet decides.
        let next = names.iter().find(is_free).or(names.first()).cloned();
        if let Some(next) = next {
            names.remove(&next);
            ordered.push(next);
        }
    }
    ordered
}
