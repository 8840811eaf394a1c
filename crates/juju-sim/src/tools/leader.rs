//! `is-leader`.

use serde_json::Value;

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::protocol::Request;
use crate::session::Session;

pub fn is_leader(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(0)?;
    format::print(&Value::Bool(session.model.leader), &arguments)
}
