//! One binary, two entry points: Juju's `dispatch` and the command line.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// What is freed is wiped: bodies of Secrets, passwords and tokens go through buffers of
/// libraries that do not wipe them.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Only Juju sets it, for every hook and action.
    if std::env::var_os("JUJU_DISPATCH_PATH").is_some() {
        ckf_hardening::charm::main()
    } else {
        ckf_hardening::cli::main()
    }
}
