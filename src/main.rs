//! One binary, two lives: Juju's `dispatch` and the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Juju sets it for every hook and action, and nobody else does.
    if std::env::var_os("JUJU_DISPATCH_PATH").is_some() {
        ckf_hardening::charm::main()
    } else {
        ckf_hardening::cli::main()
    }
}
