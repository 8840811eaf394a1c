//! Embeds the catalogue's files in the binary, so that a new control or release is one new file.
//! They are embedded as JSON, which parses many times faster than YAML at startup.

#![expect(clippy::disallowed_methods, reason = "a build script reads files")]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut code = String::new();
    for (constant, folder) in [
        ("CONTROL_FILES", "controls"),
        ("RELEASE_FILES", "releases"),
        ("PAST_FILES", "past"),
        ("ALERT_FILES", "alerts"),
        ("OPTION_FILES", "options"),
        ("COMPANION_FILES", "companions"),
        ("SUPPORT_FILES", "support"),
        ("ADVISORY_FILES", "advisories"),
        ("FRAMEWORK_FILES", "frameworks"),
    ] {
        let folder = Path::new(&root).join("../../catalog").join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files: Vec<_> = fs::read_dir(&folder)
            .expect("the catalogue folder can be read")
            .map(|entry| entry.expect("the folder entry can be read").path())
            .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
            .collect();
        files.sort();
        writeln!(code, "const {constant}: &[(&str, &str)] = &[")
            .expect("writing to a string cannot fail");
        for file in files {
            let name = file.file_name().expect("a file has a name");
            let yaml = fs::read_to_string(&file).expect("the file can be read");
            let value: serde_json::Value =
                serde_yaml::from_str(&yaml).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            let json = value.to_string();
            writeln!(code, "    ({name:?}, {json:?}),").expect("writing to a string cannot fail");
        }
        code.push_str("];\n");
    }
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("catalog.rs"), code).expect("the output folder can be written");
}
