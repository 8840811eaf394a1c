//! Builds the hook tools' executable, so that a simulation finds it wherever the crate is a
//! dependency: Cargo builds no binaries of dependencies. It needs the compiler alone, takes about
//! a second, and is built again only after its sources have changed.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let sources = ["src/bin/hooksim.rs", "src/protocol.rs"];
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
    }
    let executable = PathBuf::from(variable("OUT_DIR")).join("hooksim");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg("--edition=2024").arg("--crate-type=bin").arg("--target").arg(variable("TARGET"));
    rustc.args(["-C", "opt-level=s", "-C", "strip=symbols", "-o"]).arg(&executable);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        rustc.arg("-C").arg(option);
    }
    let status = rustc.arg(Path::new(sources[0])).status().expect("rustc starts");
    assert!(status.success(), "rustc could not build the hook tools' executable");
}

fn variable(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("Cargo sets {name}"))
}
