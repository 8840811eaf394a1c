//! The hook tools, one file a family.

mod action;
mod cloud;
mod config;
mod goal;
mod leader;
mod log;
mod network;
mod port;
mod relation;
mod secret;
mod secret_read;
mod state;
mod status;
mod storage;
mod version;

use crate::failure::Failure;
use crate::protocol::{Answer, Request};
use crate::session::Session;

type Tool = fn(&mut Session, &Request) -> Result<String, Failure>;

/// All tools that there are.
pub const TOOLS: &[(&str, Tool)] = &[
    ("action-fail", action::fail),
    ("action-get", action::get),
    ("action-log", action::log),
    ("action-set", action::set),
    ("application-version-set", version::set),
    ("close-port", port::close),
    ("config-get", config::get),
    ("credential-get", cloud::credential),
    ("goal-state", goal::state),
    ("is-leader", leader::is_leader),
    ("juju-log", log::log),
    ("juju-reboot", cloud::reboot),
    ("network-get", network::get),
    ("open-port", port::open),
    ("opened-ports", port::opened),
    ("relation-get", relation::get),
    ("relation-ids", relation::ids),
    ("relation-list", relation::list),
    ("relation-model-get", relation::model_get),
    ("relation-set", relation::set),
    ("resource-get", cloud::resource),
    ("secret-add", secret::add),
    ("secret-get", secret_read::get),
    ("secret-grant", secret::grant),
    ("secret-ids", secret_read::ids),
    ("secret-info-get", secret_read::info),
    ("secret-remove", secret::remove),
    ("secret-revoke", secret::revoke),
    ("secret-set", secret::set),
    ("state-delete", state::delete),
    ("state-get", state::get),
    ("state-set", state::set),
    ("status-get", status::get),
    ("status-set", status::set),
    ("storage-add", storage::add),
    ("storage-get", storage::get),
    ("storage-list", storage::list),
    ("unit-get", network::unit_get),
];

/// Runs a tool.
pub fn call(session: &mut Session, request: &Request) -> Answer {
    let Some((_, tool)) = TOOLS.iter().find(|(name, _)| *name == request.tool) else {
        return Answer::End {
            code: 1,
            stdout: String::new(),
            stderr: format!("ERROR bad request: unknown command: {}\n", request.tool),
        };
    };
    match tool(session, request) {
        Ok(stdout) => Answer::End { code: 0, stdout, stderr: deprecated(request) },
        Err(Failure::NeedsInput) => Answer::NeedsInput,
        Err(Failure::Exit { code, message }) => {
            Answer::End { code, stdout: String::new(), stderr: format!("ERROR {message}\n") }
        }
    }
}

/// These print nothing, and Juju warns, without a newline, who asks for a format.
fn deprecated(request: &Request) -> String {
    let asks = request.arguments.iter().any(|a| a.starts_with("--format"));
    if asks && ["juju-log", "relation-set"].contains(&request.tool.as_str()) {
        format!("--format flag deprecated for command {:?}", request.tool)
    } else {
        String::new()
    }
}
