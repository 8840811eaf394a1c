//! `resource-get`, `credential-get`, `juju-reboot`.

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::protocol::Request;
use crate::session::{Session, hook};

pub fn resource(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[])?;
    let Some(name) = arguments.positionals.first() else {
        return Err(Failure::usage("missing required resource name"));
    };
    arguments.at_most(1)?;
    let model = &session.model;
    match model.resources.get(name) {
        Some(path) => Ok(path.display().to_string()),
        None => Err(Failure::run(format!(
            "could not download resource: HTTP request failed: Get \
             https://localhost:17070/model/{}/units/unit-{}/resources/{name}: resource {name:?} not found",
            model.uuid,
            model.unit.replace('/', "-"),
        ))),
    }
}

pub fn credential(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(0)?;
    match &session.model.cloud_credential {
        Some(credential) => format::print(credential, &arguments),
        None => Err(Failure::run(
            "cannot access cloud credentials: getting model credentials: permission denied",
        )),
    }
}

pub fn reboot(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[(&["now"] as &[&str], false)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    arguments.at_most(0)?;
    hook(session)?.pending.reboot = true;
    Ok(String::new())
}
