//! `network-get`, `unit-get`.

use serde::Serialize;
use serde_json::json;

use super::relation::{RELATION, chosen};
use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::model::{Addresses, Forgotten, Gone, Juju};
use crate::protocol::Request;
use crate::session::Session;

/// What a binding is reached by; the two formats of real Juju differ, as this does.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Network {
    bind_addresses: Vec<Interface>,
    egress_subnets: Vec<String>,
    ingress_addresses: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Interface {
    mac_address: String,
    interface_name: String,
    addresses: Vec<Address>,
    #[serde(rename = "macaddress", skip_serializing_if = "Option::is_none")]
    old_mac_address: Option<String>,
    #[serde(rename = "interfacename", skip_serializing_if = "Option::is_none")]
    old_interface_name: Option<String>,
}

#[derive(Serialize)]
struct Address {
    hostname: String,
    value: String,
    cidr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl Network {
    fn of(unit: &str, addresses: &Addresses, json: bool) -> Self {
        let name = format!("placeholder for {unit:?} cloud container");
        let mut bind_addresses = vec![Interface {
            mac_address: String::new(),
            interface_name: name.clone(),
            addresses: vec![Address {
                hostname: addresses.pod.clone(),
                value: addresses.pod.clone(),
                cidr: "0.0.0.0/0".into(),
                address: (!json).then(|| addresses.pod.clone()),
            }],
            old_mac_address: (!json).then(String::new),
            old_interface_name: (!json).then_some(name),
        }];
        if addresses.placeholder_first {
            let empty = Interface {
                mac_address: String::new(),
                interface_name: String::new(),
                addresses: Vec::new(),
                old_mac_address: (!json).then(String::new),
                old_interface_name: (!json).then(String::new),
            };
            bind_addresses.insert(0, empty);
        }
        Self {
            bind_addresses,
            egress_subnets: vec![format!("{}/32", addresses.service)],
            ingress_addresses: vec![addresses.service.clone()],
        }
    }
}

/// The switches that ask for one part.
const PARTS: [&str; 4] = ["bind-address", "primary-address", "ingress-address", "egress-subnets"];

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[
        FORMAT,
        OUTPUT,
        RELATION,
        (&["bind-address"] as &[&str], false),
        (&["primary-address"], false),
        (&["ingress-address"], false),
        (&["egress-subnets"], false),
    ];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    let Some(binding) = arguments.positionals.first() else {
        return Err(Failure::usage("no arguments specified"));
    };
    arguments.at_most(1)?;
    if session.model.forgotten == Forgotten::Unit {
        let unit = &session.model.unit;
        return Err(Failure::run(format!("unit {unit:?} not found (not found)")));
    }
    // In a hook of a relation that one is asked for.
    let in_hook = session.hook.as_ref().and_then(|hook| hook.relation);
    if arguments.value("relation").is_some() || in_hook.is_some() {
        let relation = chosen(session, &arguments)?;
        if relation.gone == Gone::Removed {
            return Err(Failure::run(match session.model.juju {
                Juju::V3_6 => format!("relation {} not found", relation.id),
                Juju::V4_0 => "permission denied (unauthorized access)".to_owned(),
            }));
        }
    }
    let model = &session.model;
    let known = binding == "juju-info" || session.charm.endpoints.contains_key(binding);
    if !known {
        return Err(Failure::run(format!("no network config found for binding {binding:?}")));
    }
    let addresses = &model.addresses;
    let asked: Vec<&str> = PARTS.into_iter().filter(|p| arguments.is_on(p)).collect();
    match asked.as_slice() {
        ["bind-address" | "primary-address"] => format::print(&addresses.pod, &arguments),
        ["ingress-address"] => format::print(&addresses.service, &arguments),
        ["egress-subnets"] => format::print(&format!("{}/32", addresses.service), &arguments),
        [] => {
            let json = arguments.value("format") == Some("json");
            format::print(&Network::of(&model.unit, addresses, json), &arguments)
        }
        several => {
            let value = |part: &&str| match *part {
                "ingress-address" => json!(addresses.service),
                "egress-subnets" => json!([format!("{}/32", addresses.service)]),
                _ => json!(addresses.pod),
            };
            let map: serde_json::Map<_, _> =
                several.iter().map(|part| ((*part).to_owned(), value(part))).collect();
            format::print(&map, &arguments)
        }
    }
}

pub fn unit_get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(1)?;
    let addresses = &session.model.addresses;
    match arguments.positionals.first().map(String::as_str) {
        // On Kubernetes there is none.
        Some("private-address") => Err(Failure::run("private address not found")),
        Some("public-address") => format::print(&addresses.service, &arguments),
        Some(other) => Err(Failure::usage(format!("unknown setting {other:?}"))),
        None => Err(Failure::usage("no setting specified")),
    }
}
