//! Texts and addresses that meet the values of policies, each in its way of matching, and ones
//! that meet none.

use std::collections::BTreeMap;

use super::address::AddressRange;
use super::caller::{ANYWHERE, Caller};
use super::condition::Field;
use super::matcher::{FRESH, meets};
use super::request::{Attribute, Request};
use super::rule::{conditions, operations, sources};
use crate::facts::istio::AuthorizationRule;

/// Most requests that are tried for a rule.
const MOST: usize = 4096;

/// Requests of a caller that may meet a rule, or escape one that denies: for each attribute that
/// they name, the values that they ask for and another; `None` if there are too many.
pub(super) fn requests<'a>(
    rules: impl IntoIterator<Item = &'a AuthorizationRule>,
    caller: &Caller,
) -> Option<Vec<Request>> {
    let mut values: BTreeMap<Field<'a>, Vec<&'a str>> = BTreeMap::new();
    for rule in rules {
        let lists = sources(rule).into_iter().chain(operations(rule)).flatten();
        for (field, list, _) in lists.chain(conditions(rule)) {
            values.entry(field).or_default().extend(list.iter().map(|value| &**value));
        }
    }
    let mut all = vec![caller.request()];
    for (field, values) in values {
        let choices = choices(field, &values, caller);
        if choices.is_empty() {
            continue;
        }
        if all.len() * choices.len() > MOST {
            return None;
        }
        let with = |request: &Request| -> Vec<Request> {
            let set = |choice: &Choice| {
                let mut request = request.clone();
                choice.set(&mut request);
                request
            };
            choices.iter().map(set).collect()
        };
        all = all.iter().flat_map(with).collect();
    }
    Some(all)
}

/// A value of an attribute that a caller chooses.
enum Choice {
    Path(String),
    Host(String),
    Method(String),
    /// A header, with this value or not at all.
    Header(String, Option<String>),
    Source(std::net::IpAddr),
    Port(u16),
}

impl Choice {
    fn set(&self, request: &mut Request) {
        match self {
            Self::Path(path) => request.path.clone_from(path),
            Self::Host(host) => request.host.clone_from(host),
            Self::Method(method) => request.method.clone_from(method),
            Self::Header(name, Some(value)) => {
                request.headers.insert(name.clone(), value.clone());
            }
            Self::Header(name, None) => {
                request.headers.remove(name);
            }
            Self::Source(address) => request.source_ip = Attribute::Is(*address),
            Self::Port(port) => request.destination_port = Attribute::Is(*port),
        }
    }
}

/// What a caller may choose for an attribute; nothing if it is not the caller's to choose.
fn choices(field: Field<'_>, values: &[&str], caller: &Caller) -> Vec<Choice> {
    let texts = |fresh: &str| {
        let mut texts = vec![fresh.to_owned()];
        for value in values.iter().map(|value| meets(value)) {
            if !texts.contains(&value) {
                texts.push(value);
            }
        }
        texts
    };
    match field {
        Field::Path => texts("/0-zq7").into_iter().map(Choice::Path).collect(),
        Field::Host => texts("0-zq7.example").into_iter().map(Choice::Host).collect(),
        Field::Method => texts("GET").into_iter().map(Choice::Method).collect(),
        Field::Header(name) => {
            let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
            if caller.fixes(&name) {
                return Vec::new();
            }
            let texts = texts(FRESH).into_iter().map(Some);
            texts.chain([None]).map(|value| Choice::Header(name.clone(), value)).collect()
        }
        Field::SourceIp if caller.is_anywhere => {
            let ranges = values.iter().filter_map(|value| AddressRange::parse(value));
            let own = ANYWHERE.iter().filter_map(|text| AddressRange::parse(text));
            ranges.chain(own).map(|range| Choice::Source(range.first())).collect()
        }
        Field::DestinationPort if caller.ports.is_empty() => {
            let ports = values.iter().filter_map(|value| value.parse().ok());
            ports.chain([8888]).map(Choice::Port).collect()
        }
        Field::DestinationPort => caller.ports.iter().copied().map(Choice::Port).collect(),
        _ => Vec::new(),
    }
}
