//! `is-leader`.

use serde_json::Value;

use super::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::protocol::Request;
use crate::server::Session;

pub fn is_leader(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(0)?;
    format::print(&Value::Bool(session.model.leader), &arguments)
}
