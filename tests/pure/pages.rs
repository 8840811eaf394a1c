//! Pages that name what the program says and does: messages occur in it, and every place that opens
//! a connection is described.

use std::fs;
use std::path::{Path, PathBuf};

use ckf_test_support::documents::read;
use ckf_test_support::root;

const MESSAGES: &str = "docs/how-to/troubleshoot.md";
const HOSTS: &str = "docs/reference/hosts-and-files.md";

/// What is shipped.
const SOURCES: [&str; 7] = [
    "src",
    "crates/ckf-audit/src",
    "crates/ckf-model/src",
    "crates/juju-charm/src",
    "crates/juju-client/src",
    "crates/oci-registry/src",
    "crates/printable/src",
];

/// What opens a connection.
const OPENERS: [&str; 4] =
    ["TcpStream::connect", "UnixStream::connect", "Client::builder()", "HttpConnector::new()"];

/// Files that open one, each with the row of the page that says to whom.
const PLACES: [(&str, &str); 10] = [
    ("crates/juju-charm/src/pebble/exec.rs", "Pebble, by a socket of the pod"),
    ("crates/juju-charm/src/pebble/socket.rs", "Pebble, by a socket of the pod"),
    ("crates/juju-client/src/transport.rs", "Juju's controller"),
    ("crates/oci-registry/src/client.rs", "registries of the releases' images"),
    ("src/agent/audit.rs", "the agent, on the unit's address"),
    ("src/charm/trace/send.rs", "the receiver of `charm-tracing`"),
    ("src/facts/charmhub.rs", "Charmhub: `charmhub-url`"),
    ("src/facts/client.rs", "the Kubernetes API server"),
    ("src/facts/handshake/client.rs", "the gateway's address"),
    ("src/facts/telemetry.rs", "COS's Prometheus"),
];
/// Whether registries, Charmhub or a proxy can be reached, before they are queried.
const REACHABLE: &str = "src/facts/reachable.rs";

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// Sources without their tests, by path from the project's directory.
fn shipped() -> Vec<(String, String)> {
    let files = SOURCES.iter().flat_map(|folder| sources(&root().join(folder)));
    let mut shipped: Vec<(String, String)> = files
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
            (path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), code)
        })
        .filter(|(path, _)| !path.ends_with("/tests.rs"))
        .collect();
    shipped.sort();
    shipped
}

/// The first cells of a page's tables.
fn first_cells(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| Some(row.split(" | ").next()?.to_owned())).collect()
}

/// The parts of a message that are the same each time: what is between placeholders and numbers.
fn fixed_parts(message: &str) -> Vec<String> {
    let is_placeholder = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let mut parts = vec![String::new()];
    for word in message.split(' ') {
        match is_placeholder(word) && word != "KUBECONFIG," && word != "URL" {
            true => parts.push(String::new()),
            false => {
                let part = parts.last_mut().unwrap();
                part.push_str(if part.is_empty() { "" } else { " " });
                part.push_str(word);
            }
        }
    }
    parts.retain(|part| part.len() > 3);
    parts
}

/// Source with texts that are continued on the next line joined.
fn joined(code: &str) -> String {
    let mut joined = String::new();
    let mut parts = code.split("\\\n");
    joined.push_str(parts.next().unwrap_or_default());
    parts.for_each(|part| joined.push_str(part.trim_start()));
    joined
}

#[test]
fn message_of_the_troubleshooting_page_is_one_of_the_program() {
    let sources: Vec<String> = shipped().iter().map(|(_, code)| joined(code)).collect();
    let page = read(MESSAGES);
    let cells = first_cells(&page);
    let messages: Vec<&str> =
        cells.iter().filter_map(|c| c.strip_prefix('`')?.strip_suffix('`')).collect();
    assert!(messages.len() > 15, "{messages:?}");
    for message in messages {
        let parts = fixed_parts(message);
        assert!(!parts.is_empty(), "{message}");
        let is_said = |code: &String| parts.iter().all(|part| code.contains(part));
        assert!(sources.iter().any(is_said), "no file says all of {parts:?}");
    }
}

#[test]
fn connection_has_a_row_in_the_page_of_hosts() {
    let opens = |code: &str| OPENERS.iter().any(|opener| code.contains(opener));
    let found: Vec<String> =
        shipped().into_iter().filter(|(_, code)| opens(code)).map(|(path, _)| path).collect();
    let mut known: Vec<&str> = PLACES.iter().map(|(path, _)| *path).collect();
    known.push(REACHABLE);
    known.sort_unstable();
    assert_eq!(found, known, "say in {HOSTS} to whom a new place connects, and list it here");
    let cells = first_cells(&read(HOSTS));
    for (path, row) in PLACES {
        let count = cells.iter().filter(|cell| cell.starts_with(row)).count();
        assert_eq!(count, 1, "{path}: {row}");
    }
}

#[test]
fn default_host_of_charmhub_is_the_one_that_pages_name() {
    let host = ckf_hardening::facts::charmhub::DEFAULT_URL.trim_start_matches("https://");
    for page in [HOSTS, "SECURITY.md"] {
        assert!(read(page).contains(host), "{page}");
    }
}
