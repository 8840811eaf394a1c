//! `application-version-set`.

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::protocol::Request;
use crate::session::Session;

pub fn set(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[])?;
    let Some(version) = arguments.positionals.first() else {
        return Err(Failure::usage("no version specified"));
    };
    arguments.at_most(1)?;
    session.model.workload_version = version.clone();
    Ok(String::new())
}
