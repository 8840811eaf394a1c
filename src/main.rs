//! One binary: see [`ckf_hardening::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ckf_hardening::cli::main()
}
