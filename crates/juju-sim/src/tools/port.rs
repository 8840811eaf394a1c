//! `open-port`, `close-port`, `opened-ports`.

use serde_json::json;

use crate::failure::Failure;
use crate::flags::{Arguments, Spec};
use crate::format::{self, FORMAT, OUTPUT};
use crate::model::Port;
use crate::protocol::Request;
use crate::session::{Session, hook};

const OF_ENDPOINTS: Spec = &[FORMAT, (&["endpoints"], true)];

pub fn open(session: &mut Session, request: &Request) -> Result<String, Failure> {
    change(session, request, true)
}

pub fn close(session: &mut Session, request: &Request) -> Result<String, Failure> {
    change(session, request, false)
}

fn change(session: &mut Session, request: &Request, open: bool) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, OF_ENDPOINTS)?;
    arguments.at_most(1)?;
    let Some(text) = arguments.positionals.first() else {
        return Err(Failure::usage("no port or range specified"));
    };
    let (protocol, number) = parse(text)?;
    let endpoints = arguments.value("endpoints").unwrap_or_default();
    let ports = endpoints.split(',').map(|endpoint| Port {
        protocol: protocol.clone(),
        number,
        endpoint: endpoint.trim().to_owned(),
    });
    let pending = &mut hook(session)?.pending;
    pending.ports.extend(ports.map(|port| (port, open)));
    Ok(String::new())
}

fn parse(text: &str) -> Result<(String, u16), Failure> {
    if text.eq_ignore_ascii_case("icmp") {
        return Ok(("icmp".into(), 0));
    }
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !["tcp", "udp"].contains(&protocol.as_str()) {
        return Err(Failure::usage(format!(
            "invalid protocol {protocol:?}, expected \"tcp\", \"udp\", or \"icmp\""
        )));
    }
    let (from, to) = range.split_once('-').unwrap_or((range, range));
    let bound = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| Failure::usage(format!("invalid port {text:?}; expected an integer")))
    };
    let (from, to) = (bound(from)?, bound(to)?);
    match u16::try_from(from) {
        Ok(number) if from == to => Ok((protocol, number)),
        Ok(_) if u16::try_from(to).is_ok() => Err(Failure::run(
            "port ranges are not supported for k8s applications, please specify a single port",
        )),
        _ => Err(Failure::usage(format!(
            "port range bounds must be between 0 and 65535, got {from}-{to}"
        ))),
    }
}

pub fn opened(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[FORMAT, OUTPUT, (&["endpoints"] as &[&str], false)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    arguments.at_most(0)?;
    let pending = hook(session)?.pending.clone();
    let by_endpoint = arguments.is_on("endpoints");
    let mut names: Vec<String> = Vec::new();
    for port in pending.ports(&session.model) {
        let name = match port.protocol.as_str() {
            "icmp" => "icmp".to_owned(),
            protocol => format!("{}/{protocol}", port.number),
        };
        let name = match (by_endpoint, port.endpoint.as_str()) {
            (false, _) => name,
            (true, "") => format!("{name} (*)"),
            (true, endpoint) => format!("{name} ({endpoint})"),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format::print(&json!(names), &arguments)
}
