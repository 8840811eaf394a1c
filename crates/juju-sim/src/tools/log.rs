//! `juju-log`.

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::model::LogLine;
use crate::protocol::Request;
use crate::session::{Session, hook};

const LEVELS: &[&str] = &["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

pub fn log(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[(&["debug"] as &[&str], false), (&["log-level", "l"], true), (&["format"], true)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    if arguments.positionals.is_empty() {
        return Err(Failure::usage("no message specified"));
    }
    let wanted = match arguments.value("log-level") {
        _ if arguments.is_on("debug") => "DEBUG".into(),
        Some(level) => level.to_ascii_uppercase(),
        None => "INFO".into(),
    };
    let message = arguments.positionals.join(" ");
    let running = hook(session)?.relation;
    let message = match running.and_then(|id| session.model.relation(id)) {
        Some(relation) => format!("{}: {message}", relation.name()),
        None => message,
    };
    if !LEVELS.contains(&wanted.as_str()) {
        session.model.log.push(LogLine {
            level: "WARNING".into(),
            message: format!("specified log level of {wanted:?} is not valid"),
        });
    }
    let known = LEVELS.iter().find(|level| **level == wanted);
    session.model.log.push(LogLine { level: (*known.unwrap_or(&"INFO")).into(), message });
    Ok(String::new())
}
