//! A hook tool that costs as little as a process can: it prints what a file of its name in
//! the folder `JUJU_SIM_STUBS` holds. For measuring charms, not for testing them.

use std::io::Write as _;
use std::path::Path;

fn main() {
    let name = std::env::args_os().next().unwrap_or_default();
    let folder = std::env::var_os("JUJU_SIM_STUBS").unwrap_or_default();
    let file = Path::new(&name).file_name().unwrap_or_default();
    // The memory of who calls it, as it is then.
    if let Some(file) = std::env::var_os("JUJU_SIM_MEMORY") {
        let status = format!("/proc/{}/status", std::os::unix::process::parent_id());
        // Who measures finds nothing, and says so.
        let _ = std::fs::copy(status, file);
    }
    if let Ok(text) = std::fs::read(Path::new(&folder).join(file)) {
        // Who closes it has seen enough.
        let _ = std::io::stdout().write_all(&text);
    }
}
